//! virtio-balloon: page lists, statistics and reports, with targets that change meanwhile.

use crate::Guest;
use oriel_virtio::{Balloon, DeviceCounters};
use std::sync::Arc;

/// Runs the target with one input.
pub fn run(script: &[u8]) {
    let Ok(mut balloon) = Balloon::new(64, Arc::new(DeviceCounters::default())) else { return };
    let control = balloon.control();
    let mut guest = Guest::new(&mut balloon);
    guest.perform(&mut balloon, script, |host| {
        // Too large a target is refused.
        let _ = control.set_target(u32::from(host.first().copied().unwrap_or(0)));
    });
}
