//! Handle by which other threads send actions to an input device.

use super::action_queue::ActionQueue;
use super::event::Action;
use crate::counters::DeviceCounters;
use oriel_display::input::InputId;
use parking_lot::{Mutex, MutexGuard};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

/// Handle that sends actions to one input device, usable on any thread.
#[derive(Clone)]
pub struct InputSender(Arc<Inner>);

/// State that the handles and the device share.
struct Inner {
    queue: Mutex<ActionQueue>,
    event: EventFd,
    counters: Arc<DeviceCounters>,
}

impl InputSender {
    /// Creates a sender to a new, closed action queue.
    pub fn new(counters: Arc<DeviceCounters>) -> io::Result<Self> {
        let event = EventFd::new(EFD_NONBLOCK)?;
        let queue = Mutex::new(ActionQueue::new(counters.clone()));
        Ok(Self(Arc::new(Inner { queue, event, counters })))
    }

    /// Queues `action`, caused by the input `id`, and wakes the device.
    pub fn push(&self, action: Action, id: InputId) {
        self.queue().push(action, id);
        // The write fails only if the counter overflows; the event is pending then.
        let _ = self.0.event.write(1);
    }

    /// Counts an input that no device can express.
    pub fn count_dropped(&self) {
        self.0.counters.input_dropped.add_one();
    }

    /// Locks the action queue, for the device.
    pub fn queue(&self) -> MutexGuard<'_, ActionQueue> {
        self.0.queue.lock()
    }

    /// Clears the event that a new action signals.
    pub fn drain_event(&self) {
        let _ = self.0.event.read();
    }
}

impl AsRawFd for InputSender {
    /// Returns the file descriptor that is readable when an action was queued.
    fn as_raw_fd(&self) -> RawFd {
        self.0.event.as_raw_fd()
    }
}
