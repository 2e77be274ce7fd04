//! virtio-rng: requests of a guest.

use crate::Guest;
use oriel_virtio::{DeviceCounters, Rng};
use std::sync::Arc;

/// Runs the target with one input.
pub fn run(script: &[u8]) {
    let mut rng = Rng::new(Arc::new(DeviceCounters::default()));
    Guest::new(&mut rng).perform(&mut rng, script, |_| ());
}
