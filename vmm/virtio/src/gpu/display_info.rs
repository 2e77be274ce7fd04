//! How the host asks the guest for other screens.

use oriel_wire::MonitorConfig;
use parking_lot::Mutex;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

/// A handle for any thread; the device acts on its own.
#[derive(Clone)]
pub struct GpuControl(Arc<Shared>);

struct Shared {
    screens: Mutex<Option<Vec<Option<MonitorConfig>>>>,
    event: EventFd,
}

impl GpuControl {
    pub(super) fn new() -> io::Result<Self> {
        let event = EventFd::new(EFD_NONBLOCK)?;
        Ok(Self(Arc::new(Shared { screens: Mutex::new(None), event })))
    }

    /// Asks the guest to draw screens like these from now on; what is `None` or missing goes off. It
    /// may take its time, or refuse; the screens tell what it does.
    pub fn set_monitors(&self, screens: &[Option<MonitorConfig>]) {
        let clamped = screens.iter().map(|screen| screen.as_ref().map(clamped)).collect();
        *self.0.screens.lock() = Some(clamped);
        // Fails only if the count overflows, and then the event is pending anyway.
        let _ = self.0.event.write(1);
    }

    /// The newest wish since the last call.
    pub(super) fn take(&self) -> Option<Vec<Option<MonitorConfig>>> {
        let _ = self.0.event.read();
        self.0.screens.lock().take()
    }
}

/// Within what an EDID can say.
pub(super) fn clamped(screen: &MonitorConfig) -> MonitorConfig {
    let MonitorConfig { x, y, size, dpi } = *screen;
    MonitorConfig::clamped(
        x.max(0).into(),
        y.max(0).into(),
        size.width.into(),
        size.height.into(),
        dpi.into(),
    )
}

impl AsRawFd for GpuControl {
    fn as_raw_fd(&self) -> RawFd {
        self.0.event.as_raw_fd()
    }
}
