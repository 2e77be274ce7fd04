use super::*;
use crate::counters::DeviceCounters;
use crate::device::VirtioDevice;
use crate::queue::test_driver::{INDIRECT, NEXT, RawDescriptor, TestDriver, XorShift, activation, ram};
use parking_lot::Mutex;
use std::io::{self, Write};
use std::sync::Arc;

/// Sink that accepts ten thousand bytes and refuses the rest.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut sink = self.0.lock();
        let room = 10_000 - sink.len();
        let fits = bytes.len().min(room);
        sink.extend(&bytes[..fits]);
        Ok(fits)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn setup() -> (Console, TestDriver, Sink, Arc<DeviceCounters>) {
    let sink = Sink::default();
    let (console, driver, counters) = setup_with(Box::new(sink.clone()));
    (console, driver, sink, counters)
}

fn setup_with(sink: Box<dyn Write + Send>) -> (Console, TestDriver, Arc<DeviceCounters>) {
    let memory = ram(4);
    let receive = TestDriver::new(&memory, 0x10_0000, 64);
    let transmit = TestDriver::new(&memory, 0x20_0000, 64);
    let counters = Arc::new(DeviceCounters::default());
    let mut console = Console::new(sink, Vec::new(), counters.clone()).unwrap();
    console.activate(activation(&memory, &[&receive, &transmit], console.features()).0).unwrap();
    (console, transmit, counters)
}

mod ports;

#[test]
fn what_the_guest_writes_is_on_paper_in_order() {
    let (mut console, mut driver, sink, counters) = setup();
    let long = vec![b'x'; 6000];
    driver.send(&[b"first ", b"line\n"], &[]);
    driver.send_indirect(&[&long], &[]);
    driver.send(&[], &[8]);
    console.queue_notified(0);
    console.queue_notified(1);
    assert_eq!(driver.used().len(), 3);
    assert_eq!(counters.malformed_chains.get(), 1);
    assert_eq!(*sink.0.lock(), [b"first line\n".as_slice(), &long].concat());
    assert_eq!(counters.console_lost.get(), 0);
    driver.send(&[&long], &[]);
    console.queue_notified(1);
    assert_eq!(driver.used().len(), 1, "a full sink does not stall the guest");
    assert_eq!(counters.console_lost.get(), 1);
}

#[test]
fn a_buffer_without_end_is_cut_and_counted() {
    let (mut console, mut driver, counters) = setup_with(Box::new(io::sink()));
    let page = vec![b'y'; 512 << 10];
    driver.send_indirect(&[&page], &[]);
    console.queue_notified(1);
    assert_eq!(counters.console_lost.get(), 0);
    let address = driver.buffer(16);
    let again = |next, flags| RawDescriptor { address: 0x20_8000, len: 512 << 10, flags, next };
    for (i, flags) in [NEXT, NEXT, 0].into_iter().enumerate() {
        driver.set_descriptor(address, i as u16, again(i as u16 + 1, flags));
    }
    driver.send_raw(&[RawDescriptor { address, len: 48, flags: INDIRECT, next: 0 }]);
    console.queue_notified(1);
    assert_eq!(driver.used().len(), 2);
    assert_eq!(counters.console_lost.get(), 1);
}

#[test]
fn garbage_is_always_returned() {
    let (mut console, mut driver, _, _) = setup();
    let mut random = XorShift(0xE703_7ED1_A0B4_28DB);
    for _ in 0..2000 {
        driver.send_garbage(&mut random);
        console.queue_notified(1);
        assert_eq!(driver.used().len(), 1);
    }
    assert!(!console.needs_reset());
}
