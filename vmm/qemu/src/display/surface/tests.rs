use super::*;
use oriel_display::screen::Pointer;
use std::fs::File;

const BGRX: u32 = 0x2002_0888;
const RGB565: u32 = 0x1002_0565;

fn surface() -> DisplaySurface {
    DisplaySurface::new(Screen::new(), Arc::new(AtomicBool::new(true)))
}

fn layout(width: u32, height: u32, stride: u32) -> SurfaceLayout {
    SurfaceLayout { width, height, stride, format: BGRX }
}

/// Returns the blue channel of every pixel, row by row.
fn blues(surface: &DisplaySurface) -> Vec<Vec<u8>> {
    let buffer = surface.buffer.as_ref().unwrap();
    let size = buffer.size();
    let mut row = vec![0; size.width as usize * 4];
    (0..size.height)
        .map(|y| {
            buffer.read_row(0, y, &mut row).unwrap();
            row.iter().copied().step_by(4).collect()
        })
        .collect()
}

/// Creates a file in memory with the contents `bytes`.
fn memory(bytes: &[u8]) -> OwnedFd {
    use std::os::fd::FromRawFd;
    // SAFETY: memfd_create makes a new descriptor that nobody else owns.
    let file = unsafe { File::from_raw_fd(libc::memfd_create(c"test".as_ptr(), libc::MFD_CLOEXEC)) };
    std::os::unix::fs::FileExt::write_all_at(&file, bytes, 0).unwrap();
    file.into()
}
#[test]
fn a_scanout_then_an_update_make_one_picture() {
    let mut surface = surface();
    // A stride of 16 for 3 pixels: the last 4 bytes of a row are padding, absent after the last row.
    let row = |blue: u8| [blue; 12];
    surface.scanout(layout(3, 2, 16), &[&row(1)[..], &[99; 4], &row(2)].concat()).unwrap();
    assert_eq!(blues(&surface), [[1, 1, 1], [2, 2, 2]]);
    surface.update(1, 1, layout(2, 1, 8), &[7; 8]).unwrap();
    assert_eq!(blues(&surface), [[1, 1, 1], [2, 7, 7]]);
    assert_eq!(surface.screen.size(), Some(Size::new(3, 2)));
}

#[test]
fn a_scanout_of_the_same_size_keeps_what_viewers_read() {
    let mut surface = surface();
    surface.scanout(layout(2, 2, 8), &[1; 16]).unwrap();
    let before = Arc::clone(surface.buffer.as_ref().unwrap());
    surface.scanout(layout(2, 2, 8), &[2; 16]).unwrap();
    assert!(Arc::ptr_eq(&before, surface.buffer.as_ref().unwrap()));
    surface.scanout(layout(1, 2, 4), &[3; 8]).unwrap();
    assert_eq!(blues(&surface), [[3], [3]]);
    assert_eq!(surface.screen.size(), Some(Size::new(1, 2)));
    surface.disable();
    assert_eq!(surface.screen.size(), None);
}

#[test]
fn inconsistent_layouts_are_refused_and_change_nothing() {
    let mut surface = surface();
    assert!(matches!(surface.update(0, 0, layout(1, 1, 4), &[0; 4]), Err(SurfaceError::NoSurface)));
    surface.scanout(layout(2, 2, 8), &[1; 16]).unwrap();
    for (invalid, bytes) in [
        (layout(0, 2, 8), 16),
        (layout(2, 0, 8), 16),
        (layout(u32::MAX, u32::MAX, u32::MAX), 16),
        (layout(16384, 16384, 65536), 16),
        (layout(2, 2, 7), 16),
        (layout(2, 2, u32::MAX), 16),
        (layout(2, 2, 8), 15),
        (SurfaceLayout { format: 0xdead_beef, ..layout(2, 2, 8) }, 16),
    ] {
        assert!(surface.scanout(invalid, &vec![9; bytes]).is_err(), "{invalid:?}");
        assert!(surface.update(0, 0, invalid, &vec![9; bytes]).is_err(), "{invalid:?}");
    }
    assert!(surface.update(-1, 0, layout(1, 1, 4), &[9; 4]).is_err());
    assert!(surface.cursor_define((64, 64), (0, 0), &[0; 12]).is_err());
    assert_eq!(blues(&surface), [[1, 1], [1, 1]]);
}

#[test]
fn an_update_across_the_edge_is_cut_off() {
    let mut surface = surface();
    surface.scanout(layout(2, 2, 8), &[1; 16]).unwrap();
    surface.update(1, 1, layout(3, 3, 12), &[5; 36]).unwrap();
    surface.update(i32::MAX, i32::MAX, layout(3, 3, 12), &[6; 36]).unwrap();
    assert_eq!(blues(&surface), [[1, 1], [1, 5]]);
}

#[test]
fn shared_memory_is_read_where_it_changed() {
    let mut surface = surface();
    let file = File::from(memory(&[1; 4 + 2 * 12]));
    let handed_over = file.try_clone().unwrap().into();
    surface.scanout_map(handed_over, 4, layout(2, 2, 12)).unwrap();
    assert_eq!(blues(&surface), [[1, 1], [1, 1]]);
    std::os::unix::fs::FileExt::write_all_at(&file, &[8; 28], 0).unwrap();
    surface.update_map(1, 0, 1, 2).unwrap();
    assert_eq!(blues(&surface), [[1, 8], [1, 8]]);
    assert!(surface.update_map(0, 0, -1, 2).is_err());
    // QEMU takes the memory away under the picture.
    file.set_len(0).unwrap();
    assert!(matches!(surface.update_map(0, 0, 2, 2), Err(SurfaceError::TooShort)));
    assert_eq!(blues(&surface), [[1, 8], [1, 8]]);
}

#[test]
fn shared_memory_in_another_format_is_converted() {
    let mut surface = surface();
    let blue = 0x001f_u16.to_le_bytes();
    let bytes: Vec<u8> = [[0, 0], blue, blue, [0, 0]].concat();
    let layout = SurfaceLayout { format: RGB565, ..layout(2, 2, 4) };
    surface.scanout_map(memory(&bytes), 0, layout).unwrap();
    assert_eq!(blues(&surface), [[0, 255], [255, 0]]);
}

#[test]
fn shared_descriptors_without_enough_memory_are_refused() {
    let mut surface = surface();
    let (pipe, _writer) = std::io::pipe().unwrap();
    assert!(matches!(surface.scanout_map(pipe.into(), 0, layout(1, 1, 4)), Err(SurfaceError::NotMemory)));
    assert!(surface.scanout_map(memory(&[0; 15]), 0, layout(2, 2, 8)).is_err());
    assert!(surface.scanout_map(memory(&[0; 16]), u32::MAX, layout(2, 2, 8)).is_err());
    assert!(surface.buffer.is_none());
}

#[test]
fn a_pointer_is_hidden_and_shown_again_and_one_never_drawn_is_neither() {
    let mut surface = surface();
    let pointer = |surface: &DisplaySurface| surface.screen.showing().pointer;
    surface.mouse_set(0, 0, 0);
    assert!(matches!(pointer(&surface), Pointer::Unset));
    surface.cursor_define((2, 1), (1, 0), &[1, 2, 3, 255, 0, 0, 0, 0]).unwrap();
    surface.mouse_set(5, 6, 1);
    assert!(matches!(pointer(&surface), Pointer::Shown(image) if image.rgba == [3, 2, 1, 255, 0, 0, 0, 0]));
    surface.mouse_set(9, 9, 0);
    assert!(matches!(pointer(&surface), Pointer::Hidden));
    assert_eq!(surface.screen.showing().pointer_at, (6, 6), "where it points, not where its corner is");
    surface.mouse_set(-3, 7, 1);
    assert!(matches!(pointer(&surface), Pointer::Shown(_)));
    assert_eq!(surface.screen.showing().pointer_at, (0, 7));
}

#[test]
fn a_scanout_of_a_disabled_output_is_not_shown() {
    let enabled: IsEnabled = Arc::default();
    let mut surface = DisplaySurface::new(Screen::new(), Arc::clone(&enabled));
    let message = SurfaceLayout { width: 2, height: 1, stride: 8, format: BGRX };
    surface.scanout(message, &[1; 8]).unwrap();
    assert_eq!(surface.screen.size(), None);
    enabled.store(true, Ordering::Release);
    surface.scanout(message, &[2; 8]).unwrap();
    assert_eq!(surface.screen.size(), Some(Size::new(2, 1)));
}
