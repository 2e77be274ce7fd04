//! Clock and generation, as a guest without drivers finds them.

use crate::support::{kvm_is_here, wait_until};
use crate::tiny_guest::{boot, boot_as, out};
use oriel_vmm_api::Command;
use std::process::Command as Process;

/// 32-bit code: says on the serial console what the clock's register `index` holds.
fn say_register(index: u8) -> Vec<u8> {
    // `mov dx, 0x71; in al, dx; mov dx, 0x3F8; out dx, al`
    [&out(0x70, index)[..], &[0x66, 0xBA, 0x71, 0, 0xEC, 0x66, 0xBA, 0xF8, 0x03, 0xEE]].concat()
}

fn utc(format: &str) -> Vec<u8> {
    let output = Process::new("date").args(["-u", format]).output().unwrap();
    let digits = String::from_utf8(output.stdout).unwrap();
    let pairs = digits.trim().as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn the_clock_has_the_hosts_date_in_utc() {
    if !kvm_is_here() {
        return;
    }
    let code: Vec<u8> = [0x32, 0x09, 0x08, 0x07].iter().flat_map(|index| say_register(*index)).collect();
    let before = utc("+%Y%m%d");
    let desktop = boot('C', &code);
    let serial = || std::fs::read(desktop.folder.path("serial.log")).unwrap_or_default();
    wait_until("it has told the date", || serial().len() == 5);
    let after = utc("+%Y%m%d");
    assert!(serial()[1..] == before || serial()[1..] == after, "{:x?} is not {after:x?}", serial());
}

#[test]
fn a_generation_is_where_it_should_be_and_survives_a_reset() {
    if !kvm_is_here() {
        return;
    }
    // `mov esi, 0x9F000; mov ecx, 16; mov dx, 0x3F8`, then `lodsb; out dx, al; loop` back to it.
    let code = [0xBE, 0, 0xF0, 9, 0, 0xB9, 16, 0, 0, 0, 0x66, 0xBA, 0xF8, 0x03, 0xAC, 0xEE, 0xE2, 0xFC];
    let text = "sixteen letters!";
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let desktop = boot_as('G', &code, |config| config.generation = Some(digits));
    wait_until("it has told its generation", || desktop.serial() == format!("G{text}"));
    desktop.request(Command::Reset);
    wait_until("it has told it again", || desktop.serial() == format!("G{text}G{text}"));

    let others: Vec<_> = (0..2).map(|_| boot('R', &code)).collect();
    let generation = |at: usize| std::fs::read(others[at].folder.path("serial.log")).unwrap_or_default();
    wait_until("both have told theirs", || generation(0).len() == 17 && generation(1).len() == 17);
    assert_ne!(generation(0), generation(1), "every machine has its own");
}
