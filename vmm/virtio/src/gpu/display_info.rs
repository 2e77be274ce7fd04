//! Handle by which the host asks the guest for other monitors (VIRTIO_GPU_EVENT_DISPLAY).

use oriel_wire::MonitorConfig;
use parking_lot::Mutex;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

/// Handle for any thread that sets the monitors in display info and EDIDs; the device acts on the
/// event-loop thread.
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

    /// Asks the guest to use these monitors, by scanout; a `None` or missing one is disconnected. The
    /// guest may be slow or refuse; its scanouts tell the result.
    pub fn set_monitors(&self, screens: &[Option<MonitorConfig>]) {
        let clamped = screens.iter().map(|screen| screen.as_ref().map(clamped)).collect();
        *self.0.screens.lock() = Some(clamped);
        // Fails only if the count overflows, and then the event is pending anyway.
        let _ = self.0.event.write(1);
    }

    /// Newest request since the last call.
    pub(super) fn take(&self) -> Option<Vec<Option<MonitorConfig>>> {
        let _ = self.0.event.read();
        self.0.screens.lock().take()
    }
}

/// Monitor configuration clamped to what an EDID can express.
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
