use super::packets::{TCP, UDP, packet};
use super::*;

const GUEST_CSUM: u64 = 1 << 1;
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;

#[test]
fn unfinished_checksums_are_finished_for_a_backend_that_does_not() {
    let mut guest = guest(Offloads::NONE, ALL_FEATURES);
    for (v6, protocol) in [(false, TCP), (false, UDP), (true, TCP), (true, UDP)] {
        for data in [0, 1, 2, 7, 8, 9, 100, 1447, 65_000] {
            let packet = packet(v6, protocol, data);
            guest.send(&packet.header, &packet.partial);
            guest.net.queue_notified(TX);
            let sent = guest.sent();
            assert_eq!(sent.len(), 1);
            assert!(sent[0].1 == packet.whole, "v6 {v6}, protocol {protocol}, {data} bytes");
            assert_eq!(sent[0].0, Header::default());
        }
    }
    assert_eq!(guest.tx.used().len(), 36);
}

#[test]
fn a_checksum_that_comes_out_as_zero_is_sent_as_all_ones() {
    let mut guest = guest(Offloads::NONE, ALL_FEATURES);
    let mut whole = packet(false, UDP, 2);
    // Make the data such that everything adds up to 0xFFFF.
    let at = whole.whole.len() - 2;
    let field = usize::from(whole.header.csum_start + whole.header.csum_offset);
    whole.partial[at..].fill(0);
    let sum = checksum::sum(&whole.partial[usize::from(whole.header.csum_start)..]);
    whole.partial[at..].copy_from_slice(&(!sum).to_be_bytes());
    guest.send(&whole.header, &whole.partial);
    guest.net.queue_notified(TX);
    assert_eq!(guest.sent()[0].1[field..field + 2], [0xFF, 0xFF]);
}

#[test]
fn a_backend_that_finishes_frames_itself_gets_them_as_the_driver_made_them() {
    let mut guest = guest(Offloads::ALL, ALL_FEATURES);
    for (v6, gso_type) in [(false, GSO_TCPV4), (true, GSO_TCPV6)] {
        let packet = packet(v6, TCP, 30_000);
        // A driver's hdr_len is a hint; what the backend gets is right.
        let header = Header { gso_type, gso_size: 1448, hdr_len: 7, ..packet.header };
        guest.send(&header, &packet.partial);
        guest.net.queue_notified(TX);
        let hdr_len = header.csum_start + 20;
        assert!(guest.sent() == [(Header { hdr_len, ..header }, packet.partial)]);
    }
}

#[test]
fn the_guest_is_given_what_it_takes_and_no_more() {
    let packet = packet(false, TCP, 3000);
    let segments = Header { gso_type: GSO_TCPV4, gso_size: 1448, hdr_len: 54, ..packet.header };
    let received = |features: u64, header: Header| {
        let mut guest = guest(Offloads::ALL, features);
        let buffer = guest.rx.send(&[], &[12 + 5000]);
        guest.net.queue_notified(RX);
        guest.arrives(header, &packet.partial);
        guest.net.event(2);
        let used = guest.rx.used();
        let bytes = guest.rx.written(&buffer);
        used.first().map(|(_, len)| (bytes[..12].to_vec(), bytes[12..*len as usize].to_vec()))
    };
    let (header, bytes) = received(ALL_FEATURES, segments).unwrap();
    assert_eq!(header, segments.encode(1));
    assert!(bytes == packet.partial);
    let (header, bytes) = received(GUEST_CSUM, packet.header).unwrap();
    assert_eq!((header[0], bytes == packet.partial), (1, true));
    // A guest that takes finished frames only gets a finished one, and cannot be given segments.
    let (header, bytes) = received(0, packet.header).unwrap();
    assert_eq!(header, Header::default().encode(1));
    assert!(bytes == packet.whole);
    assert_eq!(received(GUEST_CSUM, segments), None);
}

#[test]
fn a_valid_checksum_is_said_to_be_so_to_those_who_listen() {
    for (features, flags) in [(ALL_FEATURES, 2), (0, 0)] {
        let mut guest = guest(Offloads::NONE, features);
        let buffer = guest.rx.send(&[], &[100]);
        guest.arrives(Header::VALID, &frame(60, 1));
        guest.net.queue_notified(RX);
        assert_eq!(guest.rx.used(), [(buffer.head, 72)]);
        assert_eq!(guest.rx.written(&buffer)[0], flags);
    }
}

#[test]
fn the_control_queue_answers_everything() {
    let mut guest = guest(Offloads::ALL, ALL_FEATURES);
    let mut ask = |parts: &[&[u8]]| {
        let sent = guest.ctrl.send(parts, &[1]);
        guest.net.queue_notified(CTRL);
        assert_eq!(guest.ctrl.used(), [(sent.head, 1)]);
        (guest.ctrl.written(&sent)[0], guest.peer.lock().guest)
    };
    let csum_and_tso4: u64 = 1 << 1 | 1 << 7;
    assert_eq!(ask(&[&[0, 0], &[1]]), (0, Offloads::ALL), "promiscuous mode");
    assert_eq!(ask(&[&[1, 0], &[0; 8]]).0, 0, "filter table");
    assert_eq!(ask(&[&[4, 0], &[1, 0]]).0, 1, "multiqueue was not offered");
    assert_eq!(ask(&[&[5, 0], &[1, 2, 3]]).0, 1, "half a set of offloads");
    assert_eq!(ask(&[&[5, 0], &(1u64 << 10).to_le_bytes()]), (1, Offloads::ALL), "UFO was not offered");
    let only_tso4 = Offloads { tso6: false, ..Offloads::ALL };
    assert_eq!(ask(&[&[5, 0], &csum_and_tso4.to_le_bytes()]), (0, only_tso4));
    assert_eq!(ask(&[&[5, 0], &[0; 8]]), (0, Offloads::NONE));
    assert_eq!(ask(&[&[]]).0, 1, "no command at all");
    let mute = guest.ctrl.send(&[&[0, 0], &[1]], &[]);
    guest.net.queue_notified(CTRL);
    assert_eq!(guest.ctrl.used(), [(mute.head, 0)]);
    assert_eq!(guest.counters.malformed_chains.get(), 1);
}
