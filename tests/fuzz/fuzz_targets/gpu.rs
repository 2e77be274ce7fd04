#![no_main]
//! virtio-gpu: commands, cursor, configuration, and people who come, go and resize.

use libfuzzer_sys::fuzz_target;
use oriel_display::{Screen, Size};
use oriel_fuzz::Guest;
use oriel_virtio::{Counters, Gpu};
use std::sync::Arc;

fuzz_target!(|script: &[u8]| {
    let screen = Screen::new();
    let Ok(mut gpu) = Gpu::new(screen, Size::new(1024, 768), Arc::new(Counters::default())) else { return };
    let resizer = gpu.resizer();
    let mut guest = Guest::new(&mut gpu);
    guest.perform(&mut gpu, script, |host| {
        if let [a, b, c, d, ..] = *host {
            resizer.resize(Size::new(u32::from(u16::from_le_bytes([a, b])), u32::from(u16::from_le_bytes([c, d]))));
        }
    });
});
