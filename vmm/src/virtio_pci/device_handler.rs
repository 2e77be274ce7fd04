//! Virtio device on the event loop: dispatches queue notifications and the device's own file descriptors,
//! and performs activation and reset on the event-loop thread.

use super::interrupt::VirtioInterrupt;
use crate::event_loop::Source;
use oriel_virtio::{Activation, Interrupt, VirtioDevice};
use parking_lot::Mutex;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use vmm_sys_util::eventfd::EventFd;

/// Virtio device together with its doorbells and run state; a [`Source`] of the event loop. A doorbell is
/// the eventfd that an available buffer notification of one queue signals.
pub struct DeviceHandler {
    device: Mutex<Box<dyn VirtioDevice>>,
    /// Eventfd of each queue.
    doorbells: Vec<EventFd>,
    /// By queue: whether threads of the device wait for the doorbell, so that the event loop must not.
    device_waits: Vec<bool>,
    interrupt: Arc<VirtioInterrupt>,
    /// Whether the device is activated, i.e. between DRIVER_OK and reset.
    active: AtomicBool,
    /// DEVICE_NEEDS_RESET of the device status.
    needs_reset: AtomicBool,
}

impl DeviceHandler {
    /// Creates the handler of an inactive device with `queues` queues, which notifies the driver through
    /// `interrupt`.
    ///
    /// # Errors
    /// When the host is out of file descriptors.
    pub fn new(
        device: Mutex<Box<dyn VirtioDevice>>,
        queues: u16,
        interrupt: Arc<VirtioInterrupt>,
    ) -> io::Result<Arc<Self>> {
        let guard = device.lock();
        let (doorbells, device_waits) = (0..queues)
            .map(|queue| match guard.doorbell(queue) {
                Some(doorbell) => Ok((doorbell.try_clone()?, true)),
                None => Ok((EventFd::new(libc::EFD_NONBLOCK | libc::EFD_CLOEXEC)?, false)),
            })
            .collect::<io::Result<Vec<_>>>()?
            .into_iter()
            .unzip();
        drop(guard);
        Ok(Arc::new(Self {
            device,
            doorbells,
            device_waits,
            interrupt,
            active: AtomicBool::new(false),
            needs_reset: AtomicBool::new(false),
        }))
    }

    /// Returns the device, whose configuration space may be read and written on any thread.
    pub fn device(&self) -> &Mutex<Box<dyn VirtioDevice>> {
        &self.device
    }

    /// Returns the doorbells, one for each queue.
    pub fn doorbells(&self) -> &[EventFd] {
        &self.doorbells
    }

    /// Whether DEVICE_NEEDS_RESET is set: only a reset by the driver makes the device usable again.
    pub fn needs_reset(&self) -> bool {
        self.needs_reset.load(Ordering::Acquire)
    }

    /// Activates the device at DRIVER_OK; sets DEVICE_NEEDS_RESET if activation fails. To be called on
    /// the event-loop thread.
    pub fn activate(&self, activation: Activation) {
        let mut device = self.device.lock();
        let name = device.name();
        match device.activate(activation) {
            Ok(()) => {
                self.active.store(true, Ordering::Release);
                drop(device);
                tracing::debug!(device = name, "device activated");
            }
            Err(error) => {
                drop(device);
                oriel_vmm_api::log_limited!(warn, device = name, %error, "activation failed; the driver has to reset it");
                self.set_needs_reset();
            }
        }
    }

    /// Resets the device and clears DEVICE_NEEDS_RESET. To be called on the event-loop thread.
    pub fn reset(&self) {
        self.active.store(false, Ordering::Release);
        self.device.lock().reset();
        self.needs_reset.store(false, Ordering::Release);
    }

    /// Sets DEVICE_NEEDS_RESET and, where the bit was clear, sends a configuration change notification
    /// (virtio 1.2, section 2.1.2).
    pub fn set_needs_reset(&self) {
        if !self.needs_reset.swap(true, Ordering::AcqRel) {
            self.interrupt.signal_config_changed();
        }
    }
}

impl Source for DeviceHandler {
    fn fds(&self) -> Vec<(usize, RawFd)> {
        let others = self.device.lock().event_fds();
        let all = self.doorbells.iter().map(AsRawFd::as_raw_fd).chain(others).enumerate();
        all.filter(|(token, _)| self.device_waits.get(*token) != Some(&true)).collect()
    }

    fn ready(&self, token: usize) {
        let mut device = self.device.lock();
        let active = self.active.load(Ordering::Acquire);
        match (self.doorbells.get(token), u16::try_from(token)) {
            (Some(doorbell), Ok(queue)) => {
                let _ = doorbell.read();
                if active {
                    device.queue_notified(queue);
                }
            }
            _ => device.event(token.saturating_sub(self.doorbells.len())),
        }
        let broken = active && device.needs_reset();
        let name = device.name();
        drop(device);
        if broken && !self.needs_reset() {
            oriel_vmm_api::log_limited!(
                warn,
                device = name,
                "the driver broke a queue; it has to reset the device"
            );
            self.set_needs_reset();
        }
    }
}
