//! Overlays: creation, inspection, and their contents over backing images.

use crate::support::*;
use oriel_disk::{BackingFile, ImageInfo, create_overlay, inspect};
use oriel_vmm_api::DiskFormat;
use std::fs::File;

#[test]
fn a_new_overlay_is_small_and_shows_what_is_below() {
    let folder = Folder::new();
    let base = folder.raw("base.raw", &XorShift(3).bytes(4 << 20));
    let overlay = folder.qcow2("desktop.qcow2", 40 << 30, Some(&base));
    assert!(overlay.allocated_bytes() <= 1 << 20, "{}", overlay.allocated_bytes());
    let disk = open(&[overlay.clone(), base.clone()]);
    assert_eq!(disk.size(), 40 << 30);
    assert!(read(&disk, 0, 4 << 20) == std::fs::read(&base.path).unwrap());
    assert!(read(&disk, 30 << 30, 4096).iter().all(|byte| *byte == 0));
    drop(disk);
    assert_clean(&overlay);
}

#[test]
fn qemu_img_finds_the_backing_file_by_the_header() {
    let folder = Folder::new();
    let base = folder.raw("base.raw", &[1; 1 << 20]);
    let overlay = folder.qcow2("desktop.qcow2", 1 << 20, Some(&base));
    let Some(output) = qemu("qemu-img", &["info", "--output=json", overlay.path.to_str().unwrap()]) else {
        return;
    };
    let info: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(info["backing-filename"], base.path.to_str().unwrap());
    assert_eq!(info["backing-filename-format"], "raw");
    assert_eq!(info["virtual-size"], 1 << 20);
    assert_qemu_reads(&overlay, &[1; 1 << 20], &folder.path("expected.raw"));
}

#[test]
fn what_was_discarded_gives_its_room_back_and_is_used_again() {
    let folder = Folder::new();
    let base = folder.raw("base.raw", &[7; 1 << 20]);
    let overlay = folder.qcow2("desktop.qcow2", 64 << 20, Some(&base));
    let disk = open(&[overlay.clone(), base]);
    let data = XorShift(8).bytes(32 << 20);
    disk.write(0, &data).unwrap();
    disk.flush().unwrap();
    let (full, len) = (overlay.allocated_bytes(), std::fs::metadata(&overlay.path).unwrap().len());
    assert!(full > 32 << 20);
    disk.discard(0..24 << 20).unwrap();
    disk.flush().unwrap();
    let trimmed = overlay.allocated_bytes();
    assert!(trimmed < full - (23 << 20), "{full} bytes are {trimmed} after the discard");
    assert!(read(&disk, 0, 1 << 20).iter().all(|byte| *byte == 0), "the base came to light again");
    assert!(read(&disk, 24 << 20, 8 << 20) == data[24 << 20..]);
    disk.write(40 << 20, &data[..16 << 20]).unwrap();
    disk.flush().unwrap();
    assert_eq!(std::fs::metadata(&overlay.path).unwrap().len(), len, "the file grew though it had holes");
    drop(disk);
    assert_clean(&overlay);
}

#[test]
fn many_discards_without_a_flush_give_room_back_too() {
    let folder = Folder::new();
    let image = folder.qcow2("disk.qcow2", 256 << 20, None);
    let disk = open(std::slice::from_ref(&image));
    let data = XorShift(8).bytes(1 << 20);
    (0..128).for_each(|i| disk.write(i << 20, &data).unwrap());
    let full = image.allocated_bytes();
    (0..128).for_each(|i| disk.discard(i << 20..(i + 1) << 20).unwrap());
    assert!(image.allocated_bytes() < full / 2);
}

#[test]
fn an_image_is_what_it_is_said_to_be_and_its_header_does_not_decide() {
    let folder = Folder::new();
    let raw = folder.raw("base.raw", &[0; 4096]);
    let overlay = folder.qcow2("desktop.qcow2", 8192, Some(&raw));
    let look = |image: &Image, format| inspect(File::open(&image.path).unwrap(), format);
    let raw_info = ImageInfo { format: DiskFormat::Raw, virtual_size: 4096, backing: None };
    assert_eq!(look(&raw, DiskFormat::Raw).unwrap(), raw_info);
    assert_eq!(
        look(&overlay, DiskFormat::Qcow2).unwrap(),
        ImageInfo {
            format: DiskFormat::Qcow2,
            virtual_size: 8192,
            backing: Some(raw.path.to_str().unwrap().to_owned())
        }
    );
    assert_eq!(look(&overlay, DiskFormat::Raw).unwrap().backing, None, "as raw it names nothing");
    let error = look(&raw, DiskFormat::Qcow2).unwrap_err().to_string();
    assert_eq!(error, "it is not a qcow2 image");
}

#[test]
fn layers_that_do_not_fit_are_refused() {
    let folder = Folder::new();
    let raw = folder.raw("base.raw", &[0; 4096]);
    let overlay = folder.qcow2("overlay.qcow2", 4096, Some(&raw));
    let whole = folder.qcow2("whole.qcow2", 4096, None);
    let open_error = |layers: &[Image]| when_free(|| open_now(layers, false)).map(drop).unwrap_err();
    let (place, error) = open_error(std::slice::from_ref(&overlay));
    assert_eq!(place, 0);
    assert!(
        error.to_string().contains("base.raw") && error.to_string().contains("no layer below"),
        "{error}"
    );
    assert!(open_error(&[whole.clone(), raw.clone()]).1.to_string().contains("no overlay"));
    assert!(open_error(&[raw.clone(), whole.clone()]).1.to_string().contains("no overlay"));
    let (place, error) = open_error(&[overlay.clone(), folder.raw("odd.raw", &[0; 100])]);
    assert_eq!(place, 1);
    assert!(error.to_string().contains("not a positive multiple of 512"), "{error}");
    let mut deep = vec![overlay.clone(); 16];
    deep.push(raw);
    assert!(open_error(&deep).1.to_string().contains("at most 16 layers"));
}

#[test]
fn sizes_and_names_that_cannot_be_are_refused() {
    let folder = Folder::new();
    let make = |len, name: &str| {
        let file = File::create(folder.path("new.qcow2")).unwrap();
        create_overlay(file, len, Some(BackingFile { name, format: DiskFormat::Raw }))
            .map_err(|e| e.to_string())
    };
    for len in [0, 513, (16 << 40) + 512] {
        assert!(make(len, "a").unwrap_err().contains("cannot be made"));
    }
    assert!(make(4096, "").is_err() && make(4096, &"x".repeat(1024)).is_err());
    assert_eq!(make(4096, &"x".repeat(1023)), Ok(()));
    assert_eq!(make(16 << 40, "base.raw"), Ok(()), "the largest there is");
    let largest = Image { path: folder.path("new.qcow2"), format: DiskFormat::Qcow2 };
    let base = folder.raw("base.raw", &[0; 512]);
    let disk = open(&[largest.clone(), base]);
    disk.write((16 << 40) - 512, &[9; 512]).unwrap();
    assert_eq!(read(&disk, (16 << 40) - 512, 512), [9; 512]);
    assert!(disk.write((16 << 40) - 512, &[9; 1024]).is_err() && disk.write(u64::MAX, &[9; 512]).is_err());
    drop(disk);
    assert_clean(&largest);
}
