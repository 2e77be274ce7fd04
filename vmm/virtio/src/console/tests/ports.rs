//! Named ports, from the sides of the driver and of the host.

use super::super::*;
use crate::counters::DeviceCounters;
use crate::device::VirtioDevice;
use crate::queue::test_driver::{Sent, TestDriver, XorShift, activation, ram};
use parking_lot::Mutex;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use vmm_sys_util::epoll::{ControlOperation, Epoll, EpollEvent, EventSet};

const CONTROL_RECEIVE: usize = 2;
const CONTROL_TRANSMIT: usize = 3;

/// A console with two named ports, its driver, and the host's ends.
struct Bench {
    console: Console,
    queues: Vec<TestDriver>,
    /// Buffer of the next control message.
    buffer: Option<Sent>,
    hosts: Vec<UnixStream>,
    opened: Arc<Mutex<Vec<(usize, bool)>>>,
    counters: Arc<DeviceCounters>,
    /// Descriptors that an event loop would watch.
    epoll: Epoll,
}

impl Bench {
    fn new() -> Self {
        let memory = ram(16);
        let queues: Vec<_> = (1..=8).map(|base| TestDriver::new(&memory, base << 20, 64)).collect();
        let counters = Arc::new(DeviceCounters::default());
        let opened = Arc::new(Mutex::new(Vec::new()));
        let mut hosts = Vec::new();
        let mut named = Vec::new();
        for (index, name) in ["com.example.one", "com.example.two"].into_iter().enumerate() {
            let (host, stream) = UnixStream::pair().unwrap();
            host.set_nonblocking(true).unwrap();
            hosts.push(host);
            let opened = opened.clone();
            let on_open = Box::new(move |open| opened.lock().push((index, open)));
            named.push(NamedPort { name, stream, on_open });
        }
        let console = Console::new(Box::new(io::sink()), named, counters.clone()).unwrap();
        let epoll = Epoll::new().unwrap();
        for (token, fd) in console.event_fds().into_iter().enumerate() {
            epoll.ctl(ControlOperation::Add, fd, EpollEvent::new(EventSet::IN, token as u64)).unwrap();
        }
        let mut bench = Self { console, queues, buffer: None, hosts, opened, counters, epoll };
        bench.activate();
        bench
    }

    fn activate(&mut self) {
        let queues: Vec<&TestDriver> = self.queues.iter().collect();
        assert_eq!(self.console.queue_sizes().len(), queues.len());
        let (activation, _) = activation(&queues[0].memory, &queues, self.console.features());
        self.console.activate(activation).unwrap();
    }

    /// Initialises the driver up to the point at which programs can open ports.
    fn ready(&mut self) {
        self.control(u32::MAX, 0, 1);
        for port in 0..3 {
            self.control(port, 3, 1);
        }
        assert_eq!(self.received_messages().len(), 9);
    }

    fn control(&mut self, port: u32, event: u16, value: u16) {
        let message = [&port.to_le_bytes()[..], &event.to_le_bytes(), &value.to_le_bytes()].concat();
        self.queues[CONTROL_TRANSMIT].send(&[&message], &[]);
        self.console.queue_notified(CONTROL_TRANSMIT as u16);
        assert_eq!(self.queues[CONTROL_TRANSMIT].used().len(), 1, "every message comes back");
    }

    /// Returns the control messages of the device: port, event, value, text.
    fn received_messages(&mut self) -> Vec<(u32, u16, u16, String)> {
        let queue = &mut self.queues[CONTROL_RECEIVE];
        let mut all = Vec::new();
        loop {
            let sent = self.buffer.take().unwrap_or_else(|| queue.send(&[], &[64]));
            self.console.queue_notified(CONTROL_RECEIVE as u16);
            let Some(&(_, length)) = queue.used().first() else {
                self.buffer = Some(sent);
                return all;
            };
            let bytes = &queue.written(&sent)[..length as usize];
            let port = u32::from_le_bytes(bytes[..4].try_into().unwrap());
            let word = |at: usize| u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap());
            all.push((port, word(4), word(6), String::from_utf8(bytes[8..].to_vec()).unwrap()));
        }
    }

    /// Handles pending events as an event loop does; returns whether there were any.
    fn events(&mut self) -> bool {
        let mut events = [EpollEvent::default(); 8];
        let count = self.epoll.wait(0, &mut events).unwrap();
        for event in &events[..count] {
            self.console.event(event.data() as usize);
        }
        count > 0
    }

    /// Writes to the first named port, queues 4 and 5.
    fn guest_writes(&mut self, bytes: &[u8]) {
        self.queues[5].send(&[bytes], &[]);
        self.console.queue_notified(5);
    }

    fn host_reads(&mut self) -> Vec<u8> {
        let mut buffer = vec![0; 1 << 20];
        match self.hosts[0].read(&mut buffer) {
            Ok(read) => buffer[..read].to_vec(),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                Vec::new()
            }
        }
    }
}

#[test]
fn ports_are_made_known_by_name() {
    let mut bench = Bench::new();
    let mut config = [0; 4];
    bench.console.read_config(4, &mut config);
    assert_eq!(u32::from_le_bytes(config), 3);
    bench.control(u32::MAX, 0, 1);
    let added: Vec<_> = (0..3).map(|port| (port, 1, 1, String::new())).collect();
    assert_eq!(bench.received_messages(), added);
    bench.control(0, 3, 1);
    assert_eq!(bench.received_messages(), [(0, 4, 1, String::new()), (0, 6, 1, String::new())]);
    bench.control(2, 3, 1);
    assert_eq!(
        bench.received_messages(),
        [(2, 7, 1, "com.example.two".to_owned()), (2, 6, 1, String::new())]
    );
    assert_eq!(bench.counters.console_control_refused.get(), 0);
}

#[test]
fn wrong_control_messages_are_counted_and_change_nothing() {
    let mut bench = Bench::new();
    let wrong = [(0, 3, 1), (1, 6, 1), (0, 0, 0), (0, 1, 1), (0, 99, 1)];
    for (port, event, value) in wrong {
        bench.control(port, event, value);
    }
    bench.ready();
    for (port, event, value) in [(7, 3, 1), (u32::MAX, 6, 1), (1, 3, 1), (1, 6, 2), (0, 0, 1)] {
        bench.control(port, event, value);
    }
    assert_eq!(bench.counters.console_control_refused.get(), 10);
    bench.queues[CONTROL_TRANSMIT].send(&[b"short"], &[]);
    bench.console.queue_notified(CONTROL_TRANSMIT as u16);
    assert_eq!(bench.counters.malformed_chains.get(), 1);
    assert_eq!(bench.received_messages(), []);
    assert_eq!(*bench.opened.lock(), []);
}

#[test]
fn bytes_travel_both_ways_while_the_port_is_open() {
    let mut bench = Bench::new();
    bench.ready();
    bench.guest_writes(b"nobody listens");
    assert_eq!(bench.queues[5].used().len(), 1);
    bench.control(1, 6, 1);
    assert_eq!(*bench.opened.lock(), [(0, true)]);
    bench.guest_writes(b"hello ");
    bench.guest_writes(b"host");
    assert_eq!(bench.host_reads(), b"hello host");

    bench.hosts[0].write_all(b"hello guest").unwrap();
    assert!(!bench.events(), "there is no buffer for it");
    let first = bench.queues[4].send(&[], &[5]);
    let second = bench.queues[4].send(&[], &[100]);
    let third = bench.queues[4].send(&[], &[100]);
    bench.console.queue_notified(4);
    assert_eq!(bench.queues[4].used(), [(first.head, 5), (second.head, 6)]);
    assert_eq!(&bench.queues[4].written(&second)[..6], b" guest");
    bench.hosts[0].write_all(b"!").unwrap();
    assert!(bench.events(), "now there is");
    assert_eq!(bench.queues[4].used(), [(third.head, 1)]);
    assert!(!bench.events(), "and then all is quiet");
}

#[test]
fn a_slow_host_makes_the_guest_wait_and_loses_nothing() {
    let mut bench = Bench::new();
    bench.ready();
    bench.control(1, 6, 1);
    let mut written = Vec::new();
    let mut used = 0;
    for n in 0..45u8 {
        let bytes: Vec<u8> = (0..20_000u32).map(|at| (at as u8).wrapping_add(n)).collect();
        bench.guest_writes(&bytes);
        written.extend(bytes);
        used += bench.queues[5].used().len();
    }
    assert!(used < 45, "the guest's buffers wait");
    let mut read = Vec::new();
    while read.len() < written.len() {
        let chunk = bench.host_reads();
        assert!(!chunk.is_empty() || bench.events(), "it is stuck");
        read.extend(chunk);
    }
    assert!(read == written);
    assert_eq!(used + bench.queues[5].used().len(), 45);
    assert_eq!(bench.counters.console_lost.get(), 0);
}

#[test]
fn what_was_meant_for_one_program_does_not_reach_the_next() {
    let mut bench = Bench::new();
    bench.ready();
    bench.control(1, 6, 1);
    bench.hosts[0].write_all(b"for the first").unwrap();
    for _ in 0..60 {
        bench.guest_writes(&[7; 20_000]);
    }
    bench.control(1, 6, 0);
    assert_eq!(bench.queues[5].used().len(), 60, "no buffer of the guest is kept");
    bench.control(1, 6, 1);
    assert_eq!(*bench.opened.lock(), [(0, true), (0, false), (0, true)]);
    let buffer = bench.queues[4].send(&[], &[100]);
    bench.console.queue_notified(4);
    assert_eq!(bench.queues[4].used(), []);
    bench.hosts[0].write_all(b"second").unwrap();
    assert!(bench.events());
    assert_eq!(bench.queues[4].used(), [(buffer.head, 6)]);
}

#[test]
fn a_reset_closes_ports_and_they_can_be_opened_again() {
    let mut bench = Bench::new();
    bench.ready();
    bench.control(2, 6, 1);
    bench.console.reset();
    assert_eq!(*bench.opened.lock(), [(1, true), (1, false)]);
    assert!(!bench.events());
    bench.buffer = None;
    let memory = bench.queues[0].memory.clone();
    bench.queues = (1..=8).map(|base| TestDriver::new(&memory, base << 20, 64)).collect();
    for queue in &bench.queues {
        queue.publish_index(0);
        memory_zero(queue);
    }
    bench.activate();
    bench.ready();
    bench.control(2, 6, 1);
    assert_eq!(bench.opened.lock().last(), Some(&(1, true)));
}

/// Resets the used ring's index, as for a driver that starts.
fn memory_zero(queue: &TestDriver) {
    use vm_memory::{Bytes, GuestAddress};
    queue.memory.write_obj(0u32, GuestAddress(queue.used_ring())).unwrap();
}

#[test]
fn a_host_that_goes_is_told_to_the_guest_once() {
    let mut bench = Bench::new();
    bench.ready();
    bench.control(1, 6, 1);
    bench.queues[4].send(&[], &[100]);
    bench.console.queue_notified(4);
    let (disconnected, _) = UnixStream::pair().unwrap();
    bench.hosts[0] = disconnected;
    assert!(bench.events());
    assert_eq!(bench.received_messages(), [(1, 6, 0, String::new())]);
    assert!(!bench.events());
    bench.guest_writes(b"into the void");
    assert_eq!(bench.queues[5].used().len(), 1);
}

#[test]
fn drivers_without_the_feature_get_a_console() {
    let mut bench = Bench::new();
    bench.console.reset();
    let memory = bench.queues[0].memory.clone();
    let queues = [TestDriver::new(&memory, 10 << 20, 64), TestDriver::new(&memory, 11 << 20, 64)];
    let (activation, _) = activation(&memory, &[&queues[0], &queues[1]], 0);
    bench.console.activate(activation).unwrap();
    let [_, mut transmit] = queues;
    transmit.send(&[b"text"], &[]);
    bench.console.queue_notified(1);
    assert_eq!(transmit.used().len(), 1);
}

#[test]
fn a_flood_of_nonsense_is_survived_in_turns() {
    let mut bench = Bench::new();
    bench.ready();
    bench.control(1, 6, 1);
    let mut random = XorShift(0x51CE_0FF5_51CE_0FF5);
    for _ in 0..3000 {
        let queue = random.below(8) as usize;
        if queue == 4 {
            // Buffers for input stay with the device, and garbage would soon fill the ring.
            continue;
        }
        bench.queues[queue].send_garbage(&mut random);
        bench.console.queue_notified(queue as u16);
        bench.events();
        let _ = bench.host_reads();
        bench.queues[queue].used();
    }
    while bench.events() {}
    assert!(!bench.console.needs_reset());
}
