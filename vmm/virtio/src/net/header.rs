//! `struct virtio_net_hdr` (VIRTIO 1.2, section 5.1.6): offloads left to the receiver of a frame.

use super::checksum;
use super::offloads::Offloads;
use crate::fields::Fields;
use virtio_bindings::virtio_net::{
    VIRTIO_NET_HDR_F_DATA_VALID, VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_NONE,
    VIRTIO_NET_HDR_GSO_TCPV4, VIRTIO_NET_HDR_GSO_TCPV6,
};

/// Size of `struct virtio_net_hdr` with VIRTIO_F_VERSION_1, in bytes.
pub const HEADER_LEN: usize = 12;

const NEEDS_CSUM: u8 = VIRTIO_NET_HDR_F_NEEDS_CSUM as u8;
const DATA_VALID: u8 = VIRTIO_NET_HDR_F_DATA_VALID as u8;
const GSO_NONE: u8 = VIRTIO_NET_HDR_GSO_NONE as u8;
const GSO_TCPV4: u8 = VIRTIO_NET_HDR_GSO_TCPV4 as u8;
const GSO_TCPV6: u8 = VIRTIO_NET_HDR_GSO_TCPV6 as u8;

const ETHERNET_HEADER: usize = 14;
const VLAN_TAG: usize = 4;
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86DD;
const ETHERTYPE_VLAN: u16 = 0x8100;
const TCP: u8 = 6;
const TCP_CHECKSUM: u16 = 16;
/// Minimum `gso_size` in bytes; Linux refuses routes with less (RFC 9293: 536 by default).
const MIN_SEGMENT: u16 = 48;

/// Offloads of a frame (`struct virtio_net_hdr` without the number of merged buffers).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Header {
    /// Combination of VIRTIO_NET_HDR_F_*.
    pub flags: u8,
    /// Segmentation type, VIRTIO_NET_HDR_GSO_*.
    pub gso_type: u8,
    /// Size in bytes of all headers before the segmented data.
    pub hdr_len: u16,
    /// Size in bytes of the data in each segment.
    pub gso_size: u16,
    /// Byte offset in the frame at which the coverage of the checksum begins.
    pub csum_start: u16,
    /// Byte offset of the checksum field from `csum_start`.
    pub csum_offset: u16,
}

impl Header {
    /// Header of a complete frame with a valid checksum.
    pub const VALID: Self =
        Self { flags: DATA_VALID, gso_type: 0, hdr_len: 0, gso_size: 0, csum_start: 0, csum_offset: 0 };

    /// Parses the header. The last field, `num_buffers`, has no meaning from a driver.
    pub fn parse(bytes: &[u8; HEADER_LEN]) -> Self {
        let [flags, gso_type, fields @ ..] = bytes;
        let mut fields = Fields(fields);
        let mut next = || fields.u16().unwrap_or_default();
        Self {
            flags: *flags,
            gso_type: *gso_type,
            hdr_len: next(),
            gso_size: next(),
            csum_start: next(),
            csum_offset: next(),
        }
    }

    /// Encodes the header of a frame that fills `buffers` merged buffers.
    pub fn encode(&self, buffers: u16) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        let fields = [self.hdr_len, self.gso_size, self.csum_start, self.csum_offset, buffers];
        let all =
            [self.flags, self.gso_type].into_iter().chain(fields.into_iter().flat_map(u16::to_le_bytes));
        for (to, from) in bytes.iter_mut().zip(all) {
            *to = from;
        }
        bytes
    }

    /// Whether the checksum is incomplete.
    pub fn needs_checksum(&self) -> bool {
        self.flags & NEEDS_CSUM != 0
    }

    /// Validates a driver's header for `frame`, and returns a copy whose offsets are within the frame. `None`
    /// if the header uses offloads that were not negotiated, or contradicts the frame.
    pub(super) fn validate(&self, frame: &[u8], negotiated: Offloads) -> Option<Self> {
        let mut clean = Self::default();
        if self.needs_checksum() {
            let end = usize::from(self.csum_start) + usize::from(self.csum_offset) + 2;
            if !negotiated.checksum || end > frame.len() {
                return None;
            }
            clean = Self { flags: NEEDS_CSUM, ..clean };
            (clean.csum_start, clean.csum_offset) = (self.csum_start, self.csum_offset);
        }
        let allowed = match self.gso_type {
            GSO_NONE => return Some(clean),
            GSO_TCPV4 => negotiated.tso4,
            GSO_TCPV6 => negotiated.tso6,
            _ => false,
        };
        let tcp = tcp_segment(frame, self.gso_type)?;
        let consistent = self.needs_checksum()
            && usize::from(self.csum_start) == tcp.start
            && self.csum_offset == TCP_CHECKSUM
            && self.gso_size >= MIN_SEGMENT
            && tcp.data <= frame.len();
        if !allowed || !consistent {
            return None;
        }
        let hdr_len = u16::try_from(tcp.data).ok()?;
        Some(Self { gso_type: self.gso_type, gso_size: self.gso_size, hdr_len, ..clean })
    }

    /// Adapts a frame to a guest that performs `offloads`: completes the checksum in `copy` if the guest does
    /// not. `None` if the frame must be dropped, since it would need segmentation.
    pub(super) fn adapt<'a>(
        &self,
        frame: &'a [u8],
        offloads: Offloads,
        copy: &'a mut Vec<u8>,
    ) -> Option<(Self, &'a [u8])> {
        match self.gso_type {
            GSO_NONE => {}
            GSO_TCPV4 if offloads.tso4 => {}
            GSO_TCPV6 if offloads.tso6 => {}
            _ => return None,
        }
        if offloads.checksum {
            return Some((*self, frame));
        }
        if !self.needs_checksum() {
            return Some((Self::default(), frame));
        }
        copy.clear();
        copy.extend_from_slice(frame);
        checksum::complete(copy, self.csum_start, self.csum_offset)?;
        Some((Self::default(), copy))
    }
}

/// Position of a TCP segment in a frame.
struct TcpSegment {
    /// Byte offset of the TCP header in the frame.
    start: usize,
    /// Byte offset of the TCP payload in the frame.
    data: usize,
}

/// Finds the TCP header of a frame with `gso_type`. IPv6 extension headers are not supported, since no
/// network stack segments packets with them.
fn tcp_segment(frame: &[u8], gso_type: u8) -> Option<TcpSegment> {
    let byte = |at: usize| frame.get(at).copied();
    let word = |at: usize| Some(u16::from_be_bytes([byte(at)?, byte(at + 1)?]));
    let (ethertype, ip) = match word(ETHERNET_HEADER - 2)? {
        ETHERTYPE_VLAN => (word(ETHERNET_HEADER + VLAN_TAG - 2)?, ETHERNET_HEADER + VLAN_TAG),
        ethertype => (ethertype, ETHERNET_HEADER),
    };
    let version_and_length = byte(ip)?;
    let (protocol, start) = match (ethertype, version_and_length >> 4, gso_type) {
        (ETHERTYPE_IPV4, 4, GSO_TCPV4) => {
            let header = usize::from(version_and_length & 0xF) * 4;
            (byte(ip + 9)?, if header >= 20 { ip + header } else { return None })
        }
        (ETHERTYPE_IPV6, 6, GSO_TCPV6) => (byte(ip + 6)?, ip + 40),
        _ => return None,
    };
    let header = usize::from(byte(start + 12)? >> 4) * 4;
    (protocol == TCP && header >= 20).then_some(TcpSegment { start, data: start + header })
}
