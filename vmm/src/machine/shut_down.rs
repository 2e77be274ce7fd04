//! Request for a clean shutdown of the guest, by whichever way the guest offers.

use super::{Machine, Refused};
use crate::events::Events;
use oriel_vmm_api::RunState;

/// Shuts the guest down through qemu-guest-agent; presses the power button when the machine is paused, the
/// agent is not connected, or the agent refuses.
///
/// # Errors
/// A [`Refused`] when the power button cannot be pressed; see [`Machine::press_power`].
pub fn shut_down(machine: &dyn Machine, events: &Events) -> Result<(), Refused> {
    if events.run_state() != RunState::Paused {
        match machine.agents().shut_down() {
            Ok(()) => {
                events.set_run_state(RunState::Stopping);
                return Ok(());
            }
            Err(error) => tracing::info!(%error, "the power button is pressed instead"),
        }
    }
    machine.press_power()
}
