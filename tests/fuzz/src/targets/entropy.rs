//! virtio-rng.

use crate::Guest;
use oriel_virtio::{Counters, Entropy};
use std::sync::Arc;

pub fn run(script: &[u8]) {
    let mut entropy = Entropy::new(Arc::new(Counters::default()));
    Guest::new(&mut entropy).perform(&mut entropy, script, |_| ());
}
