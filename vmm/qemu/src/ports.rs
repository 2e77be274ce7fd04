//! Ports that programs in the guest find by name.

use parking_lot::Mutex;
use std::os::unix::net::UnixStream;

/// QEMU's identifier of the device of port number `index`, by which QMP's events name the port.
pub(crate) fn port_id(index: usize) -> String {
    format!("port{index}")
}

type Listener = Box<dyn Fn(bool) + Send>;

/// A port of the guest.
pub struct GuestPort {
    /// By which programs in the guest find it.
    pub name: &'static str,
    /// QEMU's end of the stream.
    pub stream: UnixStream,
    /// Told that a program in the guest opened or closed the port. QEMU tells of it a little late, and
    /// of changes within a second only the last.
    pub on_open: Box<dyn Fn(bool) + Send>,
}

/// Who is to hear of each port.
#[derive(Default)]
pub(crate) struct PortListeners(Mutex<Vec<Listener>>);

impl PortListeners {
    pub fn new(listeners: Vec<Listener>) -> Self {
        Self(Mutex::new(listeners))
    }

    /// The port of device `id` was opened or closed.
    pub fn changed(&self, id: &str, open: bool) {
        let listeners = self.0.lock();
        let named = listeners.iter().enumerate().find(|(index, _)| port_id(*index) == id);
        if let Some((_, listener)) = named {
            listener(open);
        }
    }

    /// The machine is gone.
    pub fn close_all(&self) {
        self.0.lock().iter().for_each(|listener| listener(false));
    }
}
