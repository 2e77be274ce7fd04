//! virtio-rng.

use crate::Guest;
use oriel_virtio::{Counters, Rng};
use std::sync::Arc;

pub fn run(script: &[u8]) {
    let mut rng = Rng::new(Arc::new(Counters::default()));
    Guest::new(&mut rng).perform(&mut rng, script, |_| ());
}
