use super::packets::{TCP, UDP, packet};
use super::*;
use crate::queue::test_driver::XorShift;

#[test]
fn chains_that_hold_no_frame_come_back_and_nothing_is_sent() {
    let mut guest = guest(Offloads::ALL, ALL_FEATURES);
    let long = vec![0; HEADER_LEN + MAX_FRAME + 1];
    let half = [0; 11];
    guest.tx.send(&[&half], &[]);
    guest.tx.send(&[&[0; HEADER_LEN], &frame(13, 1)], &[]);
    guest.tx.send(&[&long], &[]);
    guest.tx.send(&[&[0; HEADER_LEN], &frame(60, 1)], &[4]);
    guest.tx.send(&[], &[100]);
    guest.net.queue_notified(TX);
    assert_eq!((guest.tx.used().len(), guest.sent().len()), (5, 0));
    assert_eq!(guest.counters.malformed_chains.get(), 5);
    // Buffers that cannot be written to, or are too short for a header, are not in the way.
    guest.rx.send(&[b"read me"], &[100]);
    guest.rx.send(&[], &[11]);
    let good = guest.rx.send(&[], &[100]);
    guest.arrives(Header::default(), &frame(60, 1));
    guest.net.queue_notified(RX);
    assert_eq!(guest.rx.used().last(), Some(&(good.head, 72)));
    assert_eq!(guest.counters.malformed_chains.get(), 7);
}

#[test]
fn headers_that_lie_are_refused() {
    let tcp = packet(false, TCP, 3000);
    let gso = Header { gso_type: 1, gso_size: 1448, hdr_len: 54, ..tcp.header };
    let at = |start, offset| Header { csum_start: start, csum_offset: offset, ..tcp.header };
    let len = tcp.partial.len() as u16;
    let mut tall = tcp.partial.clone();
    // An IPv4 header of 60 bytes, a TCP header of 60 bytes in the last 40 bytes of the frame, none.
    let patch = |at: usize, byte: u8| {
        let mut frame = tcp.partial.clone();
        frame[at] = byte;
        frame
    };
    tall.truncate(34 + 30);
    tall[34 + 12] = 0xF0;
    let cases: Vec<(&str, Header, Vec<u8>)> = vec![
        ("a checksum beyond the end", at(len - 1, 0), tcp.partial.clone()),
        ("a start beyond the end", at(len, 0), tcp.partial.clone()),
        ("an offset that wraps", at(0xFFFF, 0xFFFF), tcp.partial.clone()),
        ("segments without a checksum", Header { flags: 0, ..gso }, tcp.partial.clone()),
        ("segments of nothing", Header { gso_size: 0, ..gso }, tcp.partial.clone()),
        ("segments of a byte", Header { gso_size: 1, ..gso }, tcp.partial.clone()),
        ("an unknown kind", Header { gso_type: 9, ..gso }, tcp.partial.clone()),
        ("UFO", Header { gso_type: 3, ..gso }, tcp.partial.clone()),
        ("ECN, which is not offered", Header { gso_type: 0x81, ..gso }, tcp.partial.clone()),
        ("the other IP", Header { gso_type: 4, ..gso }, tcp.partial.clone()),
        ("a checksum elsewhere", Header { csum_start: 35, ..gso }, tcp.partial.clone()),
        ("UDP's checksum", Header { csum_offset: 6, ..gso }, tcp.partial.clone()),
        ("not IP", gso, patch(13, 6)),
        ("an IP header of no length", gso, patch(14, 0x40)),
        ("a longer IP header than said", gso, patch(14, 0x4F)),
        ("UDP", gso, packet(false, UDP, 3000).partial),
        ("a TCP header of no length", gso, patch(34 + 12, 0)),
        ("a TCP header beyond the end", gso, tall),
        ("a frame that ends in its IP header", gso, tcp.partial[..30].to_vec()),
        ("a frame that ends in its address", gso, tcp.partial[..14].to_vec()),
    ];
    for (takes, features) in [(Offloads::ALL, ALL_FEATURES), (Offloads::NONE, ALL_FEATURES)] {
        let mut guest = guest(takes, features);
        for (what, header, frame) in &cases {
            let before = guest.counters.net_refused_frames.get();
            guest.send(header, frame);
            guest.net.queue_notified(TX);
            assert_eq!(guest.sent(), [], "{what}");
            assert_eq!(guest.tx.used().len(), 1, "{what}");
            assert_eq!(guest.counters.net_refused_frames.get(), before + 1, "{what}");
        }
    }
    // What was not negotiated is refused however well it is said.
    let mut guest = guest(Offloads::ALL, 0);
    guest.send(&gso, &tcp.partial);
    guest.send(&tcp.header, &tcp.partial);
    guest.net.queue_notified(TX);
    assert_eq!((guest.sent().len(), guest.tx.used().len()), (0, 2));
}

#[test]
fn buffers_of_a_byte_cannot_hold_the_backend_up() {
    let mut guest = guest(Offloads::NONE, ALL_FEATURES);
    guest.rx.send(&[], &[12]);
    for _ in 0..255 {
        guest.rx.send(&[], &[1]);
    }
    guest.arrives(Header::default(), &frame(9000, 1));
    guest.arrives(Header::default(), &frame(60, 2));
    guest.net.queue_notified(RX);
    guest.settle();
    assert_eq!(guest.rx.used().len(), 256, "the ring has no more to give, so all of it goes back");
    guest.rx.send(&[], &[100]);
    guest.net.queue_notified(RX);
    assert_eq!(guest.rx.used().len(), 1, "the next frame gets through");
}

#[test]
fn garbage_is_always_returned() {
    for (takes, seed) in [(Offloads::ALL, 0x2545_F491_4F6C_DD1D), (Offloads::NONE, 0x9E37_79B9_7F4A_7C15)] {
        let mut guest = guest(takes, ALL_FEATURES);
        let mut random = XorShift(seed);
        for round in 0..3000 {
            guest.tx.send_garbage(&mut random);
            guest.net.queue_notified(TX);
            assert_eq!(guest.tx.used().len(), 1, "round {round}");
            guest.ctrl.send_garbage(&mut random);
            guest.net.queue_notified(CTRL);
            assert_eq!(guest.ctrl.used().len(), 1, "round {round}");
            guest.rx.send_garbage(&mut random);
            guest.arrives(Header::default(), &frame(14 + random.below(400) as usize, 1));
            guest.net.queue_notified(RX);
            guest.rx.used();
        }
        assert!(!guest.net.needs_reset());
        for (_, frame) in guest.sent() {
            assert!((14..=MAX_FRAME).contains(&frame.len()));
        }
    }
}

#[test]
fn lying_indices_ask_for_a_reset() {
    for queue in [RX, TX, CTRL] {
        let mut guest = guest(Offloads::NONE, ALL_FEATURES);
        guest.arrives(Header::default(), &frame(60, 1));
        let driver = [&guest.rx, &guest.tx, &guest.ctrl][usize::from(queue)];
        driver.publish_index(999);
        guest.net.queue_notified(queue);
        assert!(guest.net.needs_reset(), "queue {queue}");
        guest.net.reset();
        assert!(!guest.net.needs_reset());
    }
}
