//! libFuzzer program for the target that the environment variable `ORIEL_FUZZ_TARGET` names. One program has
//! all targets, since linking takes long.

#![no_main]
//! libFuzzer around one of the targets: the one that `ORIEL_FUZZ_TARGET` names. One program for all
//! of them, since each would take as long to link.

use libfuzzer_sys::fuzz_target;
use oriel_fuzz::targets;
use std::sync::OnceLock;

static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();

/// Selects the target; exits with status 2 for an unknown name.
fn choose() {
    // Rust's runtime, which a libFuzzer program lacks, ignores SIGPIPE too.
    // SAFETY: no other thread runs yet.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    let wanted = std::env::var("ORIEL_FUZZ_TARGET").unwrap_or_default();
    match targets::ALL.iter().find(|(name, _)| *name == wanted) {
        Some((_, run)) => drop(TARGET.set(*run)),
        None => {
            let names: Vec<_> = targets::ALL.iter().map(|(name, _)| *name).collect();
            eprintln!("ORIEL_FUZZ_TARGET names one of these: {}", names.join(" "));
            std::process::exit(2);
        }
    }
}

fuzz_target!(init: choose(), |bytes: &[u8]| {
    if let Some(run) = TARGET.get() {
        run(bytes);
    }
});
