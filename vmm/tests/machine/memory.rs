//! The guest's memory from outside: how it is backed, and its balloon.

use crate::support::{Desktop, Folder, bench_guest, kvm_is_here, wait_until};
use crate::tiny_guest::{boot, boot_as, out};
use oriel_vmm_api::control::Outcome;
use oriel_vmm_api::{Command, HugePages};
use std::collections::BTreeMap;

fn counters(desktop: &Desktop) -> BTreeMap<String, u64> {
    let Outcome::Description(facts) = desktop.request(Command::Describe) else { panic!("no description") };
    facts.counters
}

/// 32-bit code: writes to a byte of every page from 16 MiB to 48 MiB.
const TOUCH_32_MIB: [u8; 20] = [
    0xBF, 0, 0, 0, 1, // mov edi, 0x1000000
    0xC6, 0x07, 1, // mov byte [edi], 1
    0x81, 0xC7, 0, 0x10, 0, 0, // add edi, 0x1000
    0x81, 0xFF, 0, 0, 0, 3, // cmp edi, 0x3000000
];
const AND_AGAIN: [u8; 2] = [0x75, 0xEF]; // jne to `mov byte`

fn touching() -> Vec<u8> {
    [&TOUCH_32_MIB[..], &AND_AGAIN, &out(0x3F8, b'!')].concat()
}

#[test]
fn memory_is_taken_from_the_host_as_the_guest_touches_it() {
    if !kvm_is_here() {
        return;
    }
    for huge_pages in [HugePages::Advise, HugePages::Never] {
        let lazy = boot_as('L', &[], |config| config.huge_pages = huge_pages);
        wait_until("it runs", || lazy.serial() == "L");
        let few = counters(&lazy)["guest_resident_kib"];
        let busy = boot_as('B', &touching(), |config| config.huge_pages = huge_pages);
        wait_until("it has touched its memory", || busy.serial() == "B!");
        let many = counters(&busy)["guest_resident_kib"];
        assert!(many >= few + 30 * 1024, "{huge_pages:?}: {few} KiB untouched, {many} KiB touched");
    }
}

#[test]
fn a_balloon_is_asked_for_and_what_the_guest_gives_is_told() {
    if !kvm_is_here() {
        return;
    }
    let desktop = boot('N', &[]);
    wait_until("it runs", || desktop.serial() == "N");
    assert_eq!(desktop.request(Command::Balloon { target_mib: 0 }), Outcome::Done);
    let Outcome::Error(text) = desktop.request(Command::Balloon { target_mib: 1 }) else {
        panic!("64 MiB are the least that a guest runs in")
    };
    assert_eq!(text, "Nothing of this guest's memory can be spared.");

    let folder = Folder::new();
    let mut config = folder.config(bench_guest(), "scene=idle");
    config.memory_mib = 128;
    let desktop = Desktop::start_as(folder, &config);
    let Outcome::Error(text) = desktop.request(Command::Balloon { target_mib: 65 }) else {
        panic!("too large")
    };
    assert!(text.contains("at most 64 MiB"), "{text}");
    assert_eq!(desktop.request(Command::Balloon { target_mib: 64 }), Outcome::Done);
    let counters = counters(&desktop);
    assert_eq!(
        (counters["balloon_target_mib"], counters["balloon_mib"]),
        (64, 0),
        "this guest gives nothing"
    );
}

#[test]
fn exits_are_counted_by_kind() {
    if !kvm_is_here() {
        return;
    }
    // A port, then an address where nobody is.
    let mut code = out(0x80, 1);
    code.extend([0xA1, 0, 0, 0, 0xF0]);
    code.extend(out(0x3F8, b'!'));
    let desktop = boot('E', &code);
    wait_until("it went on", || desktop.serial() == "E!");
    let counters = counters(&desktop);
    assert_eq!((counters["exits_port"], counters["exits_memory"]), (3, 1));
    if let Some(all) = counters.get("exits") {
        assert!(*all >= 4, "{all} exits in all");
    }
}
