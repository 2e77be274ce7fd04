//! Tests of images after a power cut, which loses any part of the writes since the last sync.

use super::header::NEW_CLUSTER_BITS;
use super::*;
use crate::backing::Backing;
use crate::file::{Change, ImageFile};
use crate::io_buffers::{IoBuffers, IoMode};
use std::fs::File;
use std::os::unix::fs::FileExt;
use vmm_sys_util::tempfile::TempFile;

const CLUSTER: u64 = 1 << NEW_CLUSTER_BITS;
const CLUSTERS: u64 = 24;
const DISK: u64 = CLUSTERS * CLUSTER;
/// Size in bytes of the blocks that a medium writes atomically.
const BLOCK: usize = 4096;
const NO_BACKING: &dyn Backing = &NoBacking;

struct NoBacking;

impl Backing for NoBacking {
    fn is_empty(&self) -> bool {
        true
    }

    fn read(&self, _: u64, buffers: IoBuffers, _: IoMode) -> std::io::Result<()> {
        buffers.fill_zero();
        Ok(())
    }
}

struct XorShift(u64);

impl XorShift {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn open(file: &File) -> Image {
    Image::open(ImageFile::new(file.try_clone().unwrap()), true).unwrap()
}

/// Writes those blocks of `change` to `file` for which `survives` returns true.
fn apply(file: &File, change: &Change, mut survives: impl FnMut() -> bool) {
    let Change::Written(offset, bytes) = change else { return };
    for (at, block) in (*offset..).step_by(BLOCK).zip(bytes.chunks(BLOCK)) {
        if survives() {
            file.write_all_at(block, at).unwrap();
        }
    }
}

#[test]
fn an_image_is_whole_and_holds_what_was_flushed() {
    let mut random = XorShift(0x5DEE_CE66_D1CE_4E5B);
    for round in 0..4 {
        let (file, after) = (TempFile::new().unwrap().into_file(), TempFile::new().unwrap().into_file());
        create_overlay(file.try_clone().unwrap(), DISK, None).unwrap();
        create_overlay(after.try_clone().unwrap(), DISK, None).unwrap();
        let image = open(&file);
        // By cluster what was flushed, and what may have come later; clusters hold one byte each.
        let mut flushed = vec![vec![0u8]; CLUSTERS as usize];
        let mut flushes = vec![(0, flushed.clone())];
        for turn in 1..100u64 {
            let first = random.below(CLUSTERS);
            let count = 1 + random.below(4.min(CLUSTERS - first));
            let range = first * CLUSTER..(first + count) * CLUSTER;
            let byte = match random.below(6) {
                0..3 => turn as u8,
                3 => {
                    image.discard(range.clone(), NO_BACKING).unwrap();
                    0
                }
                4 => {
                    image.write_zeroes(range.clone(), turn % 2 == 0, NO_BACKING).unwrap();
                    0
                }
                _ => {
                    image.flush().unwrap();
                    let held = flushed.iter().map(|bytes| vec![*bytes.last().unwrap()]).collect();
                    flushed = held;
                    flushes.push((image.file.changes.lock().len(), flushed.clone()));
                    continue;
                }
            };
            if byte != 0 {
                let bytes = vec![byte; (range.end - range.start) as usize];
                image.write(range.start, &bytes, NO_BACKING).unwrap();
            }
            for held in &mut flushed[first as usize..(first + count) as usize] {
                held.push(byte);
            }
            // What came after the last flush may be there or not.
            flushes.last_mut().unwrap().1.clone_from(&flushed);
        }
        let changes = image.file.changes.lock().clone();
        for _ in 0..30 {
            cut(&changes, &flushes, &after, &mut random, round);
        }
    }
}

/// Cuts the power at a random time, mostly just before a sync, and checks the remaining image.
fn cut(
    changes: &[Change],
    flushes: &[(usize, Vec<Vec<u8>>)],
    after: &File,
    random: &mut XorShift,
    round: u64,
) {
    let mut end = random.below(changes.len() as u64 + 1) as usize;
    if random.below(4) != 0 {
        end += changes[end..].iter().position(|change| *change == Change::Synced).unwrap_or(0);
    }
    let synced = changes[..end].iter().rposition(|change| *change == Change::Synced).unwrap_or(0);
    after.set_len(0).unwrap();
    create_overlay(after.try_clone().unwrap(), DISK, None).unwrap();
    changes[..synced].iter().for_each(|change| apply(after, change, || true));
    changes[synced..end].iter().for_each(|change| apply(after, change, || random.below(2) == 0));

    let report = check(after.try_clone().unwrap()).unwrap();
    assert_eq!(report.corruptions, 0, "round {round}, {end} of {} changes: {report:?}", changes.len());
    let image = open(after);
    let (_, held) = flushes.iter().rev().find(|(at, _)| *at <= end).unwrap();
    for (cluster, held) in held.iter().enumerate() {
        let mut bytes = vec![0; CLUSTER as usize];
        let buffers = [bytes.as_mut_slice().into()];
        let offset = cluster as u64 * CLUSTER;
        image.read_buffers(offset, IoBuffers::new(&buffers), IoMode::Blocking, NO_BACKING).unwrap();
        let valid = bytes.iter().all(|byte| held.contains(byte));
        assert!(valid, "round {round}, {end} changes, cluster {cluster}: {held:?} and not {}", bytes[0]);
    }
}
