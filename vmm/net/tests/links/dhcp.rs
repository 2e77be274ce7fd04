//! Part of DHCP (RFC 2131) that requests an address.

use std::net::Ipv4Addr;

pub const MAC: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
const COOKIE: [u8; 4] = [0x63, 0x82, 0x53, 0x63];

/// Returns a DHCPDISCOVER frame of a client without an address, with the transaction identifier
/// `transaction`.
pub fn discover(transaction: u32) -> Vec<u8> {
    let mut dhcp = vec![1, 1, 6, 0];
    dhcp.extend(transaction.to_be_bytes());
    // Answer to everyone: there is no address yet.
    dhcp.extend([0, 0, 0x80, 0]);
    dhcp.extend([0; 16]);
    dhcp.extend(MAC);
    dhcp.resize(236, 0);
    dhcp.extend(COOKIE);
    dhcp.extend([53, 1, 1, 255]);
    dhcp.resize(300, 0);

    let udp_len = dhcp.len() as u16 + 8;
    let mut ip =
        [&[0x45, 0][..], &(udp_len + 20).to_be_bytes(), &[0, 0, 0, 0, 64, 17, 0, 0], &[0; 4], &[255; 4]]
            .concat();
    let sum = ip.chunks(2).fold(0u32, |sum, pair| sum + u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let sum = !((sum & 0xFFFF) + (sum >> 16)) as u16;
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    // No UDP checksum.
    let udp = [&68u16.to_be_bytes()[..], &67u16.to_be_bytes(), &udp_len.to_be_bytes(), &[0, 0]].concat();
    [&[0xFF; 6][..], &MAC, &[8, 0], &ip, &udp, &dhcp].concat()
}

/// Returns the address that a frame offers to the transaction.
pub fn offer(frame: &[u8], transaction: u32) -> Option<Ipv4Addr> {
    let dhcp = frame.get(14 + 20 + 8..)?;
    let answer = frame.get(12..14)? == [8, 0] && dhcp.first() == Some(&2);
    if !answer || dhcp.get(4..8)? != transaction.to_be_bytes() || dhcp.get(236..240)? != COOKIE {
        return None;
    }
    let is_offer = dhcp.get(240..)?.windows(3).any(|option| option == [53, 1, 2]);
    let address: [u8; 4] = dhcp.get(16..20)?.try_into().ok()?;
    is_offer.then(|| address.into())
}
