//! virtio-input (VIRTIO 1.2, section 5.8): a keyboard, an absolute tablet and a relative mouse, three devices
//! that one [`InputRouter`] feeds.
//!
//! Queues of each device: event queue (0) towards the guest, and status queue (1), by which the guest sets
//! keyboard LEDs. The devices have no features of their own; the capabilities are in the configuration space
//! (`profile`). The tablet is the usual pointer, with the viewer's positions; the mouse is for a locked
//! pointer.

mod action_queue;
mod device;
mod event;
mod key_set;
mod profile;
mod router;
mod sender;

#[cfg(test)]
mod tests;

pub use device::InputDevice;
pub use router::InputRouter;

use crate::counters::DeviceCounters;
use oriel_display::Monitors;
use profile::Profile;
use std::io;
use std::sync::Arc;

/// Input devices of a machine and the router that feeds them.
pub struct InputDevices {
    /// Sink for the input events of viewers.
    pub router: Arc<InputRouter>,
    /// Keyboard with LEDs.
    pub keyboard: InputDevice,
    /// Absolute pointer with buttons and wheels.
    pub tablet: InputDevice,
    /// Relative pointer (for pointer lock) with buttons and wheels.
    pub mouse: InputDevice,
}

impl InputDevices {
    /// Creates input devices without a driver. Keyboard LEDs and delivered inputs are reported to `monitors`.
    ///
    /// # Errors
    /// When the host is out of file descriptors.
    pub fn new(monitors: &Arc<Monitors>, counters: &Arc<DeviceCounters>) -> io::Result<Self> {
        let device = |profile| InputDevice::new(profile, monitors.clone(), counters.clone());
        let keyboard = device(Profile::Keyboard)?;
        let tablet = device(Profile::Tablet)?;
        let mouse = device(Profile::Mouse)?;
        let router = Arc::new(InputRouter::new(keyboard.sender(), tablet.sender(), mouse.sender()));
        Ok(Self { router, keyboard, tablet, mouse })
    }
}
