use super::*;
use crate::counters::DeviceCounters;
use crate::device::VirtioDevice;
use crate::queue::test_driver::{InterruptLog, TestDriver, XorShift, activation, ram};
use std::os::fd::RawFd;
use std::sync::Arc;
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

const PAGE: u64 = 4096;
const MIB: u64 = 1 << 20;
const LARGEST_MIB: u32 = 16;
/// Guest address of pages without rings and buffers.
const SPARE: u64 = 8 * MIB;
const CONTROL: usize = 0;
const LATER: usize = 1;

struct Bench {
    balloon: Balloon,
    memory: Arc<GuestMemoryMmap>,
    counters: Arc<DeviceCounters>,
    interrupts: Arc<InterruptLog>,
    inflate: TestDriver,
    deflate: TestDriver,
    statistics: TestDriver,
    reporting: TestDriver,
}

/// Creates a balloon whose driver has free page reporting in queue `reporting`.
fn bench_with(reporting_index: usize) -> Bench {
    let memory = ram(16);
    memory.write_slice(&vec![7; (8 * MIB) as usize], GuestAddress(SPARE)).unwrap();
    let driver = |place: u64| TestDriver::new(&memory, place * MIB, 64);
    let (inflate, deflate, statistics, reporting) = (driver(1), driver(2), driver(3), driver(4));
    let counters = Arc::new(DeviceCounters::default());
    let mut balloon = Balloon::new(LARGEST_MIB, counters.clone()).unwrap();
    let (mut activation, interrupts) =
        activation(&memory, &[&inflate, &deflate, &statistics], balloon.features());
    activation.queues.resize_with(5, || None);
    activation.queues[reporting_index] = Some(reporting.queue());
    balloon.activate(activation).unwrap();
    Bench { balloon, memory, counters, interrupts, inflate, deflate, statistics, reporting }
}

fn bench() -> Bench {
    bench_with(3)
}

fn list(pages: impl IntoIterator<Item = u64>) -> Vec<u8> {
    pages.into_iter().flat_map(|page| (page as u32).to_le_bytes()).collect()
}

impl Bench {
    /// Whether the page at `address` has what was written before.
    fn kept(&self, address: u64) -> bool {
        self.memory.read_obj::<u8>(GuestAddress(address)).unwrap() == 7
    }

    fn figure(&self, name: &str) -> Option<u64> {
        self.balloon.control().figures().into_iter().find(|figure| figure.0 == name).map(|figure| figure.1)
    }
}

fn readable(fd: RawFd) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one valid entry.
    unsafe { libc::poll(&raw mut poll, 1, 0) == 1 }
}

fn statistics(available: u64) -> Vec<u8> {
    [&6u16.to_le_bytes()[..], &available.to_le_bytes()].concat()
}

#[test]
fn the_driver_learns_of_a_target_and_tells_how_far_it_is() {
    let mut bench = bench();
    bench.balloon.control().set_target(3).unwrap();
    bench.balloon.event(CONTROL);
    assert_eq!(bench.interrupts.take(), [None], "a configuration change");
    let mut target = [0; 4];
    bench.balloon.read_config(0, &mut target);
    assert_eq!(u32::from_le_bytes(target), 3 * 256);
    bench.balloon.write_config(4, &512u32.to_le_bytes());
    bench.balloon.write_config(0, &[0xFF; 4]);
    bench.balloon.write_config(u64::MAX, &[0xFF; 4]);
    assert_eq!((bench.figure("balloon_mib"), bench.figure("balloon_target_mib")), (Some(2), Some(3)));
    bench.balloon.event(CONTROL);
    assert_eq!(bench.interrupts.take(), [], "nothing new");
    bench.balloon.reset();
    assert_eq!((bench.figure("balloon_mib"), bench.figure("balloon_target_mib")), (Some(0), Some(3)));
}

#[test]
fn a_balloon_leaves_the_guest_something_to_run_in() {
    let bench = bench();
    let error = bench.balloon.control().set_target(LARGEST_MIB + 1).unwrap_err();
    assert_eq!(error, TargetError::TooLarge { requested: LARGEST_MIB + 1, max: LARGEST_MIB });
    bench.balloon.control().set_target(LARGEST_MIB).unwrap();
}

#[test]
fn memory_that_stays_is_neither_asked_for_nor_reported() {
    let counters = Arc::new(DeviceCounters::default());
    let fixed = Balloon::new(0, counters.clone()).unwrap();
    let usual = Balloon::new(LARGEST_MIB, counters).unwrap();
    assert_eq!(usual.features() & !fixed.features(), 1 << 5);
    assert_eq!(fixed.control().set_target(1), Err(TargetError::Fixed));
    fixed.control().set_target(0).unwrap();
}

#[test]
fn inflated_pages_are_given_back_and_can_be_used_again() {
    let mut bench = bench();
    let page = SPARE / PAGE;
    let sent = bench.inflate.send(&[&list([page + 2, page, page + 1, page + 4])], &[]);
    bench.balloon.queue_notified(0);
    assert_eq!(bench.inflate.used(), [(sent.head, 0)]);
    assert_eq!(bench.interrupts.take(), [Some(0)]);
    let kept: Vec<bool> = (0..6).map(|page| bench.kept(SPARE + page * PAGE)).collect();
    assert_eq!(kept, [false, false, false, true, false, true]);
    let sent = bench.deflate.send(&[&list([page])], &[]);
    bench.balloon.queue_notified(1);
    assert_eq!(bench.deflate.used(), [(sent.head, 0)]);
    bench.memory.write_obj(7u8, GuestAddress(SPARE)).unwrap();
    assert!(bench.kept(SPARE));
    assert_eq!(bench.counters.balloon_refused.get(), 0);
}

#[test]
fn pages_that_are_not_the_guests_are_refused_and_counted() {
    let mut bench = bench();
    let page = SPARE / PAGE;
    bench.inflate.send(&[&list([u64::from(u32::MAX), page, 16 * MIB / PAGE])], &[]);
    bench.inflate.send(&[], &[8]);
    bench.inflate.send(&[&list((0..2000).map(|_| page + 1))], &[]);
    bench.balloon.queue_notified(0);
    assert_eq!(bench.inflate.used().len(), 3);
    assert!(!bench.kept(SPARE) && !bench.kept(SPARE + PAGE), "the good pages in bad company went");
    assert_eq!(bench.counters.balloon_refused.get(), 3);
    assert_eq!(bench.counters.malformed_chains.get(), 1);
}

#[test]
fn reported_pages_are_given_back_from_either_queue() {
    for index in [3, 4] {
        let mut bench = bench_with(index);
        // The report is the pages themselves, as writable buffers: here within the driver's own MiB.
        let sent = bench.reporting.send(&[], &[3 * PAGE as usize]);
        let (start, _) = sent.writable[0];
        let first = start.next_multiple_of(PAGE);
        bench.balloon.queue_notified(index as u16);
        assert_eq!(bench.reporting.used(), [(sent.head, 0)]);
        assert_eq!(bench.memory.read_obj::<u8>(GuestAddress(first)).unwrap(), 0, "queue {index}");
        assert_eq!(bench.memory.read_obj::<u8>(GuestAddress(first + PAGE)).unwrap(), 0);
        if start < first {
            assert_eq!(bench.memory.read_obj::<u8>(GuestAddress(start)).unwrap(), 0xAA, "a part of a page");
        }
    }
}

#[test]
fn statistics_arrive_and_are_asked_for_anew() {
    let mut bench = bench();
    assert_eq!(bench.figure("guest_available_mib"), None);
    let first = bench.statistics.send(&[&statistics(100 * MIB)], &[]);
    bench.balloon.queue_notified(2);
    assert_eq!(bench.statistics.used(), [], "the device keeps the buffer");
    assert_eq!(bench.figure("guest_available_mib"), Some(100));
    bench.balloon.event(CONTROL);
    assert_eq!(bench.statistics.used(), [(first.head, 0)], "looking asks for new ones");
    bench.statistics.send(&[&statistics(90 * MIB)], &[]);
    bench.balloon.queue_notified(2);
    assert_eq!(bench.figure("guest_available_mib"), Some(90));
    bench.balloon.reset();
    assert_eq!(bench.figure("guest_available_mib"), None);
}

#[test]
fn what_was_left_before_the_device_was_ready_is_found() {
    let mut bench = bench();
    bench.statistics.send(&[&statistics(100 * MIB)], &[]);
    assert!(readable(bench.balloon.event_fds()[LATER]), "the device looks after its start");
    bench.balloon.event(LATER);
    assert_eq!(bench.figure("guest_available_mib"), Some(100));
}

#[test]
fn a_flood_is_served_in_portions() {
    let mut bench = bench();
    let page = SPARE / PAGE;
    for _ in 0..20 {
        bench.inflate.send(&[&list([page])], &[]);
    }
    bench.balloon.queue_notified(0);
    let at_once = bench.inflate.used().len();
    assert!((1..20).contains(&at_once), "{at_once}");
    let mut rest = 0;
    while readable(bench.balloon.event_fds()[LATER]) {
        bench.balloon.event(LATER);
        rest += bench.inflate.used().len();
    }
    assert_eq!(at_once + rest, 20);
}

#[test]
fn garbage_is_always_returned() {
    let mut bench = bench();
    let mut random = XorShift(0x2545_F491_4F6C_DD1D);
    for round in 0..2000 {
        let (driver, index) = match round % 3 {
            0 => (&mut bench.inflate, 0),
            1 => (&mut bench.deflate, 1),
            _ => (&mut bench.statistics, 2),
        };
        driver.send_garbage(&mut random);
        bench.balloon.queue_notified(index);
        if index < 2 {
            assert_eq!(driver.used().len(), 1);
        }
    }
    assert!(!bench.balloon.needs_reset());
}
