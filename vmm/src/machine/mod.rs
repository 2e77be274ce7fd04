//! A machine, whoever runs it: what the control socket and the viewers need to know of it.

pub mod kvm;
pub mod qemu;

use crate::agents::Agents;
use crate::events::Events;
use oriel_display::{InputSink, Monitors};
use oriel_vmm_api::{Accel, MachineKind};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Something asked of a machine that it did not do; one plain sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

impl Refused {
    /// The machine has ended while it was asked.
    pub fn gone() -> Self {
        Self("The machine has ended.".into())
    }
}

/// One desktop's machine. Every call may be made on any thread. Its states and its end are told by
/// the [`crate::events::Events`] that it was started with.
pub trait Machine: Send + Sync {
    /// Ours or QEMU.
    fn kind(&self) -> MachineKind;

    /// What executes guest code.
    fn accel(&self) -> Accel;

    /// Stops the processors; returns when none executes.
    ///
    /// # Errors
    /// When the machine does not run.
    fn pause(&self) -> Result<(), Refused>;

    /// Lets them go on.
    ///
    /// # Errors
    /// When the machine is not paused.
    fn resume(&self) -> Result<(), Refused>;

    /// Resets at once; returns when the guest starts anew.
    ///
    /// # Errors
    /// When the machine has ended or cannot start again.
    fn reset(&self) -> Result<(), Refused>;

    /// Presses the power button.
    ///
    /// # Errors
    /// When the machine does not run.
    fn press_power(&self) -> Result<(), Refused>;

    /// Ends at once.
    ///
    /// # Errors
    /// When the machine has ended already.
    fn stop(&self) -> Result<(), Refused>;

    /// Asks the guest to leave `target_mib` MiB of its memory to the host; it gives what it can spare.
    ///
    /// # Errors
    /// When the guest could not live on the rest, or the machine has ended.
    fn balloon(&self, target_mib: u32) -> Result<(), Refused>;

    /// Where its pictures and its sound are, and who may change the screens' sizes.
    fn monitors(&self) -> &Arc<Monitors>;

    /// Where its input goes.
    fn input(&self) -> Arc<dyn InputSink>;

    /// Who in the guest works for its host.
    fn agents(&self) -> &Agents;

    /// Figures by name.
    fn counters(&self) -> BTreeMap<String, u64>;
}

/// Has `events` told of the first screen's first picture and of its new sizes.
fn report_screen_size(monitors: &Monitors, events: &Arc<Events>) {
    let events = events.clone();
    let Some(screen) = monitors.screens().first() else { return };
    screen.on_size(move |size| {
        if let Some(size) = size {
            events.screen(size.width, size.height);
        }
    });
}
