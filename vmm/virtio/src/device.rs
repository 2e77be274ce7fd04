//! What every virtio device is to the transport and to the event loop.

use std::os::fd::RawFd;
use std::sync::Arc;
use virtio_queue::Queue;
use vm_memory::GuestMemoryMmap;
use vmm_sys_util::eventfd::EventFd;

/// The guest's memory, shared by all devices.
pub type GuestRam = Arc<GuestMemoryMmap>;

/// How a device gets the guest's attention; implemented by the transport (MSI-X). Called on the
/// event-loop thread with the device's lock held, and on threads of the device's own: it must
/// take no lock under which the transport calls a device.
pub trait Interrupt: Send + Sync {
    /// Buffers of this queue were used.
    fn signal_used_queue(&self, index: u16);
    /// The configuration space changed.
    fn signal_config_changed(&self);
}

/// What the driver settled on when it set DRIVER_OK.
pub struct Activation {
    /// Guest memory.
    pub memory: GuestRam,
    /// Every queue of the device in order; those the driver left disabled are `None`.
    pub queues: Vec<Option<Queue>>,
    /// The features that both sides accepted (VIRTIO_F_VERSION_1 among them).
    pub features: u64,
    /// The guest's ear.
    pub interrupt: Arc<dyn Interrupt>,
}

/// Why a device could not start; the transport then sets DEVICE_NEEDS_RESET.
#[derive(Debug, thiserror::Error)]
pub enum ActivateError {
    /// The driver left out a queue without which the device cannot work.
    #[error("the driver did not set up queue {0}")]
    QueueMissing(u16),
    /// The driver placed a part of a queue outside of guest memory.
    #[error("queue {0} lies outside of guest memory")]
    QueueInvalid(u16),
    /// The host refused something.
    #[error("the host refused: {0}")]
    Host(#[from] std::io::Error),
}

/// One virtio device. All methods are called with the device's lock held: configuration access
/// on vCPU threads, the rest on the event-loop thread; none may block on I/O or on a person.
pub trait VirtioDevice: Send {
    /// The virtio device ID (virtio 1.2, section 5): 16 gpu, 18 input, 2 block, 4 entropy, 3 console, 25 sound.
    fn device_id(&self) -> u16;

    /// A short name for logs and threads, e.g. `gpu` or `keyboard`.
    fn name(&self) -> &'static str;

    /// PCI class code, subclass and programming interface (e.g. 0x038000 for a display controller).
    fn pci_class(&self) -> u32;

    /// Device-specific features and RING_EVENT_IDX / RING_INDIRECT_DESC where supported;
    /// the transport adds VIRTIO_F_VERSION_1.
    fn features(&self) -> u64;

    /// Maximum size of each queue, a power of two.
    fn queue_sizes(&self) -> &[u16];

    /// Reads device configuration at `offset`; bytes beyond its end are left zero.
    fn read_config(&self, offset: u64, data: &mut [u8]);

    /// Writes device configuration; what is read-only is ignored.
    fn write_config(&mut self, offset: u64, data: &[u8]) {
        let _ = (offset, data);
    }

    /// The driver is ready (DRIVER_OK).
    ///
    /// # Errors
    /// When the device cannot work with what the driver set up.
    fn activate(&mut self, activation: Activation) -> Result<(), ActivateError>;

    /// The guest kicked queue `index`.
    fn queue_notified(&mut self, index: u16);

    /// What the guest's kicks of queue `index` shall signal, where a thread of the device's own waits
    /// for them: the event loop does not, and [`Self::queue_notified`] is not called. Always the same.
    fn doorbell(&self, index: u16) -> Option<&EventFd> {
        let _ = index;
        None
    }

    /// Descriptors that the event loop shall watch for reading (eventfds, timerfds) from the
    /// device's creation on; position in the list is the token of [`Self::event`].
    fn event_fds(&self) -> Vec<RawFd> {
        Vec::new()
    }

    /// Descriptor `token` became readable; the device drains it.
    fn event(&mut self, token: usize) {
        let _ = token;
    }

    /// The driver reset the device: forget queues and state, keep what the host gave.
    fn reset(&mut self);

    /// True once the device met something that only a reset can mend (a queue that lies about its
    /// indices); the transport then sets DEVICE_NEEDS_RESET.
    fn needs_reset(&self) -> bool {
        false
    }
}
