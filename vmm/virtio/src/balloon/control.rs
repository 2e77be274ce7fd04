//! Handle by which the host controls the balloon.

use super::page_list::PAGE_SHIFT;
use super::statistics::Statistics;
use parking_lot::Mutex;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use vmm_sys_util::eventfd::{EFD_CLOEXEC, EFD_NONBLOCK, EventFd};

/// Binary logarithm of the bytes in a MiB.
const MIB_SHIFT: u32 = 20;

/// Error of a balloon target that is out of range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The target would leave too little memory to the guest.
    #[error("the guest cannot do without {requested} MiB; the balloon may have at most {max} MiB")]
    TooLarge {
        /// Requested balloon size in MiB.
        requested: u32,
        /// Largest allowed balloon size in MiB.
        max: u32,
    },
    /// The guest's memory is in reserved huge pages, which are never reclaimed.
    #[error("nothing of this guest's memory can be spared")]
    Fixed,
}

/// Handle that sets the balloon's target and reads its figures, usable on any thread; the device acts on the
/// event-loop thread.
#[derive(Clone)]
pub struct BalloonControl(Arc<State>);

/// State that the handles and the device share.
struct State {
    max_mib: u32,
    target_pages: AtomicU32,
    actual_pages: AtomicU32,
    target_changed: AtomicBool,
    statistics_wanted: AtomicBool,
    statistics: Mutex<Statistics>,
    event: EventFd,
}

/// Requests of the host since the last call of [`BalloonControl::take_requests`].
pub(super) struct HostRequests {
    /// Whether the target was set.
    pub target_changed: bool,
    /// Whether new statistics were requested.
    pub statistics: bool,
}

impl BalloonControl {
    /// Creates the handle of a balloon of up to `max_mib` MiB.
    pub(super) fn new(max_mib: u32) -> io::Result<Self> {
        Ok(Self(Arc::new(State {
            max_mib,
            target_pages: AtomicU32::new(0),
            actual_pages: AtomicU32::new(0),
            target_changed: AtomicBool::new(false),
            statistics_wanted: AtomicBool::new(false),
            statistics: Mutex::default(),
            event: EventFd::new(EFD_NONBLOCK | EFD_CLOEXEC)?,
        })))
    }

    /// Sets the balloon's target size to `mib` MiB, 0 to deflate. The guest inflates as far as it can
    /// and deflates when it runs out of memory.
    ///
    /// # Errors
    /// When the target exceeds the balloon's maximum, or no page can be reclaimed at all.
    pub fn set_target(&self, mib: u32) -> Result<(), TargetError> {
        let max = self.0.max_mib;
        if mib > max {
            return Err(match max {
                0 => TargetError::Fixed,
                max => TargetError::TooLarge { requested: mib, max },
            });
        }
        let pages = u64::from(mib) << (MIB_SHIFT - PAGE_SHIFT);
        self.0.target_pages.store(u32::try_from(pages).unwrap_or(u32::MAX), Ordering::Release);
        self.0.target_changed.store(true, Ordering::Release);
        self.wake();
        Ok(())
    }

    /// Returns the sizes of the balloon and the guest's memory statistics as last reported, by name and in
    /// MiB. Requests new statistics from the driver.
    pub fn figures(&self) -> Vec<(&'static str, u64)> {
        let in_mib = |pages: &AtomicU32| u64::from(pages.load(Ordering::Acquire)) >> (MIB_SHIFT - PAGE_SHIFT);
        let mut figures = vec![
            ("balloon_mib", in_mib(&self.0.actual_pages)),
            ("balloon_target_mib", in_mib(&self.0.target_pages)),
        ];
        figures.extend(self.statistics().in_mib());
        self.0.statistics_wanted.store(true, Ordering::Release);
        self.wake();
        figures
    }

    /// Whether pages of the guest's memory can be reclaimed.
    pub(super) fn can_reclaim(&self) -> bool {
        self.0.max_mib > 0
    }

    /// Returns the target in pages of 4 KiB.
    pub(super) fn target_pages(&self) -> u32 {
        self.0.target_pages.load(Ordering::Acquire)
    }

    /// Returns the number of pages in the balloon, as the driver reported last.
    pub(super) fn actual_pages(&self) -> u32 {
        self.0.actual_pages.load(Ordering::Acquire)
    }

    /// Records the number of pages in the balloon.
    pub(super) fn set_actual_pages(&self, pages: u32) {
        self.0.actual_pages.store(pages, Ordering::Release);
    }

    /// Takes the host's requests and clears the event.
    pub(super) fn take_requests(&self) -> HostRequests {
        // The read fails if the requests were taken already.
        let _ = self.0.event.read();
        HostRequests {
            target_changed: self.0.target_changed.swap(false, Ordering::AcqRel),
            statistics: self.0.statistics_wanted.swap(false, Ordering::AcqRel),
        }
    }

    /// Updates the statistics from a buffer of the driver.
    pub(super) fn update_statistics(&self, buffer: &[u8]) {
        self.0.statistics.lock().update(buffer);
    }

    /// Clears all values that the driver reported, at a reset.
    pub(super) fn reset(&self) {
        self.set_actual_pages(0);
        *self.0.statistics.lock() = Statistics::default();
    }

    /// Returns the statistics as last reported.
    fn statistics(&self) -> Statistics {
        *self.0.statistics.lock()
    }

    /// Signals the device's event.
    fn wake(&self) {
        // The write fails only if the counter overflows; the event is pending then.
        let _ = self.0.event.write(1);
    }
}

impl AsRawFd for BalloonControl {
    fn as_raw_fd(&self) -> RawFd {
        self.0.event.as_raw_fd()
    }
}
