//! How the host asks the guest for another screen size.

use super::edid;
use oriel_display::Size;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Mutex, PoisonError};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

/// A handle for any thread; the device acts on its own.
#[derive(Clone)]
pub struct Resizer(Arc<Wish>);

struct Wish {
    size: Mutex<Option<Size>>,
    event: EventFd,
}

impl Resizer {
    pub(super) fn new() -> io::Result<Self> {
        let event = EventFd::new(EFD_NONBLOCK)?;
        Ok(Self(Arc::new(Wish { size: Mutex::new(None), event })))
    }

    /// Asks the guest to draw this size from now on (clamped to 320 to 4095 pixels either way). It may
    /// take its time, or refuse; the screen tells what it does.
    pub fn resize(&self, size: Size) {
        *self.0.size.lock().unwrap_or_else(PoisonError::into_inner) = Some(edid::clamp(size));
        // Fails only if the count overflows, and then the event is pending anyway.
        let _ = self.0.event.write(1);
    }

    /// The newest wish since the last call.
    pub(super) fn take(&self) -> Option<Size> {
        let _ = self.0.event.read();
        self.0.size.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl AsRawFd for Resizer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.event.as_raw_fd()
    }
}
