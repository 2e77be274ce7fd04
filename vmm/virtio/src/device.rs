//! Interface between a virtio device, its transport and the event loop.

use std::os::fd::RawFd;
use std::sync::Arc;
use virtio_queue::Queue;
use vm_memory::GuestMemoryMmap;
use vmm_sys_util::eventfd::EventFd;

/// Memory of the guest, shared by all devices.
pub type GuestRam = Arc<GuestMemoryMmap>;

/// Sender of one device's interrupts, implemented by the transport (MSI-X).
///
/// Called on the event-loop thread with the device's lock held, and on the device's own threads: an
/// implementation takes no lock under which the transport calls a device.
pub trait Interrupt: Send + Sync {
    /// Sends the used buffer notification of queue `index` (VIRTIO 1.2, section 2.3).
    fn signal_used_queue(&self, index: u16);
    /// Sends the configuration change notification (VIRTIO 1.2, section 2.3).
    fn signal_config_changed(&self);
}

/// Result of the driver's initialisation, handed to the device at DRIVER_OK (VIRTIO 1.2, section 3.1).
pub struct Activation {
    /// Memory of the guest, which contains the queues and their buffers.
    pub memory: GuestRam,
    /// Queues of the device by index; `None` for a queue that the driver left disabled.
    pub queues: Vec<Option<Queue>>,
    /// Feature bits that driver and device negotiated, VIRTIO_F_VERSION_1 among the bits.
    pub features: u64,
    /// Sender of interrupts to the driver.
    pub interrupt: Arc<dyn Interrupt>,
}

/// Error of an activation; the transport then sets DEVICE_NEEDS_RESET.
#[derive(Debug, thiserror::Error)]
pub enum ActivateError {
    /// Index of a queue that the device needs and the driver left disabled.
    #[error("the driver did not set up queue {0}")]
    QueueMissing(u16),
    /// Index of a queue that is partly outside of guest memory.
    #[error("queue {0} lies outside of guest memory")]
    QueueInvalid(u16),
    /// Error of the host, which refused a thread or a descriptor that the device needs.
    #[error("the host refused: {0}")]
    Host(#[from] std::io::Error),
}

/// Virtio device as its transport and the event loop use it.
///
/// The transport keeps the device status of VIRTIO 1.2, section 2.1, and calls the device at two of
/// the transitions of the status only:
///
/// ```text
///            ACKNOWLEDGE, DRIVER,
///            FEATURES_OK                DRIVER_OK
///  ┌───────┐ features()  ┌────────────┐ activate()  ┌───────────┐
///  │ reset │────────────►│ negotiated │────────────►│ activated │──┐ queue_notified()
///  └───────┘             └────────────┘             └───────────┘◄─┘ event()
///      ▲                       │ status = 0            │    │
///      │         reset()       ▼          status = 0   │    │ needs_reset(), or
///      └───────────────────────┴───────────────────────┘    ▼ activate() failed
///      ▲                                       ┌────────────────────┐
///      └───────────────── status = 0 ──────────│ DEVICE_NEEDS_RESET │
///                                              └────────────────────┘
/// ```
///
/// A device exists before its first activation and survives any number of resets; what the host gave
/// it (a disk, a backend, screens) stays. Descriptors of [`Self::event_fds`] may fire in every state.
///
/// All methods are called with the device's lock held: configuration access on vCPU threads, all
/// others on the event-loop thread. No method may block on I/O.
pub trait VirtioDevice: Send {
    /// Returns the virtio device ID (VIRTIO 1.2, section 5), e.g. 2 for a block device.
    fn device_id(&self) -> u16;

    /// Returns the short name of the device in logs, e.g. `gpu` or `keyboard`.
    fn name(&self) -> &'static str;

    /// Returns the PCI class code, subclass and programming interface, e.g. 0x038000 for a display
    /// controller.
    fn pci_class(&self) -> u32;

    /// Returns the feature bits that the device offers: its own and those of its rings. The transport adds
    /// VIRTIO_F_VERSION_1.
    fn features(&self) -> u64;

    /// Returns the maximum number of descriptors of each queue, a power of two.
    fn queue_sizes(&self) -> &[u16];

    /// Reads the device configuration space from byte `offset`; bytes beyond its end become zero.
    fn read_config(&self, offset: u64, data: &mut [u8]);

    /// Writes the device configuration space from byte `offset`; read-only fields stay as they are.
    fn write_config(&mut self, offset: u64, data: &[u8]) {
        let _ = (offset, data);
    }

    /// Starts the device with the queues and features of the driver, which set DRIVER_OK.
    ///
    /// # Errors
    /// When a needed queue is missing or outside of guest memory, or the host refuses a resource.
    fn activate(&mut self, activation: Activation) -> Result<(), ActivateError>;

    /// Handles an available buffer notification of queue `index`, which the driver sent.
    fn queue_notified(&mut self, index: u16);

    /// Returns the event that available buffer notifications of queue `index` signal, where a thread of the
    /// device waits for notifications itself; [`Self::queue_notified`] is then not called. The event is the
    /// same for the device's lifetime.
    fn doorbell(&self, index: u16) -> Option<&EventFd> {
        let _ = index;
        None
    }

    /// Returns the file descriptors (eventfds, timerfds, sockets) that the event loop watches for reading
    /// from the device's creation on; the index in the list is the token of [`Self::event`].
    fn event_fds(&self) -> Vec<RawFd> {
        Vec::new()
    }

    /// Handles that the file descriptor `token` became readable, and drains the descriptor.
    fn event(&mut self, token: usize) {
        let _ = token;
    }

    /// Resets the device: drops queues and guest-made state, keeps its backend on the host.
    fn reset(&mut self);

    /// Whether the device found a broken virtqueue, which only a reset repairs; the transport then
    /// sets DEVICE_NEEDS_RESET.
    fn needs_reset(&self) -> bool {
        false
    }
}
