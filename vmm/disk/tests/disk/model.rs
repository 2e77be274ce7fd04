//! Random requests to a disk and to a buffer in memory, which must have the same contents, for several
//! chains.

use crate::support::*;
use oriel_disk::BackingChain;
use std::path::Path;

/// Length of the disk in bytes, neither in whole clusters nor in whole pages.
const LEN: u64 = 40 * CLUSTER + 7 * SECTOR;
const BASE_LEN: u64 = 29 * CLUSTER + 11 * SECTOR;

struct Model {
    disk: Option<BackingChain>,
    layers: Vec<Image>,
    bytes: Vec<u8>,
    random: XorShift,
}

impl Model {
    fn disk(&self) -> &BackingChain {
        self.disk.as_ref().unwrap()
    }

    fn range(&mut self, most: u64) -> std::ops::Range<usize> {
        let sectors = self.bytes.len() as u64 / SECTOR;
        let mut start = self.random.below(sectors);
        let mut len = 1 + self.random.below(most.min(sectors - start));
        if self.random.below(4) == 0 {
            // Whole clusters, where things happen.
            start = start / 128 * 128;
            len = (len.next_multiple_of(128)).min(sectors - start);
        }
        let start = (start * SECTOR) as usize;
        start..start + (len * SECTOR) as usize
    }

    fn step(&mut self) {
        match self.random.below(100) {
            0..40 => {
                let range = self.range(700);
                let bytes = self.random.bytes(range.len());
                if self.random.below(2) == 0 {
                    write_in_pieces(self.disk(), range.start as u64, &bytes);
                } else {
                    self.disk().write(range.start as u64, &bytes).unwrap();
                }
                self.bytes[range].copy_from_slice(&bytes);
            }
            40..70 => {
                let range = self.range(900);
                let bytes = match self.random.below(2) {
                    0 => read_in_pieces(self.disk(), range.start as u64, range.len()),
                    _ => read(self.disk(), range.start as u64, range.len() as u64),
                };
                assert!(bytes == self.bytes[range.clone()], "other bytes in {range:?}");
            }
            70..80 => {
                let range = self.range(1500);
                self.disk().discard(range.start as u64..range.end as u64).unwrap();
                // What was discarded is as it was, or gone.
                let after = read(self.disk(), range.start as u64, range.len() as u64);
                for (now, before) in after.chunks(512).zip(self.bytes[range.clone()].chunks(512)) {
                    assert!(now == before || now.iter().all(|byte| *byte == 0), "{range:?}");
                }
                self.bytes[range].copy_from_slice(&after);
            }
            80..92 => {
                let range = self.range(1000);
                let may_unmap = self.random.below(2) == 0;
                self.disk().write_zeroes(range.start as u64..range.end as u64, may_unmap).unwrap();
                self.bytes[range].fill(0);
            }
            92..97 => self.disk().flush().unwrap(),
            _ => {
                self.disk = None;
                self.disk = Some(open(&self.layers));
            }
        }
    }

    /// Runs random requests, then compares all contents, also with QEMU's tools.
    fn run(mut self, steps: usize, scratch: &Path) {
        for _ in 0..steps {
            self.step();
        }
        assert!(read(self.disk(), 0, LEN) == self.bytes);
        self.disk = None;
        assert!(read(&open(&self.layers), 0, LEN) == self.bytes);
        for image in self.layers.iter().filter(|image| image.format == oriel_vmm_api::DiskFormat::Qcow2) {
            assert_clean(image);
        }
        assert_qemu_reads(&self.layers[0], &self.bytes, scratch);
    }
}

fn run(folder: &Folder, layers: Vec<Image>, bytes: Vec<u8>, seed: u64) {
    assert_eq!(bytes.len() as u64, LEN);
    let disk = Some(open(&layers));
    let model = Model { disk, layers, bytes, random: XorShift(seed | 1) };
    model.run(600, &folder.path("expected.raw"));
}

fn base() -> Vec<u8> {
    let mut random = XorShift(77);
    let mut bytes = random.bytes(BASE_LEN as usize);
    bytes[3 * CLUSTER as usize..9 * CLUSTER as usize].fill(0);
    bytes
}

fn extended(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(LEN as usize, 0);
    bytes
}

#[test]
fn raw() {
    let folder = Folder::new();
    let bytes = XorShift(5).bytes(LEN as usize);
    let image = folder.raw("disk.raw", &bytes);
    run(&folder, vec![image], bytes, 11);
}

#[test]
fn qcow2() {
    let folder = Folder::new();
    for seed in [21, 22] {
        let image = folder.qcow2(&format!("{seed}.qcow2"), LEN, None);
        run(&folder, vec![image], vec![0; LEN as usize], seed);
    }
}

#[test]
fn overlay_over_raw() {
    let folder = Folder::new();
    let base = folder.raw("base.raw", &base());
    for seed in [31, 32] {
        let overlay = folder.qcow2(&format!("{seed}.qcow2"), LEN, Some(&base));
        run(&folder, vec![overlay, base.clone()], extended(self::base()), seed);
    }
    assert!(std::fs::read(&base.path).unwrap() == self::base(), "the base was written to");
}

#[test]
fn overlay_over_qcow2_over_raw() {
    let folder = Folder::new();
    let base = folder.raw("base.raw", &base());
    let middle = folder.qcow2("middle.qcow2", BASE_LEN + CLUSTER, Some(&base));
    let mut bytes = extended(self::base());
    {
        let disk = open(&[middle.clone(), base.clone()]);
        let piece = XorShift(9).bytes(100_000 / 512 * 512);
        disk.write(SECTOR, &piece).unwrap();
        disk.write_zeroes(20 * CLUSTER..22 * CLUSTER, true).unwrap();
        bytes[SECTOR as usize..][..piece.len()].copy_from_slice(&piece);
        bytes[20 * CLUSTER as usize..22 * CLUSTER as usize].fill(0);
    }
    let overlay = folder.qcow2("overlay.qcow2", LEN, Some(&middle));
    run(&folder, vec![overlay, middle, base], bytes, 41);
}

#[test]
fn images_that_qemu_made() {
    let cases: [(&str, &[&str]); 6] = [
        ("v2", &["-o", "compat=0.10"]),
        ("deflate", &["-c"]),
        ("zstd", &["-c", "-o", "compression_type=zstd"]),
        ("large-clusters", &["-o", "cluster_size=1M"]),
        ("large-compressed", &["-c", "-o", "cluster_size=2M,compression_type=zstd"]),
        ("preallocated", &["-o", "preallocation=metadata"]),
    ];
    for (seed, (name, options)) in (51..).zip(cases) {
        let folder = Folder::new();
        let mut bytes = extended(base());
        // Something that compresses.
        for (i, byte) in bytes[10 * CLUSTER as usize..20 * CLUSTER as usize].iter_mut().enumerate() {
            *byte = (i / 1000) as u8;
        }
        let raw = folder.raw("from.raw", &bytes);
        let image = Image { path: folder.path("made.qcow2"), format: oriel_vmm_api::DiskFormat::Qcow2 };
        let (from, to) = (raw.path.to_str().unwrap(), image.path.to_str().unwrap());
        let words = [&["convert", "-f", "raw", "-O", "qcow2"], options, &[from, to]].concat();
        let Some(output) = qemu("qemu-img", &words) else { return };
        assert!(output.status.success(), "{name}: {output:?}");
        // Below an overlay, where it is only read, and then by itself.
        let overlay = folder.qcow2("overlay.qcow2", LEN, Some(&image));
        let run = std::panic::AssertUnwindSafe(|| {
            run(&folder, vec![overlay, image.clone()], bytes.clone(), seed);
            // An image that stands alone.
            self::run(&folder, vec![image], bytes, seed + 100);
        });
        assert!(std::panic::catch_unwind(run).is_ok(), "with {name}");
    }
}

#[test]
fn version_2_below_which_there_is_something() {
    let folder = Folder::new();
    let base = folder.raw("base.raw", &base());
    let image = Image { path: folder.path("two.qcow2"), format: oriel_vmm_api::DiskFormat::Qcow2 };
    let (below, path) = (base.path.to_str().unwrap(), image.path.to_str().unwrap());
    let len = LEN.to_string();
    let words = ["create", "-q", "-f", "qcow2", "-o", "compat=0.10", "-F", "raw", "-b", below, path, &len];
    let Some(output) = qemu("qemu-img", &words) else { return };
    assert!(output.status.success(), "{output:?}");
    run(&folder, vec![image, base], extended(self::base()), 61);
}
