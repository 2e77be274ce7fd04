//! Invalid messages, resets and garbage.

use super::*;

#[test]
fn buffers_out_of_place_come_back_at_once_with_an_error() {
    let mut guest = guest();
    let early = guest.send_output(&tone(440.0, 0));
    assert_eq!(guest.queue(TX).used().len(), 1);
    assert_eq!(guest.status(TX, &early).0, Status::IoError as u32);
    guest.commands(&[SET_PARAMS, PREPARE], 0);
    let samples = vec![0; 300 << 10];
    for (stream, samples) in
        [(1, &samples[..8]), (0, &samples[..6]), (0, &samples[..0]), (0, &samples), (9, &samples[..8])]
    {
        let sent = guest.queue(TX).send(&[&words(&[stream]), samples], &[8]);
        guest.notify(TX);
        assert_eq!(guest.queue(TX).used(), [(sent.head, 8)]);
        assert_eq!(guest.status(TX, &sent).0, Status::IoError as u32);
    }
    guest.queue(TX).send(&[&words(&[0]), &samples[..8]], &[7]);
    guest.notify(TX);
    assert_eq!(guest.queue(TX).used().len(), 1);
    assert_eq!(guest.counters.malformed_chains.get(), 1, "no room for a status");
    assert_eq!(guest.counters.sound_refused.get(), 6);
}

#[test]
fn tiny_buffers_and_lying_rings_cost_no_more_than_others() {
    let mut guest = guest();
    guest.commands(&[SET_PARAMS, PREPARE], 0);
    // More than the ring holds: the same chain over and over.
    let sent = guest.queue(TX).send(&[&words(&[0]), &[1; 4]], &[8]);
    for _ in 0..1000 {
        for _ in 0..60 {
            guest.queue(TX).publish(sent.head);
        }
        guest.notify(TX);
    }
    let waiting = 1 + 60_000 - guest.queue(TX).used().len();
    assert!(waiting <= 64, "{waiting} buffers are kept");
    guest.commands(&[START], 0);
    guest.pass(ms(10));
    assert_eq!(guest.queue(TX).used().len(), waiting);
}

#[test]
fn a_reset_forgets_and_the_card_works_again() {
    let mut guest = guest();
    guest.commands(&[SET_PARAMS, PREPARE], 0);
    guest.send_output(&tone(440.0, 0));
    guest.commands(&[START], 0);
    guest.card.reset();
    guest.pass(ms(100));
    let memory = ram(8);
    guest.queues = [1u64, 2, 3, 4].map(|mib| TestDriver::new(&memory, mib << 20, 64));
    let [control, event, tx, rx] = &guest.queues;
    guest.card.activate(activation(&memory, &[control, event, tx, rx], 0).0).unwrap();
    assert_eq!(guest.command(PREPARE, 0), Status::BadMessage as u32, "parameters are forgotten");
    guest.commands(&[SET_PARAMS, PREPARE, START], 0);
    guest.send_output(&tone(440.0, 0));
    guest.pass(ms(20));
    assert_eq!(guest.queue(TX).used().len(), 1);
}

#[test]
fn garbage_is_always_answered() {
    let mut guest = guest();
    let _audience = guest.listener();
    let mut random = XorShift(0xA076_1D64_78BD_642F);
    for round in 0..4000u32 {
        if round % 3 == 0 {
            let codes = [SET_PARAMS, PREPARE, RELEASE, START, STOP];
            let code = codes[random.below(5) as usize];
            let stream = random.below(2) as u32;
            guest.command(code, stream);
        }
        for queue in [CONTROL, TX, RX] {
            guest.queue(queue).send_garbage(&mut random);
            guest.notify(queue);
        }
        assert_eq!(guest.queue(CONTROL).used().len(), 1);
        guest.pass(Duration::from_micros(random.below(30_000)));
    }
    assert!(!guest.card.needs_reset());
}
