//! Checksum and segmentation offloads, and the feature bits that negotiate them.

use virtio_bindings::virtio_net::{
    VIRTIO_NET_F_CSUM, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_TSO4,
    VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6,
};

const CSUM: u64 = 1 << VIRTIO_NET_F_CSUM;
const HOST_TSO4: u64 = 1 << VIRTIO_NET_F_HOST_TSO4;
const HOST_TSO6: u64 = 1 << VIRTIO_NET_F_HOST_TSO6;
const GUEST_CSUM: u64 = 1 << VIRTIO_NET_F_GUEST_CSUM;
const GUEST_TSO4: u64 = 1 << VIRTIO_NET_F_GUEST_TSO4;
const GUEST_TSO6: u64 = 1 << VIRTIO_NET_F_GUEST_TSO6;
const CTRL_GUEST_OFFLOADS: u64 = 1 << VIRTIO_NET_F_CTRL_GUEST_OFFLOADS;

/// Set of the offloads that a receiver of frames performs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Offloads {
    /// Completes partial TCP and UDP checksums.
    pub checksum: bool,
    /// Segments TCP over IPv4 that is longer than the interface's MTU.
    pub tso4: bool,
    /// Segments TCP over IPv6 that is longer than the interface's MTU.
    pub tso6: bool,
}

impl Offloads {
    /// Empty set: frames are complete and within the MTU.
    pub const NONE: Self = Self { checksum: false, tso4: false, tso6: false };
    /// Full set of offloads.
    pub const ALL: Self = Self { checksum: true, tso4: true, tso6: true };

    /// Returns the feature bits that a device with a backend of these offloads offers. Checksum offload is
    /// always offered: the device completes checksums that the backend does not.
    pub(super) fn features(self) -> u64 {
        let bit = |on: bool, feature: u64| if on { feature } else { 0 };
        CSUM | GUEST_CSUM
            | bit(self.tso4, HOST_TSO4 | GUEST_TSO4)
            | bit(self.tso6, HOST_TSO6 | GUEST_TSO6)
            | bit(self.checksum, CTRL_GUEST_OFFLOADS)
    }

    /// Returns the offloads that the driver may leave to the device, by negotiated features.
    pub(super) fn for_host(features: u64) -> Self {
        Self::of(features, CSUM, HOST_TSO4, HOST_TSO6)
    }

    /// Returns the offloads that the device may leave to the driver, by negotiated features.
    pub(super) fn for_guest(features: u64) -> Self {
        Self::of(features, GUEST_CSUM, GUEST_TSO4, GUEST_TSO6)
    }

    /// Returns the offloads in VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET (section 5.1.6.5.6.1), whose bits are
    /// feature bits; `None` if a bit was not negotiated in `features`.
    pub(super) fn from_command(bits: u64, features: u64) -> Option<Self> {
        let allowed = features & (GUEST_CSUM | GUEST_TSO4 | GUEST_TSO6);
        (bits & !allowed == 0).then(|| Self::for_guest(bits))
    }

    /// Returns the offloads of `features`, for the given feature bits. Segments have partial checksums, so
    /// segmentation needs checksum offload too.
    fn of(features: u64, checksum: u64, tso4: u64, tso6: u64) -> Self {
        let checksum = features & checksum != 0;
        Self { checksum, tso4: checksum && features & tso4 != 0, tso6: checksum && features & tso6 != 0 }
    }
}
