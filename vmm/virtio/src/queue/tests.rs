use super::test_driver::{INDIRECT, InterruptLog, NEXT, RawDescriptor, TestDriver, WRITE, activation, ram};
use super::*;

const EVENT_IDX: u64 = 1 << VIRTIO_RING_F_EVENT_IDX;

fn setup(features: u64) -> (TestDriver, DeviceQueue, Arc<InterruptLog>, Arc<DeviceCounters>) {
    let memory = ram(2);
    let driver = TestDriver::new(&memory, 0x10_0000, 16);
    let (mut activation, interrupts) = activation(&memory, &[&driver], features);
    let counters = Arc::new(DeviceCounters::default());
    let queue = DeviceQueue::take(&mut activation, 0, &counters).unwrap();
    (driver, queue, interrupts, counters)
}

fn descriptor(address: u64, len: u32, flags: u16, next: u16) -> RawDescriptor {
    RawDescriptor { address, len, flags, next }
}

#[test]
fn bytes_cross_segment_borders() {
    let (mut driver, mut queue, interrupts, _) = setup(0);
    for indirect in [false, true] {
        let parts: (&[&[u8]], &[usize]) = (&[b"ab", b"", b"cdef"], &[3, 5]);
        let sent =
            if indirect { driver.send_indirect(parts.0, parts.1) } else { driver.send(parts.0, parts.1) };
        let chain = queue.pop().unwrap();
        assert_eq!((chain.readable_len(), chain.writable_len()), (6, 8));
        let mut read = [0; 4];
        chain.read(1, &mut read).unwrap();
        assert_eq!(&read, b"bcde");
        assert_eq!(chain.read(3, &mut read), Err(OutOfChain));
        chain.write(2, b"xyz").unwrap();
        assert_eq!(chain.write(6, b"xyz"), Err(OutOfChain));
        queue.complete(chain, 5);
        queue.signal();
        assert_eq!(driver.used(), [(sent.head, 5)]);
        assert_eq!(&driver.written(&sent)[..5], b"\xAA\xAAxyz");
        assert_eq!(interrupts.take(), [Some(0)]);
    }
    assert!(queue.pop().is_none());
}

#[test]
fn malformed_chains_come_back_empty_and_counted() {
    let (mut driver, mut queue, interrupts, counters) = setup(0);
    let at = driver.buffer(64);
    let nested = driver.buffer(64);
    driver.set_descriptor(nested, 0, descriptor(at, 16, INDIRECT, 0));
    type Build = fn(u64, u64, u16) -> Vec<RawDescriptor>;
    let cases: [Build; 8] = [
        // Outside of memory, across its end, and around the end of all addresses.
        |_, _, _| vec![descriptor(0x4000_0000, 8, 0, 0)],
        |_, _, _| vec![descriptor(0x1F_FFF8, 16, WRITE, 0)],
        |_, _, _| vec![descriptor(u64::MAX - 4, 16, 0, 0)],
        // A link that leads out of the table, and one that leads back to itself.
        |at, _, _| vec![descriptor(at, 8, NEXT, 16)],
        |at, _, own| vec![descriptor(at, 8, NEXT, own)],
        // A readable part after a writable one.
        |at, _, own| vec![descriptor(at, 8, WRITE | NEXT, (own + 1) % 16), descriptor(at, 8, 0, 0)],
        // Indirect tables: one of half a descriptor, one within another.
        |_, nested, _| vec![descriptor(nested, 8, INDIRECT, 0)],
        |_, nested, _| vec![descriptor(nested, 16, INDIRECT, 0)],
    ];
    for (i, build) in cases.iter().enumerate() {
        let chain = build(at, nested, driver.next_index());
        let head = driver.send_raw(&chain);
        let good = driver.send(&[b"good"], &[]);
        let chain = queue.pop().unwrap_or_else(|| panic!("case {i} cost the chain behind it"));
        queue.complete(chain, 0);
        queue.signal();
        assert_eq!(driver.used(), [(head, 0), (good.head, 0)], "case {i}");
        assert_eq!(counters.malformed_chains.get(), i as u64 + 1);
        assert_eq!(interrupts.take(), [Some(0)]);
    }
    assert!(!queue.broken());
}

#[test]
fn lying_indices_break_the_queue() {
    let (driver, mut queue, _, counters) = setup(0);
    driver.publish_index(17);
    assert!(queue.pop().is_none());
    assert!(queue.broken());
    assert_eq!(counters.broken_queues.get(), 1);
    driver.publish_index(0);
    assert!(queue.pop().is_none(), "a broken queue stays so until reset");

    let (mut driver, mut queue, ..) = setup(0);
    driver.publish(999);
    assert!(queue.pop().is_none());
    assert!(queue.broken());
    assert_eq!(driver.used(), []);
}

#[test]
fn event_idx_keeps_both_sides_quiet() {
    let (mut driver, mut queue, interrupts, _) = setup(EVENT_IDX);
    assert!(queue.pop().is_none());
    assert_eq!(driver.available_event(), 0, "the first chain must notify");
    driver.set_used_event(1);
    for expected in [vec![], vec![Some(0)], vec![]] {
        driver.send(&[b"x"], &[]);
        let chain = queue.pop().unwrap();
        queue.complete(chain, 0);
        queue.signal();
        assert_eq!(interrupts.take(), expected);
    }
    assert_eq!(driver.available_event(), 0, "no notification while chains are available");
    assert!(queue.pop().is_none());
    assert_eq!(driver.available_event(), 3);
    queue.signal();
    assert_eq!(interrupts.take(), [], "nothing new to signal");
}

#[test]
fn a_batch_that_passes_the_used_event_interrupts_once() {
    let (mut driver, mut queue, interrupts, _) = setup(EVENT_IDX);
    driver.set_used_event(1);
    for _ in 0..4 {
        driver.send(&[b"x"], &[]);
    }
    while let Some(chain) = queue.pop() {
        queue.complete(chain, 0);
    }
    queue.signal();
    assert_eq!(interrupts.take(), [Some(0)]);
}

#[test]
fn chains_that_belong_together_come_back_in_order_and_count_for_the_used_event() {
    let (mut driver, mut queue, interrupts, _) = setup(EVENT_IDX);
    // Around the ring's end as well: three go back each time, and the driver wants the second.
    for round in 0..8u16 {
        driver.set_used_event(round * 3 + 1);
        let sent = [(); 3].map(|()| driver.send(&[], &[16]).head);
        let chains: Vec<Chain> = sent.iter().map(|_| queue.pop().unwrap()).collect();
        queue.complete_together(chains.into_iter().zip(1..));
        queue.signal();
        assert_eq!(driver.used(), [(sent[0], 1), (sent[1], 2), (sent[2], 3)]);
        assert_eq!(interrupts.take(), [Some(0)], "round {round}");
    }
}

#[test]
fn no_interrupt_flag_is_honoured() {
    let (mut driver, mut queue, interrupts, _) = setup(0);
    driver.set_available_flags(VRING_AVAIL_F_NO_INTERRUPT as u16);
    driver.send(&[b"x"], &[]);
    let chain = queue.pop().unwrap();
    queue.complete(chain, 0);
    queue.signal();
    assert_eq!(interrupts.take(), []);
    assert!(!driver.kicks_suppressed());
}

#[test]
fn rings_outside_of_memory_are_refused() {
    let memory = ram(1);
    let driver = TestDriver::new(&memory, 0x10_0000, 16);
    let (mut activation, _) = activation(&memory, &[&driver], 0);
    let counters = Arc::new(DeviceCounters::default());
    let error = DeviceQueue::take(&mut activation, 0, &counters).err();
    assert!(matches!(error, Some(ActivateError::QueueInvalid(0))));
    let error = DeviceQueue::take(&mut activation, 3, &counters).err();
    assert!(matches!(error, Some(ActivateError::QueueMissing(3))));
}
