//! Several threads that write the same clusters of a disk, while other threads flush and discard.

use crate::support::*;
use std::sync::atomic::{AtomicBool, Ordering};

const THREADS: u64 = 4;
const LEN: u64 = 96 * CLUSTER;
/// Each thread has every fourth piece of this many bytes to itself.
const PIECE: u64 = 8 * SECTOR;

fn piece(thread: u64, number: u64) -> u64 {
    (number * THREADS + thread) * PIECE
}

#[test]
fn neighbours_do_not_disturb_each_other() {
    let folder = Folder::new();
    let below = XorShift(4).bytes(LEN as usize);
    let base = folder.raw("base.raw", &below);
    // The upper half is discarded and zeroed all the time.
    let overlay = folder.qcow2("overlay.qcow2", 2 * LEN, Some(&base));
    let layers = [overlay.clone(), base];
    let disk = open(&layers);
    let buffers = LEN / PIECE / THREADS;
    let done = AtomicBool::new(false);
    let (disk_ref, done_ref, below_ref) = (&disk, &done, &below);
    let last = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || {
                    let mut random = XorShift(thread + 1);
                    let mut expected: Vec<Option<u8>> = vec![None; buffers as usize];
                    for turn in 0..3000 {
                        let number = random.below(buffers);
                        let offset = piece(thread, number);
                        let now = read(disk_ref, offset, PIECE);
                        let before = match expected[number as usize] {
                            Some(byte) => vec![byte; PIECE as usize],
                            None => below_ref[offset as usize..][..PIECE as usize].to_vec(),
                        };
                        assert!(now == before, "thread {thread}, turn {turn}, piece {number}");
                        let byte = random.next() as u8;
                        disk_ref.write(offset, &[byte; PIECE as usize]).unwrap();
                        expected[number as usize] = Some(byte);
                    }
                    expected
                })
            })
            .collect();
        let others: Vec<_> = (0..2)
            .map(|which| {
                scope.spawn(move || {
                    let mut random = XorShift(99 + which);
                    let data = random.bytes(3 * CLUSTER as usize);
                    while !done_ref.load(Ordering::Relaxed) {
                        let at = LEN + which * LEN / 2 + random.below(40) * CLUSTER;
                        disk_ref.write(at + SECTOR, &data).unwrap();
                        assert!(read(disk_ref, at + SECTOR, data.len() as u64) == data);
                        if which == 0 {
                            disk_ref.discard(at..at + 4 * CLUSTER).unwrap();
                        } else {
                            disk_ref.write_zeroes(at..at + 4 * CLUSTER, random.below(2) == 0).unwrap();
                        }
                        disk_ref.flush().unwrap();
                    }
                })
            })
            .collect();
        let last: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        done.store(true, Ordering::Relaxed);
        others.into_iter().for_each(|other| other.join().unwrap());
        last.into_iter().map(Result::unwrap).collect::<Vec<_>>()
    });
    drop(disk);
    let disk = open(&layers);
    for (thread, expected) in (0..).zip(last) {
        for (number, byte) in (0..).zip(expected) {
            let offset = piece(thread, number);
            let held = read(&disk, offset, PIECE);
            match byte {
                Some(byte) => assert!(held == [byte; PIECE as usize], "thread {thread}, piece {number}"),
                None => assert!(held == below[offset as usize..][..PIECE as usize]),
            }
        }
    }
    drop(disk);
    assert_clean(&overlay);
}
