//! Network device: configuration space, features, polling and life cycle.

use super::backend::Backend;
use super::control::Control;
use super::offloads::Offloads;
use super::poll_budget::{NextPoll, PollBudget};
use super::receive::Receiver;
use super::transmit::Transmitter;
use crate::counters::DeviceCounters;
use crate::device::{ActivateError, Activation, Interrupt, VirtioDevice};
use crate::fields::read_config_bytes;
use crate::queue::{DeviceQueue, RING_FEATURES};
use crate::rate_limiter::RateLimiter;
use crate::timer::Timer;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use virtio_bindings::virtio_net::{
    VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_MAC, VIRTIO_NET_F_MRG_RXBUF, VIRTIO_NET_F_MTU,
    VIRTIO_NET_F_STATUS, VIRTIO_NET_S_LINK_UP,
};
use vmm_sys_util::eventfd::{EFD_CLOEXEC, EFD_NONBLOCK, EventFd};

const RECEIVE_QUEUE: u16 = 0;
const TRANSMIT_QUEUE: u16 = 1;
const CONTROL_QUEUE: u16 = 2;
const QUEUE_SIZES: [u16; 3] = [256, 256, 16];

/// Event token of the reschedule event; the backend's token follows the device's own.
const RESCHEDULE_TOKEN: usize = 0;
/// Event token of the rate limiter's timer.
const LIMIT_TIMER_TOKEN: usize = 1;

/// Virtio-net device of one interface (VIRTIO 1.2, section 5.1).
pub struct Net {
    mac: [u8; 6],
    backend: Box<dyn Backend>,
    limiter: RateLimiter,
    /// Whether the rate limiter delays all frames until `limit_timer` expires.
    rate_limited: bool,
    /// Whether receiving is polled first. Both directions share the limit, and the first could use all of it.
    receive_first: bool,
    counters: Arc<DeviceCounters>,
    /// Link state in the configuration space.
    link_up: bool,
    active: Option<Active>,
    /// Event that the device signals to itself when work is left.
    reschedule_fd: EventFd,
    /// Timer that expires when the rate limiter admits the next frame.
    limit_timer: Timer,
}

/// State of an activated device.
struct Active {
    receiver: Receiver,
    transmitter: Transmitter,
    control: Option<Control>,
    interrupt: Arc<dyn Interrupt>,
}

impl Net {
    /// Creates a network device with the MAC address `mac`, connected to `backend`.
    ///
    /// # Errors
    /// When the host is out of file descriptors.
    pub fn new(
        mac: [u8; 6],
        backend: Box<dyn Backend>,
        limiter: RateLimiter,
        counters: Arc<DeviceCounters>,
    ) -> io::Result<Self> {
        Ok(Self {
            mac,
            link_up: backend.link_up(),
            backend,
            limiter,
            rate_limited: false,
            receive_first: false,
            counters,
            active: None,
            reschedule_fd: EventFd::new(EFD_NONBLOCK | EFD_CLOEXEC)?,
            limit_timer: Timer::new()?,
        })
    }

    /// Returns `struct virtio_net_config` up to `mtu`.
    fn config(&self) -> [u8; 12] {
        let status = if self.link_up { VIRTIO_NET_S_LINK_UP as u16 } else { 0 };
        // max_virtqueue_pairs is not offered.
        let fields = [status, 0, self.backend.mtu().unwrap_or(0)];
        let mut config = [0; 12];
        let all = self.mac.into_iter().chain(fields.into_iter().flat_map(u16::to_le_bytes));
        for (to, from) in config.iter_mut().zip(all) {
            *to = from;
        }
        config
    }

    /// Polls the transmit queue, unless the rate limiter delays frames.
    fn transmit(&mut self) {
        if let Some(active) = self.active.as_mut().filter(|_| !self.rate_limited) {
            let next = active.transmitter.run(&mut *self.backend, &mut self.limiter, &mut PollBudget::new());
            self.schedule(next);
        }
    }

    /// Polls the receive queue, unless the rate limiter delays frames.
    fn receive(&mut self) {
        match self.active.as_mut().filter(|_| !self.rate_limited) {
            Some(active) => {
                let next = active.receiver.run(&mut *self.backend, &mut self.limiter, &mut PollBudget::new());
                self.schedule(next);
            }
            None => self.backend.want_frames(false),
        }
    }

    /// Polls both directions.
    fn poll_both(&mut self) {
        if self.receive_first {
            self.receive();
            self.transmit();
        } else {
            self.transmit();
            self.receive();
        }
    }

    /// Executes the driver's commands.
    fn process_control_queue(&mut self) {
        let Some(Active { control: Some(control), receiver, .. }) = &mut self.active else { return };
        let outcome = control.run();
        if let Some(offloads) = outcome.guest_offloads {
            receiver.offloads = offloads;
            self.backend.set_guest_offloads(offloads);
        }
        if outcome.more {
            self.schedule(NextPoll::Immediately);
        }
    }

    /// Arranges the next poll.
    fn schedule(&mut self, next: NextPoll) {
        match next {
            NextPoll::OnEvent => {}
            // The write fails only if the counter overflows; a poll is pending then.
            NextPoll::Immediately => drop(self.reschedule_fd.write(1)),
            NextPoll::After(wait) => {
                self.rate_limited = true;
                self.limit_timer.arm(wait);
            }
        }
    }

    /// Updates the link state and sends a configuration change notification if it changed.
    fn update_link_status(&mut self) {
        let up = self.backend.link_up();
        if up != self.link_up {
            self.link_up = up;
            if !up {
                self.counters.net_link_losses.add_one();
            }
            if let Some(active) = &self.active {
                active.interrupt.signal_config_changed();
            }
        }
    }
}

impl VirtioDevice for Net {
    fn device_id(&self) -> u16 {
        1
    }

    fn name(&self) -> &'static str {
        "net"
    }

    fn pci_class(&self) -> u32 {
        0x02_00_00
    }

    fn features(&self) -> u64 {
        let mtu = if self.backend.mtu().is_some() { 1 << VIRTIO_NET_F_MTU } else { 0 };
        RING_FEATURES
            | self.backend.offloads().features()
            | mtu
            | [
                VIRTIO_NET_F_MAC,
                VIRTIO_NET_F_STATUS,
                VIRTIO_NET_F_MRG_RXBUF,
                VIRTIO_NET_F_CTRL_VQ,
                VIRTIO_NET_F_CTRL_RX,
            ]
            .iter()
            .fold(0, |features, feature| features | (1 << feature))
    }

    fn queue_sizes(&self) -> &[u16] {
        &QUEUE_SIZES
    }

    fn read_config(&self, offset: u64, data: &mut [u8]) {
        read_config_bytes(&self.config(), offset, data);
    }

    fn activate(&mut self, mut activation: Activation) -> Result<(), ActivateError> {
        let features = activation.features;
        let has = |feature: u32| features & (1 << feature) != 0;
        let mut take = |index| DeviceQueue::take(&mut activation, index, &self.counters);
        let (receive, transmit) = (take(RECEIVE_QUEUE)?, take(TRANSMIT_QUEUE)?);
        let control = if has(VIRTIO_NET_F_CTRL_VQ) { Some(take(CONTROL_QUEUE)?) } else { None };
        let guest = Offloads::for_guest(features);
        self.backend.set_guest_offloads(guest);
        let counters = &self.counters;
        self.active = Some(Active {
            receiver: Receiver::new(receive, guest, has(VIRTIO_NET_F_MRG_RXBUF), counters.clone()),
            transmitter: Transmitter::new(transmit, Offloads::for_host(features), counters.clone()),
            control: control.map(|queue| Control::new(queue, features)),
            interrupt: activation.interrupt,
        });
        // Frames may wait already, and so may buffers that were added before DRIVER_OK.
        self.schedule(NextPoll::Immediately);
        Ok(())
    }

    fn queue_notified(&mut self, index: u16) {
        match index {
            RECEIVE_QUEUE => self.receive(),
            TRANSMIT_QUEUE => self.transmit(),
            CONTROL_QUEUE => self.process_control_queue(),
            _ => {}
        }
        // A backend detects a lost link by reading and writing.
        self.update_link_status();
    }

    fn event_fds(&self) -> Vec<RawFd> {
        vec![self.reschedule_fd.as_raw_fd(), self.limit_timer.as_raw_fd(), self.backend.fd()]
    }

    fn event(&mut self, token: usize) {
        match token {
            RESCHEDULE_TOKEN => {
                let _ = self.reschedule_fd.read();
                self.process_control_queue();
            }
            LIMIT_TIMER_TOKEN => {
                self.limit_timer.drain();
                self.rate_limited = false;
                self.receive_first = !self.receive_first;
            }
            _ => self.backend.ready(),
        }
        self.poll_both();
        self.update_link_status();
    }

    fn reset(&mut self) {
        self.active = None;
        self.backend.want_frames(false);
    }

    fn needs_reset(&self) -> bool {
        self.active.as_ref().is_some_and(|active| {
            active.receiver.broken()
                || active.transmitter.broken()
                || active.control.as_ref().is_some_and(Control::broken)
        })
    }
}
