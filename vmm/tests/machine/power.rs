//! Guests of a few bytes that use the power registers.

use crate::support::{Desktop, Folder, kvm_is_here, run, wait_until};
use oriel_vmm_api::{Command, EndReason};
use std::path::PathBuf;

const ENTRY: u32 = 0x20_0000;

/// 32-bit code: `mov dx, port; mov al, value; out dx, al`.
fn out(port: u16, value: u8) -> Vec<u8> {
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

fn boot(letter: char, code: &[u8]) -> Desktop {
    let folder = Folder::new();
    let config = folder.config(kernel(&folder, letter, code), "");
    Desktop { process: run(&folder, &config), folder }
}

#[test]
fn soft_off_ends_the_desktop() {
    if !kvm_is_here() {
        return;
    }
    let mut desktop = boot('O', &out(0x600, 0x34));
    assert!(desktop.ended().success());
    assert_eq!(desktop.folder.last_words().reason, EndReason::GuestPowerOff);
    assert_eq!(desktop.serial(), "O");
}

#[test]
fn both_reset_lines_start_the_guest_anew_every_time() {
    if !kvm_is_here() {
        return;
    }
    // `mov eax, [0x300000]; test eax, eax; jnz to the end; mov dword [0x300000], 1`: a guest that
    // finds what it left there before does not go on.
    let fresh = [0xA1, 0, 0, 0x30, 0, 0x85, 0xC0, 0x75, 17, 0xC7, 5, 0, 0, 0x30, 0, 1, 0, 0, 0];
    for (letter, reset) in [('R', out(0x602, 1)), ('K', out(0x64, 0xFE))] {
        let code = [&fresh[..], &reset].concat();
        let mut desktop = boot(letter, &code);
        wait_until("it has started thrice", || desktop.serial().len() >= 3);
        desktop.tell(Command::Stop);
        assert!(desktop.ended().success());
        assert!(desktop.serial().chars().all(|said| said == letter));
    }
}

#[test]
fn a_triple_fault_is_a_crash() {
    if !kvm_is_here() {
        return;
    }
    // `ud2` without an interrupt descriptor table.
    let mut desktop = boot('U', &[0x0F, 0x0B]);
    assert!(!desktop.ended().success());
    let words = desktop.folder.last_words();
    assert_eq!(words.reason, EndReason::Crashed);
    assert!(words.text.contains("processor 0"), "{}", words.text);
}

#[test]
fn strange_accesses_are_ignored_and_counted() {
    if !kvm_is_here() {
        return;
    }
    let mut code = out(0x80, 1);
    // `mov eax, [0xF0000000]`, `mov [0xC0000000 - 4 + 0x20000000], eax`: nobody is there.
    code.extend([0xA1, 0, 0, 0, 0xF0, 0xA3, 0xFC, 0xFF, 0xFF, 0xDF]);
    code.extend(out(0x3F8, b'!'));
    let desktop = boot('S', &code);
    wait_until("it went on", || desktop.serial() == "S!");
    let oriel_vmm_api::control::Outcome::Description(facts) = desktop.tell(Command::Describe) else {
        panic!("no description")
    };
    assert_eq!(facts.counters["unclaimed_port_accesses"], 1);
    assert_eq!(facts.counters["unclaimed_memory_accesses"], 2);
}
