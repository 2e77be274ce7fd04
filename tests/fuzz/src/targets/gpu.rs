//! virtio-gpu: commands, cursor and configuration, while viewers connect, disconnect and resize.

use crate::Guest;
use oriel_display::Monitors;
use oriel_virtio::{DeviceCounters, Gpu};
use oriel_wire::{MonitorConfig, Size};
use std::sync::Arc;

/// Runs the target with one input.
pub fn run(script: &[u8]) {
    let size = Size::new(1024, 768);
    let Ok(mut gpu) = Gpu::new(Monitors::new(4, size), size, Arc::new(DeviceCounters::default())) else {
        return;
    };
    let control = gpu.control();
    let mut guest = Guest::new(&mut gpu);
    guest.perform(&mut gpu, script, |host| {
        let side = |bytes: [u8; 2]| u32::from(u16::from_le_bytes(bytes));
        let (screens, _) = host.as_chunks::<4>();
        let wanted = screens.iter().map(|[a, b, c, d]| {
            let size = Size::new(side([*a, *b]), side([*c, *d]));
            (size.width > 0).then(|| MonitorConfig::of(size))
        });
        control.set_monitors(&wanted.collect::<Vec<_>>());
    });
}
