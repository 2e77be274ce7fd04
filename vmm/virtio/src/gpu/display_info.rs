//! Handle by which the host sets the monitors in the guest's display info (VIRTIO_GPU_EVENT_DISPLAY).

use oriel_wire::MonitorConfig;
use parking_lot::Mutex;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

/// Handle that sets the monitors in display info and EDIDs, usable on any thread; the device acts on the
/// event-loop thread.
#[derive(Clone)]
pub struct GpuControl(Arc<Shared>);

/// Newest request and its event.
struct Shared {
    screens: Mutex<Option<Vec<Option<MonitorConfig>>>>,
    event: EventFd,
}

impl GpuControl {
    /// Creates a handle without a request.
    pub(super) fn new() -> io::Result<Self> {
        let event = EventFd::new(EFD_NONBLOCK)?;
        Ok(Self(Arc::new(Shared { screens: Mutex::new(None), event })))
    }

    /// Requests these monitors from the guest, by scanout; a `None` or missing monitor is disconnected. The
    /// guest may be slow or refuse; the scanouts show the result.
    pub fn set_monitors(&self, screens: &[Option<MonitorConfig>]) {
        let clamped = screens.iter().map(|screen| screen.as_ref().map(clamped)).collect();
        *self.0.screens.lock() = Some(clamped);
        // The write fails only if the counter overflows; the event is pending then.
        let _ = self.0.event.write(1);
    }

    /// Takes the newest request since the last call.
    pub(super) fn take(&self) -> Option<Vec<Option<MonitorConfig>>> {
        let _ = self.0.event.read();
        self.0.screens.lock().take()
    }
}

/// Clamps a monitor configuration to the range that an EDID can express.
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
