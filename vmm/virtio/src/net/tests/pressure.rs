use super::*;
use std::time::{Duration, Instant};

const FLOOD: usize = 1000;

/// A ring full of long frames, four times.
#[test]
fn a_flood_is_worked_off_in_portions() {
    let mut guest = guest(Offloads::NONE, ALL_FEATURES);
    for _ in 0..4 {
        for _ in 0..250 / 2 {
            guest.send(&Header::default(), &frame(7000, 1));
        }
        guest.net.queue_notified(TX);
        let first = guest.sent().len();
        assert!((1..100).contains(&first), "{first} frames in one turn");
        assert!(readable(guest.net.event_fds()[0], 0), "the rest is announced");
        guest.settle();
        assert_eq!(first + guest.sent().len(), 125);
        assert_eq!(guest.tx.used().len(), 125);
    }
}

#[test]
fn what_arrives_in_masses_is_worked_off_in_portions() {
    let mut guest = guest(Offloads::NONE, ALL_FEATURES);
    for _ in 0..200 {
        guest.rx.send(&[], &[4000]);
    }
    for i in 0..FLOOD {
        guest.arrives(Header::default(), &frame(30_000, i as u8));
    }
    guest.net.event(2);
    let first = guest.rx.used().len();
    assert!((8..180).contains(&first), "{first} buffers in one turn");
    assert!(readable(guest.net.event_fds()[0], 0));
    guest.settle();
    assert_eq!(first + guest.rx.used().len(), 200, "eight buffers to a frame");
    assert_eq!(guest.peer.lock().arriving.len(), FLOOD - 25);
}

#[test]
fn a_backend_without_room_holds_the_driver_up_and_loses_nothing() {
    let mut guest = guest(Offloads::NONE, ALL_FEATURES);
    guest.peer.lock().has_room = false;
    guest.send(&Header::default(), &frame(60, 1));
    guest.net.queue_notified(TX);
    guest.settle();
    assert_eq!((guest.tx.used().len(), guest.sent().len()), (0, 0));
    guest.peer.lock().has_room = true;
    guest.net.event(2);
    assert_eq!((guest.tx.used().len(), guest.sent().len()), (1, 1));
}

#[test]
fn the_limit_holds_in_both_directions_and_each_gets_its_turn() {
    let limit = RateLimit { bytes: None, operations: Some(8) };
    let mut guest = limited_guest(Offloads::NONE, ALL_FEATURES, limit);
    for _ in 0..60 {
        guest.send(&Header::default(), &frame(60, 1));
        guest.rx.send(&[], &[200]);
        guest.arrives(Header::default(), &frame(60, 2));
    }
    guest.net.queue_notified(TX);
    guest.net.queue_notified(RX);
    let at_once = guest.tx.used().len() + guest.rx.used().len();
    assert!((8..60).contains(&at_once), "{at_once} frames passed at once");
    let (mut left, mut arrived) = (0, 0);
    while left < 2 || arrived < 2 {
        assert!(!guest.peer.lock().wanted, "the event loop must not spin meanwhile");
        assert!(readable(guest.net.event_fds()[1], 20_000), "no end of the wait");
        guest.net.event(1);
        // A kick while it waits changes nothing.
        guest.net.queue_notified(TX);
        left += guest.tx.used().len();
        arrived += guest.rx.used().len();
    }
    assert!(left + arrived < 20, "{left} left before {arrived} arrived");
}

/// The limit is shared, and what is small would always find enough of it first.
#[test]
fn many_small_frames_do_not_starve_a_large_one() {
    let limit = RateLimit { bytes: Some(40_000), operations: None };
    let mut guest = limited_guest(Offloads::NONE, ALL_FEATURES, limit);
    for _ in 0..10 {
        guest.rx.send(&[], &[9100]);
        guest.arrives(Header::default(), &frame(9000, 2));
    }
    guest.net.queue_notified(RX);
    let at_once = guest.rx.used().len();
    assert!((1..10).contains(&at_once), "{at_once} frames passed at once");
    let (mut waiting, mut arrived, start) = (0, 0, Instant::now());
    while arrived < 2 {
        assert!(start.elapsed() < Duration::from_secs(20), "the large frames starve");
        if waiting < 50 {
            guest.send(&Header::default(), &frame(60, 1));
            waiting += 1;
        }
        guest.net.queue_notified(TX);
        if readable(guest.net.event_fds()[1], 1) {
            guest.net.event(1);
        }
        waiting -= guest.tx.used().len();
        arrived += guest.rx.used().len();
    }
}
