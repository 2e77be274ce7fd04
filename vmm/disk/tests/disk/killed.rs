//! Consistency of an image whose machine is killed during writes.

use crate::support::*;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// Environment variable that gives the folder to the child process that is killed.
const FOLDER: &str = "ORIEL_DISK_TEST_KILLED";
const LEN: u64 = 64 << 20;
const BLOCK: u64 = 8 * SECTOR;
const BLOCKS: u64 = LEN / BLOCK;

fn layers(folder: &std::path::Path) -> [Image; 2] {
    let image = |name: &str, format| Image { path: folder.join(name), format };
    [
        image("overlay.qcow2", oriel_vmm_api::DiskFormat::Qcow2),
        image("base.raw", oriel_vmm_api::DiskFormat::Raw),
    ]
}

/// Returns the offset of block number `number` in an order in which adjacent blocks are far apart.
fn nth(number: u64) -> u64 {
    number * 4099 % BLOCKS * BLOCK
}

fn contents(number: u64) -> Vec<u8> {
    XorShift(number + 1).bytes(BLOCK as usize)
}

/// Child process that writes until it is killed; does nothing as a test of its own.
#[test]
fn victim() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let disk = open(&layers(folder.as_ref()));
    for number in 0..BLOCKS {
        disk.write(nth(number), &contents(number)).unwrap();
        if number % 50 == 49 {
            disk.discard(nth(number / 2) / CLUSTER * CLUSTER + LEN..LEN + LEN / 2 + CLUSTER * 64).unwrap();
            disk.flush().unwrap();
            eprintln!("flushed {}", number + 1);
        }
        disk.write(LEN + number % 700 * CLUSTER, &[number as u8; 512]).unwrap();
    }
}

#[test]
fn what_was_flushed_is_there_and_the_image_is_whole() {
    let folder = Folder::new();
    let base = folder.raw("base.raw", &XorShift(6).bytes(1 << 20));
    for round in 0..6u64 {
        let _ = std::fs::remove_file(folder.path("overlay.qcow2"));
        let overlay = folder.qcow2("overlay.qcow2", 2 * LEN, Some(&base));
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::victim", "--nocapture"])
            .env(FOLDER, folder.path(""))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut flushed = 0;
        let heard = BufReader::new(victim.stderr.take().unwrap()).lines();
        for line in heard.map_while(Result::ok) {
            if let Some(count) = line.strip_prefix("flushed ") {
                flushed = count.parse().unwrap();
                if flushed >= 50 + round * 350 {
                    break;
                }
            }
        }
        victim.kill().unwrap();
        victim.wait().unwrap();
        assert!(flushed > 0, "it did not get far");
        let report = oriel_disk::check(overlay.open(false).file).unwrap();
        assert_eq!(report.corruptions, 0, "{report:?}");
        if let Some(output) = qemu("qemu-img", &["check", overlay.path.to_str().unwrap()]) {
            // 0 is clean, 3 is leaks.
            assert!(matches!(output.status.code(), Some(0 | 3)), "{output:?}");
        }
        let disk = open(&layers(&folder.path("")));
        for number in 0..flushed {
            assert!(read(&disk, nth(number), BLOCK) == contents(number), "round {round}, block {number}");
        }
    }
}
