//! State that all connections of the control socket share.

use crate::events::Events;
use crate::machine::Machine;
use oriel_vmm_api::{Jail, MachineConfig};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Shared state of all connections: the machine, its events, and facts for [`Description`].
///
/// [`Description`]: oriel_vmm_api::Description
pub struct ControlContext {
    /// Machine that executes the requests.
    pub machine: Arc<dyn Machine>,
    /// State and events of the machine.
    pub events: Arc<Events>,
    /// Configuration of the machine.
    pub config: MachineConfig,
    /// Process number of the supervisor.
    pub pid: u32,
    /// Report on the jail of the machine's process.
    pub jail: Jail,
    /// Time of the start, for the uptime.
    pub started: Instant,
    /// Threads that send events to connections.
    pub(super) watchers: Mutex<Vec<JoinHandle<()>>>,
    /// Number of requests without a sent reply. The process exits after the reply to the stop request.
    pub(super) pending_replies: AtomicUsize,
    /// Count of unknown fields in requests, which are ignored.
    pub(super) unknown_fields: AtomicU64,
    /// Count of unknown requests, which are refused.
    pub(super) unknown_requests: AtomicU64,
    /// Number of open connections.
    pub(super) connections: AtomicUsize,
}

impl ControlContext {
    /// Creates the context of a machine that starts now.
    pub fn new(
        machine: Arc<dyn Machine>,
        events: Arc<Events>,
        config: MachineConfig,
        pid: u32,
        jail: Jail,
    ) -> Arc<Self> {
        Arc::new(Self {
            machine,
            events,
            config,
            pid,
            jail,
            started: Instant::now(),
            watchers: Mutex::default(),
            pending_replies: AtomicUsize::new(0),
            unknown_fields: AtomicU64::new(0),
            unknown_requests: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
        })
    }

    /// Waits until all replies and events are sent and all viewers are gone, at most for `timeout`.
    pub fn drain(&self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        let watchers = std::mem::take(&mut *self.watchers.lock());
        let all_drained = || {
            self.pending_replies.load(Ordering::Acquire) == 0
                && self.machine.monitors().viewers() == 0
                && watchers.iter().all(JoinHandle::is_finished)
        };
        while Instant::now() < deadline && !all_drained() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
