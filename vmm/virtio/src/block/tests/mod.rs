use super::request::HEADER_LEN;
use super::*;
use crate::counters::DeviceCounters;
use crate::device::VirtioDevice;
use crate::queue::test_driver::{
    INDIRECT, NEXT, RawDescriptor, Sent, TestDriver, WRITE as WRITABLE, XorShift, activation, ram,
};
use oriel_disk::{BackingChain, ImageSource};
use oriel_vmm_api::DiskFormat;
use oriel_vmm_api::RateLimit;
use parking_lot::Mutex;
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vm_memory::{Bytes, GuestAddress};
use vmm_sys_util::tempfile::TempFile;

mod limits;

const READ: u32 = 0;
const WRITE: u32 = 1;
const FLUSH: u32 = 4;
const GET_ID: u32 = 8;
const DISCARD: u32 = 11;
const WRITE_ZEROES: u32 = 13;
const FEATURE_FLUSH: u64 = 1 << 9;

const OK: u8 = 0;
const IOERR: u8 = 1;
const UNSUPP: u8 = 2;

/// Creates an image of 1 MiB in which every byte of a sector is the low byte of the sector's number.
fn image() -> TempFile {
    let file = TempFile::new().unwrap();
    let bytes: Vec<u8> = (0..2048u32).flat_map(|sector| [sector as u8; 512]).collect();
    std::fs::write(file.as_path(), bytes).unwrap();
    file
}

struct Guest {
    block: Block,
    driver: TestDriver,
    counters: Arc<DeviceCounters>,
    disk_full_events: Arc<Mutex<Vec<DiskFullEvent>>>,
}

fn guest(file: &TempFile, read_only: bool) -> Guest {
    let file = OpenOptions::new().read(true).write(!read_only).open(file.as_path()).unwrap();
    guest_with(raw(file, read_only), RateLimit::default())
}

fn raw(file: File, read_only: bool) -> BackingChain {
    BackingChain::open(ImageSource { file, format: DiskFormat::Raw }, Vec::new(), read_only).unwrap()
}

fn guest_with(disk: BackingChain, limit: RateLimit) -> Guest {
    let memory = ram(4);
    let driver = TestDriver::new(&memory, 0x10_0000, 64);
    let counters = Arc::new(DeviceCounters::default());
    let disk_full_events = Arc::new(Mutex::new(Vec::new()));
    let recorded = disk_full_events.clone();
    let on_disk_full: DiskFullHandler = Box::new(move |event| recorded.lock().push(event));
    let block = Block::new(
        disk,
        BlockConfig { serial: *b"a-disk-of-the-tests.", limit, on_disk_full, thread_setup: Arc::new(|| ()) },
        counters.clone(),
    );
    let mut guest = Guest { block: block.unwrap(), driver, counters, disk_full_events };
    guest.activate(FEATURE_FLUSH);
    guest
}

fn header(kind: u32, sector: u64) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &[0; 4], &sector.to_le_bytes()].concat()
}

fn range(sector: u64, count: u32, flags: u32) -> Vec<u8> {
    [&sector.to_le_bytes()[..], &count.to_le_bytes(), &flags.to_le_bytes()].concat()
}

impl Guest {
    fn activate(&mut self, features: u64) {
        let (activation, _) = activation(&self.driver.memory.clone(), &[&self.driver], features);
        self.block.activate(activation).unwrap();
    }

    /// Waits until this many requests came back.
    fn await_used(&mut self, count: usize) -> Vec<(u16, u32)> {
        let mut used = Vec::new();
        let start = Instant::now();
        while used.len() < count {
            used.extend(self.driver.used());
            assert!(start.elapsed() < Duration::from_secs(20), "only {used:?} came back");
            std::thread::sleep(Duration::from_micros(200));
        }
        used
    }

    fn finish(&mut self, sent: &Sent) -> (u8, Vec<u8>) {
        self.block.queue_notified(0);
        assert_eq!(self.await_used(1)[0].0, sent.head);
        let mut written = self.driver.written(sent);
        (written.pop().unwrap(), written)
    }

    /// Status and data of a request.
    fn request(&mut self, kind: u32, sector: u64, out: &[u8], room: usize) -> (u8, Vec<u8>) {
        let sent = self.driver.send(&[&header(kind, sector), out], &[room, 1]);
        self.finish(&sent)
    }

    fn status(&mut self, kind: u32, sector: u64, out: &[u8], room: usize) -> u8 {
        self.request(kind, sector, out, room).0
    }
}

#[test]
fn reads_what_was_written_and_so_does_the_host() {
    let file = image();
    let mut guest = guest(&file, false);
    let (status, data) = guest.request(READ, 5, &[], 1024);
    assert_eq!((status, data), (OK, [[5; 512], [6; 512]].concat()));
    assert_eq!(guest.status(WRITE, 6, &[0xEE; 512], 0), OK);
    assert_eq!(guest.status(FLUSH, 0, &[], 0), OK);
    assert_eq!(guest.request(READ, 6, &[], 1024).1, [[0xEE; 512], [7; 512]].concat());
    assert_eq!(std::fs::read(file.as_path()).unwrap()[6 * 512..][..512], [0xEE; 512]);
    // Without a flush feature writes are through at once; what that means for power cuts is the
    // host's affair, that it works at all is ours.
    guest.block.reset();
    guest.driver = TestDriver::new(&guest.driver.memory, 0x20_0000, 64);
    guest.activate(0);
    assert_eq!(guest.status(WRITE, 0, &[1; 512], 0), OK);
}

#[test]
fn requests_may_be_cut_anywhere() {
    let file = image();
    let mut guest = guest(&file, false);
    let head = header(WRITE, 10);
    let data: Vec<u8> = (0..300 * 1024).map(|i| (i / 7) as u8).collect();
    let (first, rest) = data.split_at(1000);
    let (middle, last) = rest.split_at(200_001);
    let sent = guest.driver.send_indirect(&[&head[..3], &head[3..], first, middle, last], &[1]);
    assert_eq!(guest.finish(&sent).0, OK);
    let sent = guest.driver.send_indirect(&[&header(READ, 10)], &[13, 299_999, 7188, 1]);
    let (status, read) = guest.finish(&sent);
    assert_eq!(status, OK);
    assert!(read == data);
}

#[test]
fn bounds_and_kinds_are_checked() {
    let file = image();
    let mut guest = guest(&file, false);
    let cases: &[(u32, u64, usize, usize, u8)] = &[
        (READ, 2047, 0, 512, OK),
        (READ, 2047, 0, 1024, IOERR),
        (READ, 2048, 0, 512, IOERR),
        (READ, u64::MAX, 0, 512, IOERR),
        (READ, u64::MAX / 512, 0, 1024, IOERR),
        (READ, 0, 0, 511, IOERR),
        (WRITE, 2047, 1024, 0, IOERR),
        (WRITE, u64::MAX - 1, 1024, 0, IOERR),
        (WRITE, 0, 100, 0, IOERR),
        (DISCARD, 0, 15, 0, IOERR),
        (DISCARD, 0, 0, 0, IOERR),
        (DISCARD, 0, 16 * 33, 0, IOERR),
        (2, 0, 0, 0, UNSUPP),
        (14, 0, 16, 0, UNSUPP),
        (0xFFFF_FFFF, 0, 0, 0, UNSUPP),
    ];
    for (i, &(kind, sector, out, room, expected)) in cases.iter().enumerate() {
        assert_eq!(guest.status(kind, sector, &vec![0; out], room), expected, "case {i}");
        assert_eq!(guest.counters.block_errors.get(), i as u64);
    }
    // No room for a status, and no header.
    guest.driver.send(&[&header(READ, 0)], &[]);
    guest.driver.send(&[&[0; 15]], &[513]);
    guest.block.queue_notified(0);
    assert!(guest.await_used(2).iter().all(|(_, len)| *len == 0));
    assert_eq!(guest.counters.malformed_chains.get(), 2);
}

#[test]
fn discarded_and_zeroed_ranges() {
    let file = image();
    let mut guest = guest(&file, false);
    for unmap in [0, 1] {
        let zeroes = [range(8, 8, unmap), range(100, 1, unmap)].concat();
        assert_eq!(guest.status(WRITE, 8, &[0xEE; 512], 0), OK);
        assert_eq!(guest.status(WRITE_ZEROES, 0, &zeroes, 0), OK);
        assert_eq!(guest.request(READ, 7, &[], 512).1, [7; 512]);
        assert_eq!(guest.request(READ, 8, &[], 4096).1, [0; 4096]);
        assert_eq!(guest.request(READ, 100, &[], 1024).1, [[0; 512], [101; 512]].concat());
    }
    assert_eq!(guest.status(DISCARD, 0, &range(1024, 8, 0), 0), OK);
    assert_eq!(guest.request(READ, 1032, &[], 512).1, [8; 512]);
    assert_eq!(guest.status(DISCARD, 0, &range(1024, 8, 1), 0), UNSUPP);
    assert_eq!(guest.status(WRITE_ZEROES, 0, &range(8, 8, 2), 0), UNSUPP);
    assert_eq!(guest.status(WRITE_ZEROES, 0, &range(2040, 9, 0), 0), IOERR);
    assert_eq!(guest.status(DISCARD, 0, &range(u64::MAX, u32::MAX, 0), 0), IOERR);
    assert_eq!(std::fs::metadata(file.as_path()).unwrap().len(), 1 << 20);
}

#[test]
fn a_read_only_disk_stays_as_it_is() {
    let file = image();
    let before = std::fs::read(file.as_path()).unwrap();
    let mut guest = guest(&file, true);
    assert_ne!(guest.block.features() & (1 << 5), 0);
    assert_eq!(guest.status(WRITE, 0, &[9; 512], 0), IOERR);
    assert_eq!(guest.status(WRITE_ZEROES, 0, &range(0, 8, 1), 0), IOERR);
    assert_eq!(guest.status(DISCARD, 0, &range(0, 8, 0), 0), IOERR);
    assert_eq!(guest.status(FLUSH, 0, &[], 0), OK);
    assert_eq!(guest.request(READ, 3, &[], 512), (OK, vec![3; 512]));
    assert!(std::fs::read(file.as_path()).unwrap() == before);
}

#[test]
fn identity_and_configuration() {
    let file = image();
    let mut guest = guest(&file, false);
    let (status, id) = guest.request(GET_ID, 0, &[], 20);
    assert_eq!((status, &id[..]), (OK, &b"a-disk-of-the-tests."[..]));
    assert_eq!(guest.request(GET_ID, 0, &[], 4), (OK, b"a-di".to_vec()));
    let mut capacity = [0; 8];
    guest.block.read_config(0, &mut capacity);
    assert_eq!(u64::from_le_bytes(capacity), 2048);
    let mut config = [0xFF; 64];
    guest.block.read_config(0, &mut config);
    let word = |at: usize| u32::from_le_bytes(config[at..at + 4].try_into().unwrap());
    assert_eq!((word(12), word(20), config[24], config[56]), (254, 512, 3, 1));
    assert_eq!((word(36), word(40), word(48), word(52)), (1 << 21, 32, 1 << 21, 32));
    assert_eq!(config[60..], [0; 4]);
}

#[test]
fn a_broken_ring_is_reported_to_the_event_loop() {
    let mut guest = guest(&image(), false);
    guest.driver.publish_index(1000);
    guest.block.queue_notified(0);
    let mut poll = libc::pollfd { fd: guest.block.event_fds()[0], events: libc::POLLIN, revents: 0 };
    // SAFETY: one valid pollfd.
    assert_eq!(unsafe { libc::poll(&raw mut poll, 1, 20_000) }, 1);
    guest.block.event(0);
    assert!(guest.block.needs_reset());
    guest.block.reset();
    assert!(!guest.block.needs_reset());
}

#[test]
fn a_reset_stops_a_request_that_is_under_way() {
    const BUFFER: usize = 512 << 10;
    const PARTS: usize = 512;
    let file = TempFile::new().unwrap();
    file.as_file().set_len((BUFFER * PARTS) as u64).unwrap();
    let mut guest = guest(&file, false);
    let memory = guest.driver.memory.clone();
    assert_eq!(guest.status(READ, 0, &[], 512), OK);

    // A read of 256 MiB, all into the same buffer: it takes a while.
    let buffer = guest.driver.buffer(BUFFER);
    let head = guest.driver.buffer(HEADER_LEN);
    memory.write_slice(&header(READ, 0), GuestAddress(head)).unwrap();
    memory.write_slice(&[0xAA; BUFFER], GuestAddress(buffer)).unwrap();
    let table = 0x30_0000;
    let part = |address, len, flags, next| RawDescriptor { address, len, flags, next };
    guest.driver.set_descriptor(table, 0, part(head, HEADER_LEN as u32, NEXT, 1));
    for i in 1..=PARTS as u16 {
        guest.driver.set_descriptor(table, i, part(buffer, BUFFER as u32, NEXT | WRITABLE, i + 1));
    }
    let last = PARTS as u16 + 1;
    guest.driver.set_descriptor(table, last, part(head, 1, WRITABLE, 0));
    let all = (PARTS as u32 + 2) * 16;
    guest.driver.send_raw(&[part(table, all, INDIRECT, 0)]);
    guest.block.queue_notified(0);
    let first_byte = || memory.read_obj::<u8>(GuestAddress(buffer)).unwrap();
    let start = Instant::now();
    while first_byte() == 0xAA {
        assert!(start.elapsed() < Duration::from_secs(20));
        std::thread::yield_now();
    }

    guest.block.reset();
    assert_eq!(guest.driver.used(), [], "the test's read was over too soon");
    memory.write_slice(&[0xBB; BUFFER], GuestAddress(buffer)).unwrap();
    let mut old = std::mem::replace(&mut guest.driver, TestDriver::new(&memory, 0x20_0000, 64));
    guest.activate(FEATURE_FLUSH);
    let sent = guest.driver.send(&[&header(READ, 9)], &[512, 1]);
    assert_eq!(guest.finish(&sent), (OK, vec![0; 512]));
    // Whatever the workers still do of the old request is over when the disk is gone.
    drop(guest.block);
    assert_eq!((guest.driver.used(), old.used()), (vec![], vec![]));
    let mut after = vec![0; BUFFER];
    memory.read_slice(&mut after, GuestAddress(buffer)).unwrap();
    assert!(after == [0xBB; BUFFER], "the old request went on in the guest's memory");
}

#[test]
fn garbage_is_always_returned() {
    let file = image();
    let mut guest = guest(&file, false);
    let mut random = XorShift(0x2545_F491_4F6C_DD1D);
    for round in 0..1500 {
        if round % 2 == 0 {
            guest.driver.send_garbage(&mut random);
        } else {
            let kind = random.below(16) as u32;
            let out: Vec<u8> = (0..random.below(600)).map(|_| random.next() as u8).collect();
            let sector = if random.below(3) == 0 { random.next() } else { random.below(2050) };
            guest.driver.send(&[&header(kind, sector), &out], &[random.below(1100) as usize, 1]);
        }
        guest.block.queue_notified(0);
        guest.await_used(1);
    }
    assert!(!guest.block.needs_reset());
    assert_eq!(std::fs::metadata(file.as_path()).unwrap().len(), 1 << 20);
}

#[test]
fn several_requests_are_done_at_once_and_each_is_answered() {
    let file = image();
    let mut guest = guest(&file, false);
    for round in 0..200 {
        let first = round % 16 * 8;
        let sent: Vec<_> = (0..8)
            .map(|i| match i % 2 {
                0 => guest.driver.send(&[&header(READ, 1024 + first + i), &[]], &[512, 1]),
                _ => guest.driver.send(&[&header(WRITE, first + i), &[round as u8; 512]], &[1]),
            })
            .collect();
        guest.block.queue_notified(0);
        guest.await_used(8);
        for (i, sent) in (0..).zip(&sent) {
            let written = guest.driver.written(sent);
            assert_eq!(written.last(), Some(&OK));
            if i % 2 == 0 {
                assert_eq!(written[..512], [(1024 + first + i) as u8; 512]);
            }
        }
    }
    assert_eq!(guest.counters.block_written_bytes.get(), 200 * 4 * 512);
    assert_eq!(guest.counters.block_read_bytes.get(), 200 * 4 * 512);
}

#[test]
fn a_kick_needs_no_event_loop_and_one_interrupt_tells_of_all_that_is_done() {
    let file = image();
    let mut guest = guest(&file, false);
    guest.block.reset();
    guest.driver = TestDriver::new(&guest.driver.memory, 0x20_0000, 64);
    let (activation, interrupt_log) =
        activation(&guest.driver.memory.clone(), &[&guest.driver], FEATURE_FLUSH);
    guest.block.activate(activation).unwrap();
    let start = Instant::now();
    // A worker that is awake still takes the first for itself.
    loop {
        for _ in 0..8 {
            guest.driver.send(&[&header(GET_ID, 0)], &[20, 1]);
        }
        guest.block.doorbell(0).unwrap().write(1).unwrap();
        guest.await_used(8);
        let mut interrupts = interrupt_log.take();
        while interrupts.is_empty() {
            std::thread::yield_now();
            interrupts = interrupt_log.take();
        }
        if interrupts == [Some(0)] {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{interrupts:?} for 8 requests");
    }
}
