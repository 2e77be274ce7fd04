//! A device on the event loop: its doorbells, its own descriptors, its start and its end.

use super::interrupt::VirtioInterrupt;
use crate::event_loop::Source;
use oriel_virtio::{Activation, Interrupt, VirtioDevice};
use parking_lot::Mutex;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use vmm_sys_util::eventfd::EventFd;

/// One device and what the event loop needs of it.
pub struct DeviceHandler {
    device: Mutex<Box<dyn VirtioDevice>>,
    doorbells: Vec<EventFd>,
    /// Queues whose doorbells a device's own threads wait for.
    device_waits: Vec<bool>,
    interrupt: Arc<VirtioInterrupt>,
    active: AtomicBool,
    needs_reset: AtomicBool,
}

impl DeviceHandler {
    /// # Errors
    /// When the host is out of descriptors.
    pub fn new(
        device: Mutex<Box<dyn VirtioDevice>>,
        queues: u16,
        interrupt: Arc<VirtioInterrupt>,
    ) -> io::Result<Arc<Self>> {
        let guard = device.lock();
        let (doorbells, device_waits) = (0..queues)
            .map(|queue| match guard.doorbell(queue) {
                Some(bell) => Ok((bell.try_clone()?, true)),
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

    /// The device. Configuration may be read and written on any thread.
    pub fn device(&self) -> &Mutex<Box<dyn VirtioDevice>> {
        &self.device
    }

    /// One for each queue.
    pub fn doorbells(&self) -> &[EventFd] {
        &self.doorbells
    }

    /// Whether the device waits to be reset.
    pub fn needs_reset(&self) -> bool {
        self.needs_reset.load(Ordering::Acquire)
    }

    /// Starts the device; on the event-loop thread.
    pub fn activate(&self, activation: Activation) {
        let mut device = self.device.lock();
        let name = device.name();
        match device.activate(activation) {
            Ok(()) => {
                self.active.store(true, Ordering::Release);
                drop(device);
                tracing::debug!(device = name, "started");
            }
            Err(error) => {
                drop(device);
                tracing::warn!(device = name, %error, "did not start");
                self.set_needs_reset();
            }
        }
    }

    /// Resets the device; on the event-loop thread.
    pub fn reset(&self) {
        self.active.store(false, Ordering::Release);
        self.device.lock().reset();
        self.needs_reset.store(false, Ordering::Release);
    }

    /// Tells the driver that only a reset helps.
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
            (Some(bell), Ok(queue)) => {
                let _ = bell.read();
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
            tracing::warn!(device = name, "the guest broke a queue; the device waits for a reset");
            self.set_needs_reset();
        }
    }
}
