#![no_main]
//! virtio-rng.

use libfuzzer_sys::fuzz_target;
use oriel_fuzz::Guest;
use oriel_virtio::{Counters, Entropy};
use std::sync::Arc;

fuzz_target!(|script: &[u8]| {
    let mut entropy = Entropy::new(Arc::new(Counters::default()));
    Guest::new(&mut entropy).perform(&mut entropy, script, |_| ());
});
