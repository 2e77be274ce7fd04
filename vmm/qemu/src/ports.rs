//! Virtio-serial ports, by which programs in the guest communicate with the host.

use parking_lot::Mutex;
use std::os::unix::net::UnixStream;

/// Returns QEMU's device identifier of port number `index`, which QMP's events contain.
pub(crate) fn port_id(index: usize) -> String {
    format!("port{index}")
}

/// Callback for a port that was opened (`true`) or closed (`false`).
type Listener = Box<dyn Fn(bool) + Send>;

/// Virtio-serial port of the guest.
pub struct GuestPort {
    /// Name by which programs in the guest find the port.
    pub name: &'static str,
    /// QEMU's end of the port's stream.
    pub stream: UnixStream,
    /// Callback for a program in the guest that opened (`true`) or closed (`false`) the port. QEMU reports
    /// changes with a delay, and only the last of several within a second.
    pub on_open: Box<dyn Fn(bool) + Send>,
}

/// Callbacks of the machine's ports, in the order of the ports.
#[derive(Default)]
pub(crate) struct PortListeners(Mutex<Vec<Listener>>);

impl PortListeners {
    /// Creates the set from the callbacks in the order of the ports.
    pub fn new(listeners: Vec<Listener>) -> Self {
        Self(Mutex::new(listeners))
    }

    /// Calls the callback of the port with device identifier `id`.
    pub fn changed(&self, id: &str, open: bool) {
        let listeners = self.0.lock();
        let named = listeners.iter().enumerate().find(|(index, _)| port_id(*index) == id);
        if let Some((_, listener)) = named {
            listener(open);
        }
    }

    /// Reports every port as closed, when the machine has ended.
    pub fn close_all(&self) {
        self.0.lock().iter().for_each(|listener| listener(false));
    }
}
