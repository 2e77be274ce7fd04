//! Guests of a few bytes.

use crate::support::{Desktop, Folder, run};
use oriel_vmm_api::MachineConfig;
use std::path::PathBuf;

const ENTRY: u32 = 0x20_0000;

/// 32-bit code: `mov dx, port; mov al, value; out dx, al`.
pub fn out(port: u16, value: u8) -> Vec<u8> {
    let [low, high] = port.to_le_bytes();
    vec![0x66, 0xBA, low, high, 0xB0, value, 0xEE]
}

/// A PVH kernel that says a letter on the serial console, does `code` and then spins.
fn kernel(folder: &Folder, letter: char, code: &[u8]) -> PathBuf {
    let mut text = out(0x3F8, letter as u8);
    text.extend(code);
    text.extend([0xEB, 0xFE]);
    let mut note = Vec::new();
    for word in [4, 4, 18, u32::from_le_bytes(*b"Xen\0"), ENTRY] {
        note.extend(word.to_le_bytes());
    }
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
    elf.extend(u64::from(ENTRY).to_le_bytes());
    elf.extend(64u64.to_le_bytes());
    elf.extend([0; 14]);
    elf.extend([56, 0, 2, 0]);
    elf.resize(64, 0);
    let offset = 64 + 2 * 56;
    let parts = [(1u32, offset, text.len()), (4, offset + text.len(), note.len())];
    for (kind, offset, size) in parts {
        elf.extend(kind.to_le_bytes());
        elf.extend(5u32.to_le_bytes());
        for value in [offset as u64, u64::from(ENTRY), u64::from(ENTRY), size as u64, size as u64, 4] {
            elf.extend(value.to_le_bytes());
        }
    }
    elf.extend(text);
    elf.extend(note);
    let path = folder.path("kernel");
    std::fs::write(&path, elf).unwrap();
    path
}

/// A machine with that kernel.
pub fn boot(letter: char, code: &[u8]) -> Desktop {
    boot_as(letter, code, |_| ())
}

/// A machine with that kernel and what `change` makes of its configuration.
pub fn boot_as(letter: char, code: &[u8], change: impl FnOnce(&mut MachineConfig)) -> Desktop {
    let folder = Folder::new();
    let mut config = folder.config(kernel(&folder, letter, code), "");
    change(&mut config);
    Desktop { process: run(&folder, &config), folder }
}
