//! Several scanouts and their changes of size.

use super::*;

fn wanted(x: i32, width: u32, height: u32) -> Option<MonitorConfig> {
    Some(MonitorConfig { x, ..MonitorConfig::of(Size::new(width, height)) })
}

impl Guest {
    fn resized(&mut self, screens: &[Option<MonitorConfig>]) {
        self.gpu.control().set_monitors(screens);
        wait_readable(self.gpu.event_fds()[1]);
        self.gpu.event(1);
    }

    /// Returns a scanout's display info: x, y, width, height, enabled.
    fn display_info(&mut self, scanout: usize) -> [u32; 5] {
        let info = self.response(0x0100, &[]);
        std::array::from_fn(|field| word(&info, 24 + 24 * scanout + 4 * field))
    }

    fn config(&self) -> [u32; 4] {
        let mut config = [0; 16];
        self.gpu.read_config(0, &mut config);
        std::array::from_fn(|field| word(&config, 4 * field))
    }
}

#[test]
fn resize_reaches_the_driver() {
    let mut guest = guest();
    let size = wanted(0, 1366, 768);
    guest.resized(&[size]);
    assert_eq!(guest.interrupts.take(), [None]);
    assert_eq!(guest.config(), [1, 0, 1, 0]);
    guest.gpu.write_config(4, &1u32.to_le_bytes());
    assert_eq!(guest.config(), [0, 0, 1, 0]);
    assert_eq!(guest.display_info(0), [0, 0, 1366, 768, 1]);
    assert_eq!(guest.response(0x010A, &[0, 0])[32..160], edid::edid(&size.unwrap()));
}

#[test]
fn the_largest_screen_has_an_edid_of_two_blocks() {
    let mut guest = guest();
    guest.resized(&[wanted(0, 4096, 2160)]);
    assert_eq!(guest.display_info(0), [0, 0, 4096, 2160, 1]);
    let edid = guest.response(0x010A, &[0, 0]);
    assert_eq!((word(&edid, 24), edid.len()), (256, 24 + 8 + 1024));
    assert_eq!(edid[32 + 128], 0x70, "DisplayID");
}

#[test]
fn screens_come_and_go_and_are_told_where_they_lie() {
    let mut guest = guest_with(3);
    assert_eq!(guest.config()[2], 3);
    assert_eq!(guest.display_info(1), [0; 5], "off at first");
    assert_eq!(word(&guest.response(0x010A, &[1, 0]), 0), 0x1104, "Linux asks all the same");
    guest.resized(&[wanted(0, 1280, 720), None, wanted(1280, 800, 600), wanted(0, 1, 1)]);
    assert_eq!(guest.display_info(1), [0; 5]);
    assert_eq!(guest.display_info(2), [1280, 0, 800, 600, 1]);
    guest.resized(&[wanted(0, 1280, 720)]);
    assert_eq!(guest.display_info(2), [0; 5]);
    guest.resized(&[wanted(-5, 1, 1)]);
    assert_eq!(guest.display_info(0), [0, 0, 320, 200, 1], "whatever is asked for");
}

#[test]
fn each_scanout_has_its_own_picture_and_pointer() {
    let mut guest = guest_with(2);
    guest.create_2d(1, 2, 8, 8);
    guest.create_2d(2, 2, 4, 4);
    assert_eq!(guest.response_type(0x0103, &[0, 0, 8, 8, 0, 1]), OK_NODATA);
    assert_eq!(guest.response_type(0x0103, &[0, 0, 4, 4, 1, 2]), OK_NODATA);
    for scanout in [2, 15, u32::MAX] {
        assert_eq!(guest.response_type(0x0103, &[0, 0, 4, 4, scanout, 2]), 0x1202, "no such scanout");
        assert_eq!(guest.response_type(0x0103, &[0, 0, 0, 0, scanout, 0]), 0x1202);
        assert_eq!(guest.response_type(0x010A, &[scanout, 0]), 0x1202);
    }
    let screens = guest.monitors.screens().to_vec();
    assert_eq!(screens[1].size(), Some(Size::new(4, 4)));
    assert_eq!(guest.response_type(0x0104, &[0, 0, 4, 4, 2, 0]), OK_NODATA);
    let flushes = [0, 1].map(|n: usize| screens[n].counters().flushes.get());
    assert_eq!(flushes, [0, 1]);
    guest.create_2d(3, 1, 64, 64);
    guest.update_cursor(0x0300, &[1, 3, 2, 0, 3, 0, 0, 0]);
    assert!(matches!(screens[1].showing().pointer, Pointer::Shown(_)));
    assert_eq!(screens[1].showing().pointer_at, (3, 2));
    assert!(matches!(screens[0].showing().pointer, Pointer::Unset));
    assert_eq!(guest.response_type(0x0103, &[0, 0, 0, 0, 1, 0]), OK_NODATA);
    assert_eq!((screens[0].size(), screens[1].size()), (Some(Size::new(8, 8)), None));
}

#[test]
fn parts_of_one_picture_lie_where_they_are_in_it() {
    let mut guest = guest_with(2);
    // X with the second screen left of the first.
    guest.create_2d(1, 2, 24, 8);
    assert_eq!(guest.response_type(0x0103, &[8, 0, 16, 8, 0, 1]), OK_NODATA);
    assert_eq!(guest.response_type(0x0103, &[0, 0, 8, 8, 1, 1]), OK_NODATA);
    assert_eq!(guest.monitors.layout(), [Rect::new(8, 0, 16, 8), Rect::new(0, 0, 8, 8)]);
    // With pictures of their own they are taken to lie side by side.
    guest.create_2d(2, 2, 16, 8);
    assert_eq!(guest.response_type(0x0103, &[0, 0, 16, 8, 0, 2]), OK_NODATA);
    assert_eq!(guest.monitors.layout(), [Rect::new(0, 0, 16, 8), Rect::new(16, 0, 8, 8)]);
    guest.gpu.reset();
    assert_eq!(guest.monitors.layout(), [Rect::default(); 2]);
}

#[test]
fn the_bound_on_host_memory_is_one_for_all_screens() {
    let mut guest = guest_with(4);
    for screen in 0..4 {
        assert_eq!(guest.response_type(0x0101, &[screen + 1, 2, 4096, 4096]), OK_NODATA);
        assert_eq!(guest.response_type(0x0103, &[0, 0, 4096, 2160, screen, screen + 1]), OK_NODATA);
    }
    assert_eq!(guest.response_type(0x0101, &[5, 2, 1, 1]), 0x1201);
}
