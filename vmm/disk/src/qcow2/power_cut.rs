//! What a power cut leaves of an image: of all that was written since the last sync, any part.

use super::*;
use crate::file::{Change, ImageFile};
use crate::pieces::{Pace, Pieces};
use crate::stack::Below;
use std::fs::File;
use std::os::unix::fs::FileExt;
use vmm_sys_util::tempfile::TempFile;

const CLUSTER: u64 = 1 << CLUSTER_BITS;
const CLUSTERS: u64 = 24;
const DISK: u64 = CLUSTERS * CLUSTER;
/// What a medium writes at once.
const BLOCK: usize = 4096;
const NOTHING_BELOW: Below = Below::NOTHING;

struct Random(u64);

impl Random {
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

/// Writes `change` to `file`, block by block, each of which `survives` or not.
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
    let mut random = Random(0x5DEE_CE66_D1CE_4E5B);
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
                    image.discard(range.clone(), NOTHING_BELOW).unwrap();
                    0
                }
                4 => {
                    image.write_zeroes(range.clone(), turn % 2 == 0, NOTHING_BELOW).unwrap();
                    0
                }
                _ => {
                    image.flush().unwrap();
                    let held = flushed.iter().map(|bytes| vec![*bytes.last().unwrap()]).collect();
                    flushed = held;
                    flushes.push((image.file.history.lock().unwrap().len(), flushed.clone()));
                    continue;
                }
            };
            if byte != 0 {
                let bytes = vec![byte; (range.end - range.start) as usize];
                image.write(range.start, &bytes, NOTHING_BELOW).unwrap();
            }
            for held in &mut flushed[first as usize..(first + count) as usize] {
                held.push(byte);
            }
            // What came after the last flush may be there or not.
            flushes.last_mut().unwrap().1.clone_from(&flushed);
        }
        let history = image.file.history.lock().unwrap().clone();
        for _ in 0..30 {
            cut(&history, &flushes, &after, &mut random, round);
        }
    }
}

/// Cuts the power at any time, mostly just before a sync, and looks at what is left.
fn cut(history: &[Change], flushes: &[(usize, Vec<Vec<u8>>)], after: &File, random: &mut Random, round: u64) {
    let mut end = random.below(history.len() as u64 + 1) as usize;
    if random.below(4) != 0 {
        end += history[end..].iter().position(|change| *change == Change::Synced).unwrap_or(0);
    }
    let synced = history[..end].iter().rposition(|change| *change == Change::Synced).unwrap_or(0);
    after.set_len(0).unwrap();
    create_overlay(after.try_clone().unwrap(), DISK, None).unwrap();
    history[..synced].iter().for_each(|change| apply(after, change, || true));
    history[synced..end].iter().for_each(|change| apply(after, change, || random.below(2) == 0));

    let report = check(after.try_clone().unwrap()).unwrap();
    assert_eq!(report.corruptions, 0, "round {round}, {end} of {} changes: {report:?}", history.len());
    let image = open(after);
    let (_, held) = flushes.iter().rev().find(|(at, _)| *at <= end).unwrap();
    for (cluster, held) in held.iter().enumerate() {
        let mut bytes = vec![0; CLUSTER as usize];
        let pieces = [bytes.as_mut_slice().into()];
        let offset = cluster as u64 * CLUSTER;
        image.read_pieces(offset, Pieces::new(&pieces), Pace::Wait, NOTHING_BELOW).unwrap();
        let sound = bytes.iter().all(|byte| held.contains(byte));
        assert!(sound, "round {round}, {end} changes, cluster {cluster}: {held:?} and not {}", bytes[0]);
    }
}
