//! Console device: ports, control messages, configuration space and life cycle.

use super::control::{
    CONSOLE_PORT, Control, ControlMessage, DEVICE_READY, PORT_ADD, PORT_NAME, PORT_OPEN, PORT_READY,
};
use super::port::{PollOutcome, Port};
use super::port_backend::NamedPort;
use crate::counters::DeviceCounters;
use crate::device::{ActivateError, Activation, VirtioDevice};
use crate::fields::read_config_bytes;
use crate::queue::RING_FEATURES;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use vmm_sys_util::eventfd::{EFD_CLOEXEC, EFD_NONBLOCK, EventFd};

/// Feature bit: several ports and control queues.
const VIRTIO_CONSOLE_F_MULTIPORT: u32 = 1;

/// Index of the control receive queue; queues are in pairs, port 0, control, then the named ports.
const CONTROL_QUEUE: u16 = 2;
const QUEUE_SIZES: [u16; 10] = [64; 10];
/// Maximum number of ports, for which the device has queues.
const MAX_PORTS: usize = QUEUE_SIZES.len() / 2 - 1;

/// Virtio-console device: a console for output and up to three named ports.
pub struct Console {
    ports: Vec<Port>,
    /// Control queues, if VIRTIO_CONSOLE_F_MULTIPORT was negotiated.
    control: Option<Control>,
    /// Whether the driver sent DEVICE_READY, and PORT_READY for each port.
    ready: bool,
    ports_ready: [bool; MAX_PORTS],
    /// Event that the device signals to itself while a port has work left.
    reschedule_fd: EventFd,
    counters: Arc<DeviceCounters>,
}

impl Console {
    /// Creates a console whose output goes to `sink`, with up to three named ports. The sink is called on the
    /// event-loop thread and must neither block nor grow without bound; refused output is counted.
    ///
    /// # Errors
    /// When the host is out of file descriptors, or there are more than three named ports.
    pub fn new(
        sink: Box<dyn Write + Send>,
        named: Vec<NamedPort>,
        counters: Arc<DeviceCounters>,
    ) -> io::Result<Self> {
        let mut ports = vec![Port::console(sink, counters.clone())];
        for port in named {
            ports.push(Port::named(port, counters.clone())?);
        }
        if ports.len() > MAX_PORTS {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a console with too many ports"));
        }
        let reschedule_fd = EventFd::new(EFD_NONBLOCK | EFD_CLOEXEC)?;
        Ok(Self {
            ports,
            control: None,
            ready: false,
            ports_ready: [false; MAX_PORTS],
            reschedule_fd,
            counters,
        })
    }

    /// Whether the device has named ports, and so offers VIRTIO_CONSOLE_F_MULTIPORT.
    fn is_multiport(&self) -> bool {
        self.ports.len() > 1
    }

    /// Returns the port with number `number`.
    fn port(&mut self, number: u32) -> Option<&mut Port> {
        self.ports.get_mut(usize::try_from(number).ok()?)
    }

    /// Polls a port, and reports a disconnected socket to the driver.
    fn poll(&mut self, index: usize) {
        let Some(port) = self.ports.get_mut(index) else { return };
        let was_disconnected = port.socket().is_some_and(|stream| stream.is_disconnected());
        let outcome = port.poll();
        let is_disconnected = port.socket().is_some_and(|stream| stream.is_disconnected());
        if outcome == PollOutcome::MoreWork {
            self.reschedule();
        }
        if is_disconnected && !was_disconnected && self.ports_ready.get(index) == Some(&true) {
            self.send(index as u32, PORT_OPEN, 0, "");
            self.send_queued_control();
        }
    }

    /// Makes [`VirtioDevice::event`] poll all ports and the control queue.
    fn reschedule(&self) {
        // The write fails only if the counter overflows; the event is pending then.
        let _ = self.reschedule_fd.write(1);
    }

    /// Handles control messages of the driver.
    fn process_control_queue(&mut self) {
        let Some(control) = &mut self.control else { return };
        let (messages, more) = control.messages();
        for message in messages {
            if self.handle_message(message).is_none() {
                oriel_vmm_api::log_limited!(debug, ?message, "refused a control message to the console");
                self.counters.console_control_refused.add_one();
            }
        }
        if more {
            self.reschedule();
        }
        self.send_queued_control();
    }

    /// Handles a control message; `None` for an invalid one.
    fn handle_message(&mut self, message: ControlMessage) -> Option<()> {
        let ControlMessage { port: number, event, value } = message;
        match event {
            DEVICE_READY if value == 1 && !self.ready => {
                self.ready = true;
                for number in 0..self.ports.len() {
                    self.send(number as u32, PORT_ADD, 1, "");
                }
            }
            PORT_READY if value == 1 && self.ready => {
                let name = self.port(number)?.name();
                let ready = self.ports_ready.get_mut(usize::try_from(number).ok()?)?;
                if std::mem::replace(ready, true) {
                    return None;
                }
                match name {
                    "" => self.send(number, CONSOLE_PORT, 1, ""),
                    name => self.send(number, PORT_NAME, 1, name),
                }
                self.send(number, PORT_OPEN, 1, "");
            }
            PORT_OPEN if value <= 1 => {
                self.ports_ready.get(usize::try_from(number).ok()?).filter(|ready| **ready)?;
                // Data written before the port was closed may still be in the queue.
                self.poll(usize::try_from(number).ok()?);
                self.port(number)?.set_open(value == 1);
                self.poll(usize::try_from(number).ok()?);
            }
            _ => return None,
        }
        Some(())
    }

    /// Queues a control message for the driver.
    fn send(&mut self, port: u32, event: u16, value: u16, text: &str) {
        if let Some(control) = &mut self.control {
            control.send(port, event, value, text);
        }
    }

    /// Sends queued control messages, as far as the driver has buffers.
    fn send_queued_control(&mut self) {
        if let Some(control) = &mut self.control {
            control.send_queued();
        }
    }
}

/// Returns the number of the port that queue `index` belongs to; `None` for the control queues.
fn port_of_queue(index: u16) -> Option<usize> {
    match index / 2 {
        0 => Some(0),
        1 => None,
        pair => Some(usize::from(pair) - 1),
    }
}

/// Returns the index of a port's receive queue.
fn receive_queue_of(port: usize) -> u16 {
    if port == 0 { 0 } else { u16::try_from(2 + 2 * port).unwrap_or(u16::MAX) }
}

impl VirtioDevice for Console {
    fn device_id(&self) -> u16 {
        3
    }

    fn name(&self) -> &'static str {
        "console"
    }

    fn pci_class(&self) -> u32 {
        0x07_80_00
    }

    fn features(&self) -> u64 {
        RING_FEATURES | (u64::from(self.is_multiport()) << VIRTIO_CONSOLE_F_MULTIPORT)
    }

    fn queue_sizes(&self) -> &[u16] {
        let queues = if self.is_multiport() { 2 * (self.ports.len() + 1) } else { 2 };
        QUEUE_SIZES.get(..queues).unwrap_or(&QUEUE_SIZES)
    }

    /// Reads `struct virtio_console_config`: max_nr_ports. The other fields belong to features that are not
    /// offered.
    fn read_config(&self, offset: u64, data: &mut [u8]) {
        let mut config = [0; 12];
        if self.is_multiport()
            && let Some(max_ports) = config.get_mut(4..8)
        {
            max_ports.copy_from_slice(&(self.ports.len() as u32).to_le_bytes());
        }
        read_config_bytes(&config, offset, data);
    }

    fn activate(&mut self, mut activation: Activation) -> Result<(), ActivateError> {
        let multiport = activation.features & (1 << VIRTIO_CONSOLE_F_MULTIPORT) != 0;
        let used = if multiport { self.ports.len() } else { 1 };
        for (index, port) in self.ports.iter_mut().enumerate().take(used) {
            port.activate(&mut activation, receive_queue_of(index))?;
        }
        if multiport {
            self.control = Some(Control::activate(&mut activation, CONTROL_QUEUE, &self.counters)?);
        }
        Ok(())
    }

    fn queue_notified(&mut self, index: u16) {
        match port_of_queue(index) {
            Some(port) => self.poll(port),
            None if index == CONTROL_QUEUE => self.send_queued_control(),
            None => self.process_control_queue(),
        }
    }

    fn event_fds(&self) -> Vec<RawFd> {
        let streams = self.ports.iter().filter_map(|port| port.socket().map(|stream| stream.event_fd()));
        std::iter::once(self.reschedule_fd.as_raw_fd()).chain(streams).collect()
    }

    /// Polls all ports for token 0, or handles the socket of port N for token N.
    fn event(&mut self, token: usize) {
        if token > 0 {
            return self.poll(token);
        }
        let _ = self.reschedule_fd.read();
        self.process_control_queue();
        for index in 0..self.ports.len() {
            self.poll(index);
        }
    }

    fn reset(&mut self) {
        self.control = None;
        self.ready = false;
        self.ports_ready = [false; MAX_PORTS];
        self.ports.iter_mut().for_each(Port::reset);
    }

    fn needs_reset(&self) -> bool {
        self.ports.iter().any(Port::broken) || self.control.as_ref().is_some_and(Control::broken)
    }
}
