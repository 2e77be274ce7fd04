use super::*;
use crate::memory;
use std::io::Write;

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("oriel-boot-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        File::create(&path).unwrap().write_all(bytes).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn boot(kernel: PathBuf, initrd: Option<PathBuf>, cmdline: &str) -> Result<(GuestRam, Entry), BootError> {
    let ram = memory::allocate(64, memory::Backing::default()).unwrap();
    let boot = Boot { kernel, initrd, cmdline: cmdline.into() };
    let source = BootSource::new(&boot, BootFiles::open(&boot)?)?;
    let entry = source.load(&ram, layout::ACPI)?;
    Ok((ram, entry))
}

/// Builds an ELF kernel with a PVH note and one segment of four bytes, `code`, at 2 MiB.
pub(crate) fn pvh_elf(entry: u32, code: [u8; 4]) -> Vec<u8> {
    let mut note = Vec::new();
    for word in [4u32, 4, 18] {
        note.extend(word.to_le_bytes());
    }
    note.extend(b"Xen\0");
    note.extend(entry.to_le_bytes());
    let mut elf = vec![0u8; 64];
    elf[..8].copy_from_slice(b"\x7fELF\x02\x01\x01\0");
    elf[16..20].copy_from_slice(&[2, 0, 62, 0]);
    elf[24..32].copy_from_slice(&u64::from(entry).to_le_bytes());
    elf[32..40].copy_from_slice(&64u64.to_le_bytes());
    elf[54..58].copy_from_slice(&[56, 0, 2, 0]);
    let segment = |segment_type: u32, offset: u64, address: u64, size: u64| {
        let mut header = Vec::new();
        header.extend(segment_type.to_le_bytes());
        header.extend(5u32.to_le_bytes());
        for value in [offset, address, address, size, size, 4] {
            header.extend(value.to_le_bytes());
        }
        header
    };
    elf.extend(segment(1, 200, 0x20_0000, 4));
    elf.extend(segment(4, 204, 0, note.len() as u64));
    elf.resize(200, 0);
    elf.extend(code);
    elf.extend(note);
    elf
}

/// Builds a bzImage with one setup sector and 4 KiB of kernel, whose preferred address is 16 MiB.
fn bzimage() -> Vec<u8> {
    let mut image = vec![0u8; 1024 + 4096];
    let mut put = |offset: usize, bytes: &[u8]| image[offset..offset + bytes.len()].copy_from_slice(bytes);
    put(0x1F1, &[1]);
    put(0x1F4, &256u32.to_le_bytes());
    put(0x202, b"HdrS");
    put(0x206, &0x20Fu16.to_le_bytes());
    put(0x211, &[1]);
    put(0x22C, &0x7FFF_FFFFu32.to_le_bytes());
    put(0x234, &[1]);
    put(0x236, &1u16.to_le_bytes());
    put(0x238, &255u32.to_le_bytes());
    put(0x258, &0x100_0000u64.to_le_bytes());
    put(0x260, &0x10_0000u32.to_le_bytes());
    image[1024..].fill(0x90);
    image
}

#[test]
fn pvh_gets_its_start_info() {
    let dir = Scratch::new("pvh");
    let initrd = dir.file("initrd", &[7; 5000]);
    let (ram, entry) =
        boot(dir.file("kernel", &pvh_elf(0x20_0000, [0xF4; 4])), Some(initrd), "scene=echo").unwrap();
    assert_eq!(entry, Entry::Pvh { eip: 0x20_0000, start_info: layout::PVH_START_INFO as u32 });
    let read = |offset| ram.read_obj::<u64>(GuestAddress(layout::PVH_START_INFO + offset)).unwrap();
    assert_eq!(read(0) as u32, 0x336E_C578);
    let module = ram.read_obj::<u64>(GuestAddress(read(16))).unwrap();
    assert_eq!(ram.read_obj::<u8>(GuestAddress(module + 4999)).unwrap(), 7);
    let mut line = [0; 11];
    ram.read_slice(&mut line, GuestAddress(read(24))).unwrap();
    assert_eq!(&line, b"scene=echo\0");
    assert_eq!(read(32), layout::ACPI);
    assert_eq!(ram.read_obj::<u32>(GuestAddress(0x20_0000)).unwrap(), 0xF4F4_F4F4);
}

#[test]
fn bzimage_gets_its_zero_page() {
    let dir = Scratch::new("bz");
    let initrd = dir.file("initrd", &[9; 100]);
    let (ram, entry) = boot(dir.file("kernel", &bzimage()), Some(initrd), "quiet").unwrap();
    assert_eq!(entry, Entry::Linux64 { rip: 0x100_0200, zero_page: layout::ZERO_PAGE });
    let read = |offset| ram.read_obj::<u32>(GuestAddress(layout::ZERO_PAGE + offset)).unwrap();
    assert_eq!(read(0x70), layout::ACPI as u32);
    assert_eq!(read(0x228), layout::CMDLINE as u32);
    assert_eq!(read(0x21C), 100);
    assert_eq!(ram.read_obj::<u8>(GuestAddress(u64::from(read(0x218)))).unwrap(), 9);
    assert_eq!(read(0x1E8) & 0xFF, memory::map(&ram).len() as u32);
    assert_eq!(ram.read_obj::<u8>(GuestAddress(0x100_0000)).unwrap(), 0x90);
}

#[test]
fn the_reset_vector_resets_the_machine() {
    let dir = Scratch::new("reset");
    let (ram, _) = boot(dir.file("kernel", &bzimage()), None, "").unwrap();
    let mut code = [0; 6];
    ram.read_slice(&mut code, GuestAddress(layout::RESET_VECTOR)).unwrap();
    // mov dx, RESET_PORT; mov al, RESET_VALUE; out dx, al
    let [low, high] = layout::RESET_PORT.to_le_bytes();
    assert_eq!(code, [0xBA, low, high, 0xB0, layout::RESET_VALUE, 0xEE]);
}

#[test]
fn what_is_no_kernel_is_told_apart_from_what_is_damaged() {
    let dir = Scratch::new("bad");
    let error = |bytes: &[u8]| boot(dir.file("kernel", bytes), None, "").unwrap_err();
    assert!(matches!(error(b""), BootError::NotAKernel(_)));
    assert!(matches!(error(&[0xA5; 9000]), BootError::NotAKernel(_)));
    let elf = pvh_elf(0x20_0000, [0xF4; 4]);
    for length in [4, 19, 63, 100, 190, 202, 210] {
        assert!(matches!(error(&elf[..length]), BootError::Damaged { .. }), "ELF cut at {length}");
    }
    let image = bzimage();
    for length in [0x206, 0x230, 1500] {
        assert!(matches!(error(&image[..length]), BootError::Damaged { .. }), "bzImage cut at {length}");
    }
    let mut without_note = elf.clone();
    without_note[64 + 56] = 0;
    assert!(matches!(error(&without_note), BootError::Unsupported { .. }));
    assert!(matches!(
        boot(dir.0.join("nothing"), None, "").unwrap_err(),
        BootError::Unreadable { what: "kernel", .. }
    ));
    assert!(matches!(boot(dir.0.clone(), None, "").unwrap_err(), BootError::Unreadable { .. }));
}

#[test]
fn what_does_not_fit_is_refused() {
    let dir = Scratch::new("fit");
    let mut image = bzimage();
    image[0x260..0x264].copy_from_slice(&0x400_0000u32.to_le_bytes());
    let large = boot(dir.file("kernel", &image), None, "").unwrap_err();
    assert!(matches!(large, BootError::DoesNotFit { needed_mib: 80 }), "{large}");
    let kernel = dir.file("kernel", &bzimage());
    let initrd = dir.file("initrd", &[]);
    File::options().write(true).open(&initrd).unwrap().set_len(100 << 20).unwrap();
    assert!(matches!(boot(kernel.clone(), Some(initrd), "").unwrap_err(), BootError::DoesNotFit { .. }));
    let long = "x".repeat(256);
    let error = boot(kernel.clone(), None, &long).unwrap_err();
    assert!(matches!(error, BootError::CommandLineTooLong { length: 256, limit: 255 }));
    assert!(matches!(boot(kernel, None, "a\0b").unwrap_err(), BootError::CommandLineNul));
}

#[test]
fn random_headers_never_panic() {
    let dir = Scratch::new("random");
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    for base in [pvh_elf(0x20_0000, [0xF4; 4]), bzimage()] {
        for _ in 0..200 {
            let mut bytes = base.clone();
            for _ in 0..4 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let at = (state >> 33) as usize % 0x270.min(bytes.len());
                bytes[at] = (state >> 20) as u8;
            }
            let _ = boot(dir.file("kernel", &bytes), None, "");
        }
    }
}
