//! The balloon device: queues, configuration space and life cycle.

use super::control::BalloonControl;
use super::page_list;
use super::reclaim::{ReclaimError, reclaim};
use super::statistics;
use crate::counters::DeviceCounters;
use crate::device::{ActivateError, Activation, GuestRam, Interrupt, VirtioDevice};
use crate::fields::read_config_bytes;
use crate::queue::{Chain, DeviceQueue, RING_FEATURES};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use vmm_sys_util::eventfd::{EFD_CLOEXEC, EFD_NONBLOCK, EventFd};

/// Feature bits (VIRTIO 1.2, section 5.5.3): memory statistics, deflation by a guest out of memory,
/// free page reporting.
const STATS_VQ: u64 = 1 << 1;
const DEFLATE_ON_OOM: u64 = 1 << 2;
const PAGE_REPORTING: u64 = 1 << 5;

const INFLATE_QUEUE: u16 = 0;
const DEFLATE_QUEUE: u16 = 1;
const STATISTICS_QUEUE: u16 = 2;
const REPORTING_QUEUE: u16 = 4;
const QUEUE_SIZES: [u16; 5] = [128; 5];

/// `actual` in the configuration space, which the driver writes.
const ACTUAL: std::ops::Range<u64> = 4..8;

/// Maximum number of chains processed before the event loop serves other devices.
const MAX_CHAINS: u32 = 8;
/// Maximum number of page numbers processed of one chain; Linux sends 256.
const MAX_PAGES: usize = 1024;
/// Maximum number of ranges processed of one report; Linux sends 32.
const MAX_RANGES: usize = 256;
/// Maximum number of bytes processed of one report; Linux sends at most 128 MiB.
const MAX_REPORTED_BYTES: u64 = 256 << 20;

/// Event token of the control handle.
const CONTROL_EVENT: usize = 0;

/// Virtio-balloon device with free page reporting (VIRTIO 1.2, section 5.5).
pub struct Balloon {
    control: BalloonControl,
    counters: Arc<DeviceCounters>,
    /// Event that the device signals to itself while chains are left.
    reschedule_fd: EventFd,
    active: Option<Active>,
}

/// State of an activated device.
struct Active {
    memory: GuestRam,
    interrupt: Arc<dyn Interrupt>,
    inflate: DeviceQueue,
    deflate: DeviceQueue,
    statistics: Option<DeviceQueue>,
    /// Statistics buffer of the driver, returned to request new statistics.
    statistics_buffer: Option<Chain>,
    reporting: Option<DeviceQueue>,
}

/// Returns the possible indices of the reporting queue. The specification reserves an index for every queue;
/// Linux before 6.11 and QEMU count only queues whose feature was negotiated. Both are accepted.
fn reporting_queues(features: u64) -> [u16; 2] {
    let counted = if features & STATS_VQ != 0 { STATISTICS_QUEUE + 1 } else { STATISTICS_QUEUE };
    [counted, REPORTING_QUEUE]
}

impl Balloon {
    /// Creates a balloon of up to `max_mib` MiB. With 0, no page of the guest's memory is reclaimed, and free
    /// page reporting is not offered.
    ///
    /// # Errors
    /// When the host is out of file descriptors.
    pub fn new(max_mib: u32, counters: Arc<DeviceCounters>) -> io::Result<Self> {
        let control = BalloonControl::new(max_mib)?;
        let reschedule_fd = EventFd::new(EFD_NONBLOCK | EFD_CLOEXEC)?;
        Ok(Self { control, counters, reschedule_fd, active: None })
    }

    /// Returns a handle by which the host controls the balloon.
    pub fn control(&self) -> BalloonControl {
        self.control.clone()
    }

    /// Processes a queue until the queue is empty or [`MAX_CHAINS`] were processed.
    fn process_queue(&mut self, index: u16) {
        let Some(active) = &mut self.active else { return };
        let more = match index {
            INFLATE_QUEUE => active.inflate(&self.counters),
            DEFLATE_QUEUE => active.deflate(),
            STATISTICS_QUEUE if active.statistics.is_some() => active.process_statistics(&self.control),
            _ => active.process_report(&self.counters),
        };
        if more {
            self.reschedule();
        }
    }

    /// Makes [`VirtioDevice::event`] process all queues.
    fn reschedule(&self) {
        // The write fails only if the counter overflows; the event is pending then.
        let _ = self.reschedule_fd.write(1);
    }
}

impl Active {
    /// Reclaims inflated pages; returns whether chains may be left.
    fn inflate(&mut self, counters: &DeviceCounters) -> bool {
        let Self { memory, inflate, .. } = self;
        let more = for_each_chain(inflate, |queue, chain| {
            let mut list = vec![0; chain.readable_len().min(MAX_PAGES * 4)];
            if list.is_empty() || chain.read(0, &mut list).is_err() {
                queue.complete_malformed(chain);
                return;
            }
            if chain.readable_len() > list.len() {
                counters.balloon_refused.add_one();
            }
            for range in page_list::ranges(&list) {
                reclaim_range(memory, range, counters);
            }
            queue.complete(chain, 0);
        });
        inflate.signal();
        more
    }

    /// Returns deflate requests; returns whether chains may be left. A deflated page is available to the
    /// guest as soon as the guest accesses the page.
    fn deflate(&mut self) -> bool {
        let more = for_each_chain(&mut self.deflate, |queue, chain| queue.complete(chain, 0));
        self.deflate.signal();
        more
    }

    /// Reads statistics, and keeps their buffer until new statistics are requested.
    fn process_statistics(&mut self, control: &BalloonControl) -> bool {
        let Self { statistics: Some(queue), statistics_buffer: kept, .. } = self else { return false };
        let more = for_each_chain(queue, |queue, chain| {
            let mut buffer = vec![0; chain.readable_len().min(statistics::MAX_BYTES)];
            if chain.read(0, &mut buffer).is_ok() {
                control.update_statistics(&buffer);
            }
            // The specification allows one buffer; further buffers are returned at once.
            if let Some(older) = kept.replace(chain) {
                queue.complete(older, 0);
            }
        });
        queue.signal();
        more
    }

    /// Requests new statistics by returning the buffer.
    fn request_statistics(&mut self) {
        if let (Some(queue), Some(chain)) = (&mut self.statistics, self.statistics_buffer.take()) {
            queue.complete(chain, 0);
            queue.signal();
        }
    }

    /// Reclaims reported free pages, which the guest does not use until the report is returned.
    fn process_report(&mut self, counters: &DeviceCounters) -> bool {
        let Self { memory, reporting: Some(queue), .. } = self else { return false };
        let more = for_each_chain(queue, |queue, chain| {
            if chain.writable_len() == 0 {
                queue.complete_malformed(chain);
                return;
            }
            let mut bytes = 0u64;
            for (start, size) in chain.writable_ranges().take(MAX_RANGES) {
                bytes = bytes.saturating_add(size);
                if bytes > MAX_REPORTED_BYTES {
                    break;
                }
                reclaim_range(memory, (start, size), counters);
            }
            queue.complete(chain, 0);
        });
        queue.signal();
        more
    }

    /// Returns the queues that the driver enabled.
    fn queues(&self) -> impl Iterator<Item = &DeviceQueue> {
        [&self.inflate, &self.deflate].into_iter().chain(&self.statistics).chain(&self.reporting)
    }
}

/// Calls `take` with up to [`MAX_CHAINS`] chains; returns whether chains may be left.
fn for_each_chain(queue: &mut DeviceQueue, mut take: impl FnMut(&mut DeviceQueue, Chain)) -> bool {
    for _ in 0..MAX_CHAINS {
        let Some(chain) = queue.pop() else { return false };
        take(queue, chain);
    }
    true
}

/// Reclaims one range, or counts a refusal.
fn reclaim_range(memory: &GuestRam, (start, size): page_list::Range, counters: &DeviceCounters) {
    match reclaim(memory, start, size) {
        Ok(()) | Err(ReclaimError::Reserved) => {}
        Err(error) => {
            counters.balloon_refused.add_one();
            oriel_vmm_api::log_limited!(debug, start, size, %error, "pages were not given back");
        }
    }
}

impl VirtioDevice for Balloon {
    fn device_id(&self) -> u16 {
        5
    }

    fn name(&self) -> &'static str {
        "balloon"
    }

    fn pci_class(&self) -> u32 {
        0xFF_00_00
    }

    /// Returns the feature bits. MUST_TELL_HOST is not offered: an access to a reclaimed page restores the
    /// page.
    fn features(&self) -> u64 {
        let reporting = if self.control.can_reclaim() { PAGE_REPORTING } else { 0 };
        RING_FEATURES | STATS_VQ | DEFLATE_ON_OOM | reporting
    }

    fn queue_sizes(&self) -> &[u16] {
        &QUEUE_SIZES
    }

    /// Reads `num_pages` and `actual`; the other fields belong to features that are not offered.
    fn read_config(&self, offset: u64, data: &mut [u8]) {
        let config = [self.control.target_pages().to_le_bytes(), self.control.actual_pages().to_le_bytes()];
        read_config_bytes(config.as_flattened(), offset, data);
    }

    fn write_config(&mut self, offset: u64, data: &[u8]) {
        let mut actual = self.control.actual_pages().to_le_bytes();
        for (to, at) in actual.iter_mut().zip(ACTUAL) {
            let from = at.checked_sub(offset).and_then(|at| data.get(usize::try_from(at).ok()?));
            *to = from.copied().unwrap_or(*to);
        }
        self.control.set_actual_pages(u32::from_le_bytes(actual));
    }

    fn activate(&mut self, mut activation: Activation) -> Result<(), ActivateError> {
        let features = activation.features;
        let mut take = |index| DeviceQueue::take(&mut activation, index, &self.counters);
        let (inflate, deflate) = (take(INFLATE_QUEUE)?, take(DEFLATE_QUEUE)?);
        let statistics = if features & STATS_VQ != 0 { Some(take(STATISTICS_QUEUE)?) } else { None };
        let mut reporting = None;
        if features & PAGE_REPORTING != 0 {
            let [counted, numbered] = reporting_queues(features);
            reporting = Some(match take(counted) {
                Err(ActivateError::QueueMissing(_)) => take(numbered)?,
                found => found?,
            });
        }
        self.active = Some(Active {
            memory: activation.memory.clone(),
            interrupt: activation.interrupt.clone(),
            inflate,
            deflate,
            statistics,
            statistics_buffer: None,
            reporting,
        });
        // Linux adds its first statistics before DRIVER_OK, when notifications are lost.
        self.reschedule();
        Ok(())
    }

    fn queue_notified(&mut self, index: u16) {
        self.process_queue(index);
    }

    fn event_fds(&self) -> Vec<RawFd> {
        vec![self.control.as_raw_fd(), self.reschedule_fd.as_raw_fd()]
    }

    fn event(&mut self, token: usize) {
        if token != CONTROL_EVENT {
            let _ = self.reschedule_fd.read();
            (0..QUEUE_SIZES.len() as u16).for_each(|index| self.process_queue(index));
            return;
        }
        let requests = self.control.take_requests();
        let Some(active) = &mut self.active else { return };
        if requests.target_changed {
            active.interrupt.signal_config_changed();
        }
        if requests.statistics {
            active.request_statistics();
        }
    }

    fn reset(&mut self) {
        self.active = None;
        self.control.reset();
    }

    fn needs_reset(&self) -> bool {
        self.active.as_ref().is_some_and(|active| active.queues().any(DeviceQueue::broken))
    }
}
