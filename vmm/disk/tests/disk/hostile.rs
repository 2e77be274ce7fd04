//! Damaged and malicious images, which must be refused or cause errors only.

use crate::support::*;
use oriel_disk::{BackingChain, ImageSource, check, inspect};
use oriel_vmm_api::DiskFormat;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;

fn source(path: &Path) -> ImageSource {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    ImageSource { file, format: DiskFormat::Qcow2 }
}

fn open_alone(path: &Path, read_only: bool) -> Opened {
    when_free(|| BackingChain::open(source(path), Vec::new(), read_only))
}

/// Asserts that every function refuses an image with this change to its header; returns the sentence.
fn refused(folder: &Folder, offset: u64, bytes: &[u8]) -> String {
    let path = folder.path("changed.qcow2");
    let _ = std::fs::remove_file(&path);
    folder.qcow2("changed.qcow2", 1 << 30, None);
    OpenOptions::new().write(true).open(&path).unwrap().write_all_at(bytes, offset).unwrap();
    let inspected = inspect(source(&path).file, DiskFormat::Qcow2).unwrap_err().to_string();
    let opened = open_alone(&path, true).map(drop).unwrap_err().1.to_string();
    assert_eq!(inspected, opened);
    assert!(check(source(&path).file).is_err());
    inspected
}

#[test]
fn headers_that_cannot_be_are_refused_with_a_sentence() {
    let folder = Folder::new();
    let long = |value: u64| value.to_be_bytes().to_vec();
    let word = |value: u32| value.to_be_bytes().to_vec();
    let cases: Vec<(u64, Vec<u8>, &str)> = vec![
        (4, word(1), "version 1"),
        (4, word(4), "version 4"),
        (8, [long(100), word(1024)].concat(), "name of its backing file"),
        (8, [long(u64::MAX), word(100)].concat(), "name of its backing file"),
        (8, [long(65500), word(100)].concat(), "name of its backing file"),
        (20, word(8), "cluster size"),
        (20, word(22), "cluster size"),
        (20, word(u32::MAX), "cluster size"),
        (24, long(0), "whole sectors"),
        (24, long(513), "whole sectors"),
        (24, long(u64::MAX), "whole sectors"),
        (24, long(!511), "largest"),
        (24, long(2 << 40), "too short"),
        (32, word(1), "encryption"),
        (32, word(2), "encryption"),
        (36, word(0), "too short"),
        (36, word(u32::MAX), "larger than any disk"),
        (36, word(1 << 20), "outside of the file"),
        (40, long(0), "outside of the file"),
        (40, long(1), "outside of the file"),
        (40, long(1 << 62), "outside of the file"),
        (40, long(u64::MAX), "outside of the file"),
        (40, long(1 << 16), "overlap"),
        (48, long(0), "outside of the file"),
        (48, long(u64::MAX << 16), "outside of the file"),
        (56, word(0), "no table"),
        (56, word(u32::MAX), "larger than any disk"),
        (56, word(3), "overlap"),
        (72, long(1 << 1), "corrupt"),
        (72, long(1 << 2), "external data file"),
        (72, long(1 << 4), "subclusters"),
        (72, long(1 << 5), "not known here"),
        (72, long(1 << 63), "not known here"),
        (96, word(7), "reference counts"),
        (100, word(96), "length of its header"),
        (100, word(u32::MAX), "length of its header"),
    ];
    for (offset, bytes, sentence) in cases {
        let error = refused(&folder, offset, &bytes);
        assert!(error.contains(sentence), "{offset} {bytes:x?}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn images_that_may_be_read_and_not_written() {
    let folder = Folder::new();
    for (offset, bytes, sentence) in
        [(79, 1u8, "not closed properly"), (63, 1, "snapshots"), (99, 3, "reference counts")]
    {
        let path = folder.path("changed.qcow2");
        let _ = std::fs::remove_file(&path);
        folder.qcow2("changed.qcow2", 1 << 30, None);
        source(&path).file.write_all_at(&[bytes], offset).unwrap();
        assert!(open_alone(&path, true).is_ok(), "{sentence}");
        let error = open_alone(&path, false).map(drop).unwrap_err().1.to_string();
        assert!(error.contains(sentence), "{error}");
    }
}

#[test]
fn truncated_images() {
    let folder = Folder::new();
    let image = folder.qcow2("whole.qcow2", 1 << 20, None);
    open(std::slice::from_ref(&image)).write(0, &[1; 100 * 512]).unwrap();
    let whole = std::fs::read(&image.path).unwrap();
    for len in [0, 3, 4, 71, 72, 103, 104, 4096, 65536, 131_072, 200_000, 262_143, 262_144, 300_000, 400_000]
    {
        std::fs::write(&image.path, &whole[..len.min(whole.len())]).unwrap();
        match open_alone(&image.path, false) {
            Ok(disk) => {
                let mut bytes = [0; 4096];
                let _ = disk.read(0, &mut bytes);
                let _ = disk.write(0, &bytes);
                let _ = disk.flush();
            }
            Err((_, error)) => assert!(len < 262_144, "{len}: {error}"),
        }
    }
}

/// Performs requests of a guest; any result is accepted, but no panic.
fn exercise(disk: &BackingChain, random: &mut XorShift) {
    let sectors = disk.size() / SECTOR;
    let mut bytes = vec![0; 200 * 512];
    for turn in 0..12 {
        let count = (1 + random.below(200)).min(sectors);
        let offset = random.below(sectors - count + 1) * SECTOR;
        let range = offset..offset + count * SECTOR;
        let bytes = &mut bytes[..(count * SECTOR) as usize];
        let _ = match turn % 6 {
            0 | 1 => disk.read(offset, bytes),
            2 | 3 => disk.write(offset, bytes),
            4 => disk.discard(range),
            _ => disk.write_zeroes(range, turn % 2 == 0),
        };
    }
    let _ = disk.discard(0..disk.size().min(64 << 20));
    let _ = disk.write(0, &bytes[..512]);
    let _ = disk.flush();
}

#[test]
fn damaged_tables_do_no_harm() {
    let folder = Folder::in_memory();
    let base = folder.raw("base.raw", &[3; 1 << 20]);
    let seed = folder.qcow2("seed.qcow2", 64 << 20, Some(&base));
    {
        let disk = open(&[seed.clone(), base.clone()]);
        for i in 0..20 {
            disk.write(i * 3 * CLUSTER, &[i as u8; 5000 / 512 * 512]).unwrap();
        }
        disk.write_zeroes(50 * CLUSTER..55 * CLUSTER, false).unwrap();
    }
    let whole = std::fs::read(&seed.path).unwrap();
    let path = folder.path("damaged.qcow2");
    let mut random = XorShift(0x9E37_79B9_7F4A_7C15);
    let mut opened = 0;
    for _ in 0..1000 {
        let mut bytes = whole.clone();
        for _ in 0..1 + random.below(6) {
            // The header, the first bytes of the tables, and now and then a whole entry.
            let cluster = random.below(5);
            let span = if cluster == 0 { 120 } else { 400 };
            let at = (cluster * CLUSTER + random.below(span)) as usize;
            match random.below(4) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes[at] = random.next() as u8,
                2 => {
                    let entry = (random.below(12) * CLUSTER) | random.below(4) << 62 | random.below(2);
                    bytes[at / 8 * 8..][..8].copy_from_slice(&entry.to_be_bytes());
                }
                _ => {
                    let entry = random.next();
                    bytes[at / 8 * 8..][..8].copy_from_slice(&entry.to_be_bytes());
                }
            }
        }
        std::fs::write(&path, &bytes).unwrap();
        let _ = inspect(source(&path).file, DiskFormat::Qcow2);
        let _ = check(source(&path).file);
        if let Ok(disk) = when_free(|| BackingChain::open(source(&path), vec![base.open(false)], false)) {
            opened += 1;
            exercise(&disk, &mut random);
        }
    }
    assert!(opened > 200, "only {opened} were opened");
}

#[test]
fn tables_that_contain_themselves_are_walked_once() {
    let folder = Folder::new();
    let image = folder.qcow2("loop.qcow2", 1 << 40, None);
    let file = source(&image.path).file;
    // Every entry of the first table is that table; every block of counts is one and the same.
    let owned = (3 * CLUSTER) | 1 << 63;
    let entries: Vec<u8> = (0..2048).flat_map(|_| owned.to_be_bytes()).collect();
    file.write_all_at(&entries, 3 * CLUSTER).unwrap();
    let blocks: Vec<u8> = (0..8192).flat_map(|_| (2 * CLUSTER).to_be_bytes()).collect();
    file.write_all_at(&blocks, CLUSTER).unwrap();
    let counts: Vec<u8> = (0..32768).flat_map(|_| 1u16.to_be_bytes()).collect();
    file.write_all_at(&counts, 2 * CLUSTER).unwrap();
    drop(file);
    assert!(check(source(&image.path).file).unwrap().corruptions > 0);
    let disk = open(std::slice::from_ref(&image));
    exercise(&disk, &mut XorShift(1));
    let error = disk.write(1 << 39, &[0; 512]).map(|()| disk.discard(0..1 << 30));
    assert!(error.is_err() || error.is_ok_and(|discarded| discarded.is_ok() || discarded.is_err()));
}
