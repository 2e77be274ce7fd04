//! Purpose of a guest's frame: the destination that passt would send its contents to.
//!
//! Only frames that passt itself answers or forwards are understood. Fragments and IPv6 extension headers are
//! not, so passt cannot read another destination out of a frame than this module does.

use oriel_vmm_api::egress::Transport;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Length of an Ethernet header in bytes.
const ETHERNET_LEN: usize = 14;
/// Length of an IPv4 header without options in bytes (RFC 791).
const IPV4_LEN: usize = 20;
/// Length of an IPv6 header in bytes (RFC 8200).
const IPV6_LEN: usize = 40;

/// IPv4 destination of a DHCP client without an address (RFC 2131).
const BROADCAST: Ipv4Addr = Ipv4Addr::BROADCAST;
/// Destination of DHCPv6 clients (RFC 8415): all servers and relay agents.
const DHCPV6_SERVERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);

/// Purpose of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packet {
    /// Configuration of the link, which passt answers itself: ARP, neighbour discovery, DHCP.
    Link,
    /// Packet for another host.
    Ip {
        /// Destination address.
        destination: IpAddr,
        /// Protocol, with the destination port.
        transport: Transport,
    },
}

impl Packet {
    /// Reads an Ethernet frame; `None` if it is none that passt needs.
    pub fn read(frame: &[u8]) -> Option<Self> {
        let (ethernet, packet) = frame.split_at_checked(ETHERNET_LEN)?;
        match ethernet.last_chunk()? {
            [0x08, 0x06] => Some(Self::Link),
            [0x08, 0x00] => ipv4(packet),
            [0x86, 0xDD] => ipv6(packet),
            _ => None,
        }
    }
}

/// Reads an IPv4 packet.
fn ipv4(packet: &[u8]) -> Option<Packet> {
    let header: &[u8; IPV4_LEN] = packet.first_chunk()?;
    let header_len = usize::from(header[0] & 0xF) * 4;
    // The bits are "more fragments" and the offset of this one.
    let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3FFF != 0;
    if header[0] >> 4 != 4 || header_len < IPV4_LEN || fragment {
        return None;
    }
    let total_len = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let payload = packet.get(header_len..total_len)?;
    let [.., a, b, c, d] = *header;
    let destination = Ipv4Addr::new(a, b, c, d);
    let transport = match header[9] {
        1 => Transport::Icmp,
        protocol => with_port(protocol, payload)?,
    };
    if destination == BROADCAST && transport == Transport::Udp(67) && source_port(payload)? == 68 {
        return Some(Packet::Link);
    }
    Some(Packet::Ip { destination: destination.into(), transport })
}

/// Reads an IPv6 packet.
fn ipv6(packet: &[u8]) -> Option<Packet> {
    let header: &[u8; IPV6_LEN] = packet.first_chunk()?;
    if header[0] >> 4 != 6 {
        return None;
    }
    let payload_len = usize::from(u16::from_be_bytes([header[4], header[5]]));
    let payload = packet.get(IPV6_LEN..)?.get(..payload_len)?;
    let octets: [u8; 16] = *header.last_chunk()?;
    let destination = Ipv6Addr::from(octets);
    let transport = match header[6] {
        58 if is_neighbour_discovery(destination, header[7], payload) => return Some(Packet::Link),
        58 => Transport::Icmp,
        protocol => with_port(protocol, payload)?,
    };
    if destination == DHCPV6_SERVERS && transport == Transport::Udp(547) && source_port(payload)? == 546 {
        return Some(Packet::Link);
    }
    Some(Packet::Ip { destination: destination.into(), transport })
}

/// Returns whether an ICMPv6 message is a solicitation or advertisement of a guest on the link (RFC 4861).
fn is_neighbour_discovery(destination: Ipv6Addr, hop_limit: u8, payload: &[u8]) -> bool {
    let on_link = destination.is_unicast_link_local() || destination.segments()[0] == 0xff02;
    // Router solicitation, neighbour solicitation, neighbour advertisement.
    hop_limit == 255 && on_link && matches!(payload.first(), Some(133 | 135 | 136))
}

/// Returns TCP or UDP with the destination port at the beginning of `payload`.
fn with_port(protocol: u8, payload: &[u8]) -> Option<Transport> {
    let port = u16::from_be_bytes(*payload.get(2..)?.first_chunk()?);
    match protocol {
        6 => Some(Transport::Tcp(port)),
        17 => Some(Transport::Udp(port)),
        _ => None,
    }
}

fn source_port(payload: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(*payload.first_chunk()?))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns an IPv4 or IPv6 frame.
    pub fn frame(destination: &str, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let ethernet = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        let len = payload.len() as u16;
        match destination.parse().unwrap() {
            IpAddr::V4(to) => [
                &ethernet[..],
                &[8, 0, 0x45, 0],
                &(len + 20).to_be_bytes(),
                &[0, 0, 0x40, 0, 64, protocol, 0, 0, 192, 0, 2, 9],
                &to.octets(),
                payload,
            ]
            .concat(),
            IpAddr::V6(to) => [
                &ethernet[..],
                &[0x86, 0xDD, 0x60, 0, 0, 0],
                &len.to_be_bytes(),
                &[protocol, 255],
                &[0; 16],
                &to.octets(),
                payload,
            ]
            .concat(),
        }
    }

    fn read(destination: &str, protocol: u8, payload: &[u8]) -> Option<Packet> {
        Packet::read(&frame(destination, protocol, payload))
    }

    #[test]
    fn the_destination_is_read_from_both_kinds_of_packet() {
        for destination in ["203.0.113.9", "2001:db8::9"] {
            let to = |transport| Some(Packet::Ip { destination: destination.parse().unwrap(), transport });
            assert_eq!(read(destination, 6, &[0, 1, 1, 0xBB]), to(Transport::Tcp(443)));
            assert_eq!(read(destination, 17, &[0, 1, 0, 53, 9, 9]), to(Transport::Udp(53)));
            assert_eq!(read(destination, 132, &[0, 1, 0, 53]), None, "no other protocol");
            assert_eq!(read(destination, 6, &[0, 1, 1]), None, "no port");
        }
        assert!(matches!(read("203.0.113.9", 1, &[8]), Some(Packet::Ip { transport: Transport::Icmp, .. })));
        assert!(matches!(
            read("2001:db8::9", 58, &[128]),
            Some(Packet::Ip { transport: Transport::Icmp, .. })
        ));
    }

    #[test]
    fn what_a_guest_needs_to_find_its_link_is_recognised_and_nothing_like_it() {
        let dhcp = [0, 68, 0, 67];
        assert_eq!(read("255.255.255.255", 17, &dhcp), Some(Packet::Link));
        assert_ne!(read("10.0.0.1", 17, &dhcp), Some(Packet::Link));
        assert_ne!(read("255.255.255.255", 17, &[0, 68, 0, 69]), Some(Packet::Link));
        assert_eq!(read("ff02::1:2", 17, &[2, 34, 2, 35]), Some(Packet::Link));
        assert_eq!(read("ff02::2", 58, &[133]), Some(Packet::Link));
        assert_eq!(read("fe80::1", 58, &[135]), Some(Packet::Link));
        assert_ne!(read("fe80::1", 58, &[128]), Some(Packet::Link));
        assert_ne!(read("2001:db8::1", 58, &[135]), Some(Packet::Link));
        let arp = [&[0xFF; 12][..], &[8, 6], &[0; 28]].concat();
        assert_eq!(Packet::read(&arp), Some(Packet::Link));
    }

    #[test]
    fn what_passt_might_read_otherwise_is_not_understood() {
        let good = frame("203.0.113.9", 6, &[0, 1, 1, 0xBB]);
        let changed = |place: usize, value: u8| {
            let mut frame = good.clone();
            frame[place] = value;
            Packet::read(&frame)
        };
        assert!(Packet::read(&good).is_some());
        assert_eq!(changed(20, 0x20), None, "a first fragment");
        assert_eq!(changed(21, 1), None, "a later fragment");
        assert_eq!(changed(14, 0x65), None, "another version");
        assert_eq!(changed(14, 0x44), None, "a header that is too short");
        assert_eq!(changed(14, 0x46), None, "options where the ports would be");
        assert_eq!(changed(17, 255), None, "a packet longer than its frame");
        assert_eq!(changed(12, 0x81), None, "a tag of a virtual network");
        assert_eq!(read("2001:db8::9", 43, &[6, 0, 0, 0, 0, 1, 1, 0xBB]), None, "a routing header");
        assert_eq!(read("2001:db8::9", 44, &[6, 0, 0, 1, 0, 0, 0, 0]), None, "a fragment");
        for len in 0..good.len() {
            assert_eq!(Packet::read(&good[..len]), None, "{len} bytes of a frame");
        }
    }
}
