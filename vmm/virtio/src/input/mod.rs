//! virtio-input (virtio 1.2, section 5.8): a keyboard, an absolute tablet and a relative mouse,
//! fed by one [`InputRouter`].

mod action_queue;
mod device;
mod event;
mod key_set;
mod profile;
mod router;

#[cfg(test)]
mod tests;

pub use device::InputDevice;
pub use router::InputRouter;

use crate::counters::DeviceCounters;
use oriel_display::Monitors;
use profile::Profile;
use std::io;
use std::sync::Arc;

/// A person's input hardware: three devices and what feeds them.
pub struct InputDevices {
    /// Takes what people do.
    pub router: Arc<InputRouter>,
    /// Keys and their lights.
    pub keyboard: InputDevice,
    /// Places, buttons and wheels.
    pub tablet: InputDevice,
    /// Movements (pointer lock), buttons and wheels.
    pub mouse: InputDevice,
}

impl InputDevices {
    /// Devices whose lights show at `monitors`, and which tell it when an input has arrived.
    ///
    /// # Errors
    /// The host's, when it runs out of descriptors.
    pub fn new(monitors: &Arc<Monitors>, counters: &Arc<DeviceCounters>) -> io::Result<Self> {
        let device = |profile| InputDevice::new(profile, monitors.clone(), counters.clone());
        let keyboard = device(Profile::Keyboard)?;
        let tablet = device(Profile::Tablet)?;
        let mouse = device(Profile::Mouse)?;
        let router = Arc::new(InputRouter::new(keyboard.sender(), tablet.sender(), mouse.sender()));
        Ok(Self { router, keyboard, tablet, mouse })
    }
}
