use super::*;

#[test]
fn frames_leave_unchanged_and_in_order() {
    let mut guest = guest(Offloads::NONE, ALL_FEATURES);
    let frames = [frame(14, 1), frame(60, 2), frame(1514, 3), frame(65_534, 4)];
    for frame in &frames {
        guest.tx.send_indirect(&[&[0; 5], &[0; 7], &frame[..9], &frame[9..]], &[]);
    }
    guest.net.queue_notified(TX);
    assert_eq!(guest.tx.used().len(), 4);
    assert!(guest.sent().into_iter().map(|(_, frame)| frame).eq(frames));
    assert_eq!(guest.interrupts.take(), [Some(TX)]);
}

#[test]
fn a_frame_fills_as_many_buffers_as_it_needs() {
    let mut guest = guest(Offloads::NONE, ALL_FEATURES);
    let buffers = [20, 1000, 1000, 1000, 5000].map(|len| guest.rx.send(&[], &[len]));
    guest.net.queue_notified(RX);
    assert_eq!(guest.rx.used(), []);
    let (large, small) = (frame(2100, 1), frame(60, 2));
    guest.arrives(Header::default(), &large);
    guest.arrives(Header::default(), &small);
    guest.net.event(2);
    let lengths = [20, 1000, 1000, 92, 72];
    let used: Vec<_> = buffers.iter().map(|buffer| buffer.head).zip(lengths).collect();
    assert_eq!(guest.rx.used(), used);
    let bytes: Vec<u8> = buffers
        .iter()
        .zip(lengths)
        .flat_map(|(b, len)| guest.rx.written(b)[..len as usize].to_vec())
        .collect();
    assert_eq!(bytes[..12], Header::default().encode(4));
    assert!(bytes[12..2112] == large);
    assert_eq!(bytes[2112..2124], Header::default().encode(1));
    assert!(bytes[2124..] == small);
    assert_eq!(guest.interrupts.take(), [Some(RX)]);
}

#[test]
fn frames_wait_for_buffers_and_the_backend_is_left_alone_meanwhile() {
    let mut guest = guest(Offloads::NONE, ALL_FEATURES);
    assert!(guest.peer.lock().wanted, "frames are wanted to know that buffers are");
    guest.arrives(Header::default(), &frame(1000, 1));
    guest.net.event(2);
    assert!(!guest.peer.lock().wanted);
    // Half of what it needs is no help, and is kept for when the rest comes.
    guest.rx.send(&[], &[600]);
    guest.net.queue_notified(RX);
    assert_eq!(guest.rx.used(), []);
    guest.rx.send(&[], &[600]);
    guest.net.queue_notified(RX);
    assert_eq!(guest.rx.used().iter().map(|(_, len)| len).sum::<u32>(), 1012);
    assert!(guest.peer.lock().wanted);
}

#[test]
fn without_merging_a_frame_that_is_too_long_is_lost_with_its_buffer() {
    let mut guest = guest(Offloads::NONE, ALL_FEATURES & !MRG_RXBUF);
    let (first, second) = (guest.rx.send(&[], &[100]), guest.rx.send(&[], &[100]));
    guest.arrives(Header::default(), &frame(89, 1));
    guest.arrives(Header::default(), &frame(88, 2));
    guest.net.queue_notified(RX);
    assert_eq!(guest.rx.used(), [(first.head, 0), (second.head, 100)]);
    assert_eq!(guest.counters.net_dropped_frames.get(), 1);
}

#[test]
fn the_configuration_tells_address_link_and_mtu() {
    let guest = guest(Offloads::NONE, ALL_FEATURES);
    let mut config = [0xEE; 14];
    guest.net.read_config(0, &mut config);
    assert_eq!(config[..6], MAC);
    assert_eq!(config[6..], [1, 0, 0, 0, 0x28, 0x23, 0, 0]);
}

#[test]
fn the_driver_hears_when_the_link_goes_and_comes() {
    let mut guest = guest(Offloads::NONE, ALL_FEATURES);
    for up in [false, true] {
        guest.peer.lock().up = up;
        guest.net.event(2);
        assert_eq!(guest.interrupts.take(), [None]);
        assert_eq!(guest.status(), u16::from(up));
        guest.net.event(2);
        assert_eq!(guest.interrupts.take(), []);
    }
    assert_eq!(guest.counters.net_link_losses.get(), 1);
}

#[test]
fn a_backend_without_link_takes_frames_and_loses_them() {
    let memory = ram(8);
    let drivers = [1, 2, 3].map(|mib: u64| TestDriver::new(&memory, mib << 20, 16));
    let null_backend = Box::new(NullBackend::new().unwrap());
    let counters = Arc::new(DeviceCounters::default());
    let mut net = Net::new(MAC, null_backend, RateLimiter::new(RateLimit::default()), counters).unwrap();
    let [rx, mut tx, ctrl] = drivers;
    net.activate(activation(&memory, &[&rx, &tx, &ctrl], net.features()).0).unwrap();
    let mut status = [9; 2];
    net.read_config(6, &mut status);
    assert_eq!(status, [0, 0]);
    tx.send(&[&[0; 12], &frame(60, 1)], &[]);
    net.queue_notified(TX);
    assert_eq!(tx.used().len(), 1);
}

#[test]
fn a_reset_forgets_the_driver_and_keeps_the_backend() {
    let mut guest = guest(Offloads::NONE, ALL_FEATURES);
    let stale = guest.rx.send(&[], &[50]);
    guest.arrives(Header::default(), &frame(1000, 1));
    guest.net.queue_notified(RX);
    guest.net.reset();
    assert!(!guest.peer.lock().wanted);
    guest.net.event(2);
    let memory = guest.rx.memory.clone();
    (guest.rx, guest.tx) = (TestDriver::new(&memory, 4 << 20, 64), TestDriver::new(&memory, 5 << 20, 64));
    guest.ctrl = TestDriver::new(&memory, 6 << 20, 16);
    guest.rx.send(&[], &[2000]);
    guest.activate(ALL_FEATURES);
    assert_eq!(guest.rx.used().len(), 1, "what had arrived is for the next driver");
    assert_eq!(guest.rx.written(&stale), [0xAA; 50], "the last one's memory is its own again");
    guest.send(&Header::default(), &frame(60, 3));
    guest.net.queue_notified(TX);
    assert_eq!(guest.sent().len(), 1);
}
