use super::*;
use oriel_display::screen::Pointer;
use std::fs::File;

const BGRX: u32 = 0x2002_0888;
const RGB565: u32 = 0x1002_0565;

fn picture() -> Picture {
    Picture::new(Screen::new(), Arc::new(AtomicBool::new(true)))
}

fn shape(width: u32, height: u32, stride: u32) -> Scanout {
    Scanout { width, height, stride, format: BGRX }
}

/// The blue of every pixel, row by row.
fn blues(picture: &Picture) -> Vec<Vec<u8>> {
    let framebuffer = picture.framebuffer.as_ref().unwrap();
    let size = framebuffer.size();
    let mut row = vec![0; size.width as usize * 4];
    (0..size.height)
        .map(|y| {
            framebuffer.read_row(0, y, &mut row).unwrap();
            row.iter().copied().step_by(4).collect()
        })
        .collect()
}

/// A file in memory with `bytes`.
fn memory(bytes: &[u8]) -> OwnedFd {
    use std::os::fd::FromRawFd;
    // SAFETY: memfd_create makes a new descriptor that nobody else owns.
    let file = unsafe { File::from_raw_fd(libc::memfd_create(c"test".as_ptr(), libc::MFD_CLOEXEC)) };
    std::os::unix::fs::FileExt::write_all_at(&file, bytes, 0).unwrap();
    file.into()
}
#[test]
fn a_scanout_then_an_update_make_one_picture() {
    let mut picture = picture();
    // A stride of 16 for 3 pixels: the last 4 bytes of a row are padding, absent after the last row.
    let row = |blue: u8| [blue; 12];
    picture.scanout(shape(3, 2, 16), &[&row(1)[..], &[99; 4], &row(2)].concat()).unwrap();
    assert_eq!(blues(&picture), [[1, 1, 1], [2, 2, 2]]);
    picture.update(1, 1, shape(2, 1, 8), &[7; 8]).unwrap();
    assert_eq!(blues(&picture), [[1, 1, 1], [2, 7, 7]]);
    assert_eq!(picture.screen.size(), Some(Size::new(3, 2)));
}

#[test]
fn a_scanout_of_the_same_size_keeps_what_viewers_read() {
    let mut picture = picture();
    picture.scanout(shape(2, 2, 8), &[1; 16]).unwrap();
    let before = Arc::clone(picture.framebuffer.as_ref().unwrap());
    picture.scanout(shape(2, 2, 8), &[2; 16]).unwrap();
    assert!(Arc::ptr_eq(&before, picture.framebuffer.as_ref().unwrap()));
    picture.scanout(shape(1, 2, 4), &[3; 8]).unwrap();
    assert_eq!(blues(&picture), [[3], [3]]);
    assert_eq!(picture.screen.size(), Some(Size::new(1, 2)));
    picture.disable();
    assert_eq!(picture.screen.size(), None);
}

#[test]
fn numbers_that_lie_are_refused_and_change_nothing() {
    let mut picture = picture();
    assert!(matches!(picture.update(0, 0, shape(1, 1, 4), &[0; 4]), Err(PictureError::NoPicture)));
    picture.scanout(shape(2, 2, 8), &[1; 16]).unwrap();
    for (lie, bytes) in [
        (shape(0, 2, 8), 16),
        (shape(2, 0, 8), 16),
        (shape(u32::MAX, u32::MAX, u32::MAX), 16),
        (shape(16384, 16384, 65536), 16),
        (shape(2, 2, 7), 16),
        (shape(2, 2, u32::MAX), 16),
        (shape(2, 2, 8), 15),
        (Scanout { format: 0xdead_beef, ..shape(2, 2, 8) }, 16),
    ] {
        assert!(picture.scanout(lie, &vec![9; bytes]).is_err(), "{lie:?}");
        assert!(picture.update(0, 0, lie, &vec![9; bytes]).is_err(), "{lie:?}");
    }
    assert!(picture.update(-1, 0, shape(1, 1, 4), &[9; 4]).is_err());
    assert!(picture.cursor_define((64, 64), (0, 0), &[0; 12]).is_err());
    assert_eq!(blues(&picture), [[1, 1], [1, 1]]);
}

#[test]
fn an_update_across_the_edge_is_cut_off() {
    let mut picture = picture();
    picture.scanout(shape(2, 2, 8), &[1; 16]).unwrap();
    picture.update(1, 1, shape(3, 3, 12), &[5; 36]).unwrap();
    picture.update(i32::MAX, i32::MAX, shape(3, 3, 12), &[6; 36]).unwrap();
    assert_eq!(blues(&picture), [[1, 1], [1, 5]]);
}

#[test]
fn shared_memory_is_read_where_it_changed() {
    let mut picture = picture();
    let file = File::from(memory(&[1; 4 + 2 * 12]));
    let handed_over = file.try_clone().unwrap().into();
    picture.scanout_map(handed_over, 4, shape(2, 2, 12)).unwrap();
    assert_eq!(blues(&picture), [[1, 1], [1, 1]]);
    std::os::unix::fs::FileExt::write_all_at(&file, &[8; 28], 0).unwrap();
    picture.update_map(1, 0, 1, 2).unwrap();
    assert_eq!(blues(&picture), [[1, 8], [1, 8]]);
    assert!(picture.update_map(0, 0, -1, 2).is_err());
    // QEMU takes the memory away under the picture.
    file.set_len(0).unwrap();
    assert!(matches!(picture.update_map(0, 0, 2, 2), Err(PictureError::TooShort)));
    assert_eq!(blues(&picture), [[1, 8], [1, 8]]);
}

#[test]
fn shared_memory_in_another_format_is_converted() {
    let mut picture = picture();
    let blue = 0x001f_u16.to_le_bytes();
    let bytes: Vec<u8> = [[0, 0], blue, blue, [0, 0]].concat();
    let shape = Scanout { format: RGB565, ..shape(2, 2, 4) };
    picture.scanout_map(memory(&bytes), 0, shape).unwrap();
    assert_eq!(blues(&picture), [[0, 255], [255, 0]]);
}

#[test]
fn shared_memory_that_is_none_is_refused() {
    let mut picture = picture();
    let (pipe, _writer) = std::io::pipe().unwrap();
    assert!(matches!(picture.scanout_map(pipe.into(), 0, shape(1, 1, 4)), Err(PictureError::NotMemory)));
    assert!(picture.scanout_map(memory(&[0; 15]), 0, shape(2, 2, 8)).is_err());
    assert!(picture.scanout_map(memory(&[0; 16]), u32::MAX, shape(2, 2, 8)).is_err());
    assert!(picture.framebuffer.is_none());
}

#[test]
fn a_pointer_is_hidden_and_shown_again_and_one_never_drawn_is_neither() {
    let mut picture = picture();
    let pointer = |picture: &Picture| picture.screen.showing().pointer;
    picture.mouse_set(0, 0, 0);
    assert!(matches!(pointer(&picture), Pointer::Unset));
    picture.cursor_define((2, 1), (1, 0), &[1, 2, 3, 255, 0, 0, 0, 0]).unwrap();
    picture.mouse_set(5, 6, 1);
    assert!(matches!(pointer(&picture), Pointer::Shown(image) if image.rgba == [3, 2, 1, 255, 0, 0, 0, 0]));
    picture.mouse_set(9, 9, 0);
    assert!(matches!(pointer(&picture), Pointer::Hidden));
    assert_eq!(picture.screen.showing().pointer_at, (6, 6), "where it points, not where its corner is");
    picture.mouse_set(-3, 7, 1);
    assert!(matches!(pointer(&picture), Pointer::Shown(_)));
    assert_eq!(picture.screen.showing().pointer_at, (0, 7));
}

#[test]
fn what_qemu_draws_on_a_screen_that_is_off_is_not_shown() {
    let wanted: IsWanted = Arc::default();
    let mut picture = Picture::new(Screen::new(), Arc::clone(&wanted));
    let message = Scanout { width: 2, height: 1, stride: 8, format: BGRX };
    picture.scanout(message, &[1; 8]).unwrap();
    assert_eq!(picture.screen.size(), None);
    wanted.store(true, Ordering::Release);
    picture.scanout(message, &[2; 8]).unwrap();
    assert_eq!(picture.screen.size(), Some(Size::new(2, 1)));
}
