//! Interface of a desktop's machine, whichever hypervisor executes it.
//!
//! The control socket and the viewers' connections use a [`Machine`]. [`kvm::KvmMachine`] implements it with
//! this crate's own devices, [`qemu::Qemu`] with a QEMU process. State changes do not pass through the trait:
//! the implementations publish them in [`crate::events::Events`].

pub mod kvm;
pub mod qemu;
pub mod refused;
pub mod shut_down;

pub use refused::Refused;
pub use shut_down::shut_down;

use crate::agents::Agents;
use crate::events::Events;
use oriel_display::{InputSink, Monitors};
use oriel_vmm_api::{Accel, MachineKind};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Machine of one desktop. Every method may be called on any thread. The machine publishes its states and its
/// end in the [`crate::events::Events`] that it was started with.
pub trait Machine: Send + Sync {
    /// Returns whether this crate or QEMU provides the machine's devices.
    fn kind(&self) -> MachineKind;

    /// Returns the accelerator that executes guest code.
    fn accel(&self) -> Accel;

    /// Stops all virtual processors, and returns once none executes guest code.
    ///
    /// # Errors
    /// A [`Refused`] when the machine has ended, and on KVM also when it is paused already.
    fn pause(&self) -> Result<(), Refused>;

    /// Resumes all virtual processors of a paused machine.
    ///
    /// # Errors
    /// A [`Refused`] when the machine has ended, and on KVM also when it is not paused.
    fn resume(&self) -> Result<(), Refused>;

    /// Resets the machine without the guest's consent, and returns once the guest boots again.
    ///
    /// # Errors
    /// A [`Refused`] when the machine has ended or cannot start again.
    fn reset(&self) -> Result<(), Refused>;

    /// Presses the ACPI power button, which requests a clean shutdown from the guest.
    ///
    /// # Errors
    /// A [`Refused`] when the machine has ended, and on KVM also when it is paused.
    fn press_power(&self) -> Result<(), Refused>;

    /// Ends the machine without the guest's consent.
    ///
    /// # Errors
    /// A [`Refused`] when a machine on KVM has ended already. QEMU's machine returns no error.
    fn stop(&self) -> Result<(), Refused>;

    /// Sets the target of the memory balloon to `target_mib` MiB: the guest returns up to that much memory to
    /// the host.
    ///
    /// # Errors
    /// A [`Refused`] when the guest would keep too little memory or has reserved huge pages, and with QEMU
    /// also when the machine has ended.
    fn balloon(&self, target_mib: u32) -> Result<(), Refused>;

    /// Returns the machine's screens and sound streams, and the arbiter of their sizes among viewers.
    fn monitors(&self) -> &Arc<Monitors>;

    /// Returns the sink for keyboard and pointer events of viewers.
    fn input(&self) -> Arc<dyn InputSink>;

    /// Returns the host's side of the agents that run in the guest.
    fn agents(&self) -> &Agents;

    /// Returns a snapshot of the machine's counters and gauges by name.
    fn counters(&self) -> BTreeMap<String, u64>;
}

/// Publishes the size of the first screen in `events`, at its first picture and at every change.
fn report_screen_size(monitors: &Monitors, events: &Arc<Events>) {
    let events = events.clone();
    let Some(screen) = monitors.screens().first() else { return };
    screen.on_size(move |size| {
        if let Some(size) = size {
            events.screen(size.width, size.height);
        }
    });
}
