mod hostile;
mod screens;

use super::*;
use crate::counters::DeviceCounters;
use crate::device::{GuestRam, VirtioDevice};
use crate::queue::test_driver::{InterruptLog, TestDriver, activation, ram};
use oriel_display::inbox::Wait;
use oriel_display::screen::Pointer;
use oriel_display::{Monitors, PixelSource, Screen};
use oriel_wire::{CursorImage, MonitorConfig, Rect, Size};
use std::sync::Arc;
use vm_memory::{Bytes, GuestAddress};

const OK_NODATA: u32 = 0x1100;
const FENCE: u32 = 1;
/// Guest address of the pixels in these tests.
const PIXELS: u64 = 0x40_0000;
const FAR_PIXELS: u64 = 0x50_0000;

/// A guest with its driver loaded.
struct Guest {
    gpu: Gpu,
    monitors: Arc<Monitors>,
    screen: Arc<Screen>,
    memory: GuestRam,
    control: TestDriver,
    cursor: TestDriver,
    interrupts: Arc<InterruptLog>,
    counters: Arc<DeviceCounters>,
}

fn guest() -> Guest {
    guest_with(1)
}

fn guest_with(screens: usize) -> Guest {
    let memory = ram(8);
    let control = TestDriver::new(&memory, 0x10_0000, 256);
    let cursor = TestDriver::new(&memory, 0x20_0000, 16);
    let counters = Arc::new(DeviceCounters::default());
    let monitors = Monitors::new(screens, Size::new(1280, 720));
    let screen = monitors.screens()[0].clone();
    let mut gpu = Gpu::new(monitors.clone(), Size::new(1280, 720), counters.clone()).unwrap();
    let (activation, interrupts) = activation(&memory, &[&control, &cursor], gpu.features());
    gpu.activate(activation).unwrap();
    Guest { gpu, monitors, screen, memory, control, cursor, interrupts, counters }
}

fn request(kind: u32, flags: u32, fence: u64, body: &[u32]) -> Vec<u8> {
    let head = [kind, flags, fence as u32, (fence >> 32) as u32, 0, 0];
    head.iter().chain(body).flat_map(|word| word.to_le_bytes()).collect()
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

impl Guest {
    /// Sends one control command and returns the bytes of the response.
    fn response(&mut self, kind: u32, body: &[u32]) -> Vec<u8> {
        let sent = self.control.send_indirect(&[&request(kind, 0, 0, body)], &[1200]);
        self.gpu.queue_notified(0);
        let used = self.control.used();
        assert_eq!(used.len(), 1, "command {kind:#x} got no response");
        self.control.written(&sent)[..used[0].1 as usize].to_vec()
    }

    /// Returns the type of a response.
    fn response_type(&mut self, kind: u32, body: &[u32]) -> u32 {
        word(&self.response(kind, body), 0)
    }

    /// Creates a blob of `len` bytes: 4096 from `PIXELS` on, the rest from `FAR_PIXELS` on.
    fn create_blob(&mut self, resource: u32, len: u32) -> u32 {
        let entries = [PIXELS as u32, 0, 4096, 0, FAR_PIXELS as u32, 0, len - 4096, 0];
        self.response_type(0x010C, &[[resource, 1, 2, 2, 0, 0, len, 0].as_slice(), &entries].concat())
    }

    fn create_2d(&mut self, resource: u32, format: u32, width: u32, height: u32) {
        assert_eq!(self.response_type(0x0101, &[resource, format, width, height]), OK_NODATA);
        let backing = [resource, 1, PIXELS as u32, 0, width * height * 4, 0];
        assert_eq!(self.response_type(0x0106, &backing), OK_NODATA);
    }

    fn source(&self) -> Option<Arc<dyn PixelSource>> {
        self.screen.showing().source
    }

    /// Sends a cursor command as Linux does, without a buffer for the response.
    fn update_cursor(&mut self, kind: u32, body: &[u32]) {
        let sent = self.cursor.send(&[&request(kind, FENCE, 1, body)], &[]);
        self.gpu.queue_notified(1);
        assert_eq!(self.cursor.used(), [(sent.head, 0)]);
    }

    fn pointer_picture(&self) -> Arc<CursorImage> {
        match self.screen.showing().pointer {
            Pointer::Shown(image) => image,
            other => panic!("no image but {other:?}"),
        }
    }

    fn flush_fenced(&mut self, fence: u64) -> u16 {
        let flush = request(0x0104, FENCE, fence, &[0, 0, 1, 1, 1, 0]);
        self.control.send(&[&flush], &[24]).head
    }
}

fn row(source: &dyn PixelSource, x: u32, y: u32, pixels: usize) -> Vec<u8> {
    let mut row = vec![0; pixels * 4];
    source.read_row(x, y, &mut row).unwrap();
    row
}

#[test]
fn starts_as_linux_starts_it() {
    let mut guest = guest();
    let edid = guest.response(0x010A, &[0, 0]);
    assert_eq!((word(&edid, 0), word(&edid, 24), edid.len()), (0x1104, 128, 24 + 8 + 1024));
    assert_eq!(edid[32..40], [0, 255, 255, 255, 255, 255, 255, 0]);
    let info = guest.response(0x0100, &[]);
    assert_eq!((word(&info, 0), info.len()), (0x1101, 24 + 16 * 24));
    assert_eq!((word(&info, 32), word(&info, 36), word(&info, 40)), (1280, 720, 1));
    assert_eq!(word(&info, 24 + 24 + 16), 0, "the second scanout is off");

    guest.create_2d(1, 2, 8, 4);
    assert_eq!(guest.response_type(0x0103, &[0, 0, 0, 0, 0, 0]), OK_NODATA);
    guest.memory.write_slice(&[7; 8 * 4 * 4], GuestAddress(PIXELS)).unwrap();
    assert_eq!(guest.response_type(0x0105, &[0, 0, 8, 4, 0, 0, 1, 0]), OK_NODATA);
    assert_eq!(guest.response_type(0x0103, &[0, 0, 8, 4, 0, 1]), OK_NODATA);
    assert_eq!(guest.response_type(0x0104, &[0, 0, 8, 4, 1, 0]), OK_NODATA);
    let source = guest.source().unwrap();
    assert_eq!(source.size(), Size::new(8, 4));
    assert_eq!(row(&*source, 0, 3, 8), [7; 32]);
    assert_eq!(guest.screen.counters().flushes.get(), 1);
    assert_eq!(guest.counters.gpu_refused_commands.get(), 0);
}

#[test]
fn transfers_move_only_the_rectangle_and_convert() {
    let mut guest = guest();
    // R8G8B8X8.
    guest.create_2d(1, 134, 4, 4);
    let pixels: Vec<u8> = (0..64).collect();
    guest.memory.write_slice(&pixels, GuestAddress(PIXELS)).unwrap();
    // 2x2 pixels at (1, 2), which lie at (2 * 4 + 1) * 4 = 36 in guest memory.
    assert_eq!(guest.response_type(0x0105, &[1, 2, 2, 2, 36, 0, 1, 0]), OK_NODATA);
    assert_eq!(guest.response_type(0x0103, &[1, 1, 3, 3, 0, 1]), OK_NODATA);
    let source = guest.source().unwrap();
    assert_eq!(source.size(), Size::new(3, 3));
    assert_eq!(row(&*source, 0, 0, 3), [0; 12], "above the rectangle nothing was moved");
    assert_eq!(row(&*source, 0, 1, 3), [38, 37, 36, 39, 42, 41, 40, 43, 0, 0, 0, 0]);
    assert_eq!(row(&*source, 1, 2, 1), [58, 57, 56, 59]);
    for (x, y, len) in [(3, 0, 4), (0, 3, 4), (2, 0, 8), (u32::MAX, 0, 4), (0, 0, 3)] {
        assert!(source.read_row(x, y, &mut vec![0; len]).is_err(), "({x}, {y}) + {len}");
    }
}

#[test]
fn blobs_are_read_where_the_guest_draws() {
    let mut guest = guest();
    // 16x100 pixels of X8R8G8B8 in rows of 128 bytes, the picture 80 bytes into the blob.
    assert_eq!(guest.create_blob(5, 16384), OK_NODATA);
    let layout = [16, 100, 4, 0, 128, 0, 0, 0, 80, 0, 0, 0];
    let scanout = [[2, 1, 14, 99, 0, 5].as_slice(), &layout].concat();
    assert_eq!(guest.response_type(0x010D, &scanout), OK_NODATA);
    let source = guest.source().unwrap();
    assert_eq!(source.size(), Size::new(14, 99));
    // Pixels 9 and 10 of row 30 are the last before and the first behind byte 4096 of the blob.
    guest.memory.write_slice(&[0, 1, 2, 3], GuestAddress(PIXELS + 4092)).unwrap();
    guest.memory.write_slice(&[0, 4, 5, 6], GuestAddress(FAR_PIXELS)).unwrap();
    assert_eq!(row(&*source, 9, 30, 2), [3, 2, 1, 0, 6, 5, 4, 0]);
    guest.memory.write_slice(&[0, 9, 9, 9], GuestAddress(FAR_PIXELS)).unwrap();
    assert_eq!(row(&*source, 10, 30, 1), [9, 9, 9, 0], "no copy was taken");
    assert_eq!(guest.response_type(0x0105, &[0, 0, 16, 100, 0, 0, 5, 0]), OK_NODATA, "Linux asks for it");

    assert_eq!(guest.response_type(0x0102, &[5, 0]), OK_NODATA);
    assert!(guest.source().is_none(), "its scanout is dark");
    assert!(source.read_row(0, 0, &mut [0; 4]).is_err(), "viewers that still hold it are told");
}

#[test]
fn reset_forgets_everything() {
    let mut guest = guest();
    assert_eq!(guest.create_blob(5, 16384), OK_NODATA);
    let scanout = [0, 0, 16, 16, 0, 5, 16, 16, 2, 0, 64, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(guest.response_type(0x010D, &scanout), OK_NODATA);
    let source = guest.source().unwrap();
    assert!(matches!(guest.screen.showing().pointer, Pointer::Unset));
    guest.gpu.reset();
    assert!(guest.source().is_none());
    assert!(matches!(guest.screen.showing().pointer, Pointer::Unset), "it spoke of no pointer");
    assert!(source.read_row(0, 0, &mut [0; 4]).is_err());
    // A kick that was under way does no harm.
    guest.gpu.queue_notified(0);
    guest.gpu.event(0);
}

#[test]
fn answers_carry_the_fence_and_fit_the_room() {
    let mut guest = guest();
    let fence = 0x1122_3344_5566_7788;
    let sent = guest.control.send(&[&request(0x0BAD, FENCE, fence, &[])], &[24]);
    guest.gpu.queue_notified(0);
    assert_eq!(guest.control.used(), [(sent.head, 24)]);
    let response = guest.control.written(&sent);
    assert_eq!((word(&response, 0), word(&response, 4)), (0x1200, FENCE));
    assert_eq!(response[8..16], fence.to_le_bytes());
    // Too little room, and none.
    let sent = guest.control.send(&[&request(0x0100, 0, 0, &[])], &[10]);
    guest.gpu.queue_notified(0);
    assert_eq!(guest.control.used(), [(sent.head, 10)]);
    let sent = guest.control.send(&[&request(0x0100, 0, 0, &[])], &[]);
    guest.gpu.queue_notified(0);
    assert_eq!(guest.control.used(), [(sent.head, 0)]);
    // No header to answer to.
    let sent = guest.control.send(&[b"short"], &[24]);
    guest.gpu.queue_notified(0);
    assert_eq!(guest.control.used(), [(sent.head, 0)]);
    assert_eq!(guest.counters.malformed_chains.get(), 1);
}

#[test]
fn fenced_flushes_pace_the_guest_and_others_do_not() {
    let mut guest = guest();
    guest.create_2d(1, 2, 8, 8);
    assert_eq!(guest.response_type(0x0103, &[0, 0, 8, 8, 0, 1]), OK_NODATA);
    let first = guest.flush_fenced(1);
    let second = guest.flush_fenced(2);
    guest.gpu.queue_notified(0);
    assert_eq!(guest.control.used(), [(first, 24)], "the second comes too soon");
    assert_eq!(guest.screen.counters().flushes.get(), 2, "but what it drew is shown at once");
    for _ in 0..3 {
        assert_eq!(
            guest.response_type(0x0104, &[0, 0, 8, 8, 1, 0]),
            OK_NODATA,
            "nobody waits without a fence"
        );
    }
    guest.interrupts.take();
    wait_readable(guest.gpu.event_fds()[0]);
    guest.gpu.event(0);
    assert_eq!(guest.control.used(), [(second, 24)]);
    // A guest that lies about its ring cannot make the device hold chains without end.
    for fence in 0..600 {
        guest.flush_fenced(fence);
        guest.gpu.queue_notified(0);
    }
    assert!(guest.control.used().len() > 300);
}

fn wait_readable(fd: std::os::fd::RawFd) {
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one valid pollfd.
    assert_eq!(unsafe { libc::poll(&raw mut poll, 1, 5000) }, 1);
}

#[test]
fn cursor_commands_come_back_without_an_answer() {
    let mut guest = guest();
    let beyond = u32::MAX - 3;
    guest.create_2d(1, 1, 64, 64);
    assert_eq!(guest.create_blob(2, 16384), OK_NODATA);
    guest.create_2d(3, 2, 65, 8);
    // A picture too large, one that does not exist, no such scanout, rubbish.
    let refused: &[(u32, &[u32])] = &[
        (0x0300, &[0, 10, 10, 0, 3, 0, 0, 0]),
        (0x0300, &[0, 10, 10, 0, 9, 0, 0, 0]),
        (0x0301, &[7, 0, 0, 0, 0, 0, 0, 0]),
        (0x0999, &[0, 0, 0, 0, 0, 0, 0, 0]),
    ];
    for (i, (kind, body)) in refused.iter().enumerate() {
        guest.update_cursor(*kind, body);
        assert_eq!(guest.counters.gpu_refused_commands.get(), i as u64 + 1, "{kind:#x} {body:?}");
    }
    guest.update_cursor(0x0301, &[0, 5, 6, 0, 0, 0, 0, 0]);
    assert_eq!(guest.screen.showing().pointer_at, (5, 6));

    // Half transparent red, premultiplied, in a blob: read as it is now.
    guest.memory.write_slice(&[0, 0, 128, 128], GuestAddress(PIXELS)).unwrap();
    guest.update_cursor(0x0300, &[0, beyond, 10, 0, 2, 7, 99, 0]);
    let image = guest.pointer_picture();
    assert_eq!((image.size, image.hot_x, image.hot_y), (Size::new(64, 64), 7, 63));
    assert_eq!(image.rgba[..4], [255, 0, 0, 128]);
    assert_eq!(guest.screen.showing().pointer_at, (3, 73), "the hotspot, not the corner");
    guest.update_cursor(0x0301, &[0, beyond - 10, 20, 0, 0, 0, 0, 0]);
    assert_eq!(guest.screen.showing().pointer_at, (0, 83));

    // The same in a 2D resource: as it was transferred, here never.
    guest.update_cursor(0x0300, &[0, 10, 10, 0, 1, 3, 4, 0]);
    assert_eq!(guest.pointer_picture().rgba[..4], [0; 4]);
    guest.update_cursor(0x0300, &[0, 10, 10, 0, 0, 0, 0, 0]);
    assert!(matches!(guest.screen.showing().pointer, Pointer::Hidden));

    let sent = guest.cursor.send(&[&request(0x0301, FENCE, 5, &[0; 8])], &[24]);
    guest.gpu.queue_notified(1);
    assert_eq!(guest.cursor.used(), [(sent.head, 24)]);
    assert_eq!(word(&guest.cursor.written(&sent), 0), OK_NODATA);
}

#[test]
fn flushes_tell_the_screen_in_its_own_coordinates() {
    let mut guest = guest();
    guest.create_2d(1, 2, 100, 100);
    assert_eq!(guest.response_type(0x0103, &[20, 30, 40, 40, 0, 1]), OK_NODATA);
    let viewer = guest.screen.subscribe();
    let damage = || {
        viewer.inbox().wait(|pending| {
            let damage = pending.damage.rects().to_vec();
            pending.damage = Default::default();
            Wait::Take(damage)
        })
    };
    damage();
    for (flushed, seen) in [
        ([25, 30, 10, 5], vec![Rect::new(5, 0, 10, 5)]),
        ([0, 0, 100, 100], vec![Rect::new(0, 0, 40, 40)]),
        ([0, 0, 20, 100], vec![]),
    ] {
        assert_eq!(guest.response_type(0x0104, &[flushed.as_slice(), &[1, 0]].concat()), OK_NODATA);
        assert_eq!(damage(), seen, "{flushed:?}");
    }
}
