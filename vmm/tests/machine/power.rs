//! Guests of a few bytes that use the power registers.

use crate::support::{kvm_is_here, wait_until};
use crate::tiny_guest::{boot, out};
use oriel_vmm_api::{Command, ExitReason};

#[test]
fn soft_off_ends_the_desktop() {
    if !kvm_is_here() {
        return;
    }
    let mut desktop = boot('O', &out(0x600, 0x34));
    assert!(desktop.ended().success());
    assert_eq!(desktop.folder.exit_report().reason, ExitReason::GuestPowerOff);
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
        desktop.request(Command::Stop);
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
    let words = desktop.folder.exit_report();
    assert_eq!(words.reason, ExitReason::Crashed);
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
    let oriel_vmm_api::control::Outcome::Description(facts) = desktop.request(Command::Describe) else {
        panic!("no description")
    };
    assert_eq!(facts.counters["unclaimed_port_accesses"], 1);
    assert_eq!(facts.counters["unclaimed_memory_accesses"], 2);
}
