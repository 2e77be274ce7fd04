use super::*;
use std::net::IpAddr;

fn from(address: &str, name: &str) -> Keys {
    let address: IpAddr = address.parse().unwrap();
    Keys::Unknown {
        name: name.into(),
        subscriber: Network::subscriber(address),
        site: Network::site(address),
    }
}

fn known(name: &str, device: u8) -> Keys {
    Keys::Known { name: name.into(), device: DeviceId([device; 16]) }
}

/// Ends an attempt and its turn.
fn end(queue: &mut AdmissionQueue, keys: &Keys, failed: bool, now: Instant) {
    queue.end_attempt(keys, failed, now);
    queue.end_turn();
}

/// Lets an attempt alone fail, or returns the refusal; one that would wait gives up, and is told how long.
fn fail(queue: &mut AdmissionQueue, keys: Keys, now: Instant) -> Option<Refusal> {
    let number = queue.arrive(keys, now);
    match queue.advance(now).pop() {
        Some((_, Verdict::Admitted(keys))) => {
            end(queue, &keys, true, now);
            None
        }
        Some((_, Verdict::Refused(refusal))) => Some(refusal),
        None => {
            let wake = queue.wake_at(number, now).unwrap();
            queue.leave(number);
            Some(Refusal::Wait(wake - now))
        }
    }
}

/// Numbers of the admitted attempts among the verdicts.
fn admitted(verdicts: &[(AttemptNumber, Verdict)]) -> Vec<AttemptNumber> {
    let admitted = verdicts.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Admitted(_)));
    admitted.map(|(number, _)| *number).collect()
}

#[test]
fn failures_of_a_name_are_slowed_down_from_any_address() {
    let (mut queue, now) = (AdmissionQueue::default(), Instant::now());
    for turn in 0..PERSON.places {
        assert_eq!(fail(&mut queue, from(&format!("192.0.{turn}.1"), "ada"), now), None);
    }
    let refusal = fail(&mut queue, from("198.51.100.1", "ada"), now);
    assert_eq!(refusal, Some(Refusal::Wait(PERSON.forget_every - LONGEST_WAIT / 2)));
    assert_eq!(fail(&mut queue, from("198.51.100.1", "eve"), now), None);
}

#[test]
fn failures_are_forgotten_one_by_one() {
    let (mut queue, mut now) = (AdmissionQueue::default(), Instant::now());
    for _ in 0..PERSON.places {
        fail(&mut queue, from("192.0.2.1", "ada"), now);
    }
    for _ in 0..3 {
        now += PERSON.forget_every;
        assert_eq!(fail(&mut queue, from("192.0.2.1", "ada"), now), None);
        assert!(fail(&mut queue, from("192.0.2.1", "ada"), now).is_some());
    }
}

#[test]
fn wider_networks_have_larger_budgets_and_no_free_keys() {
    for networks in [
        (0..=255).map(|host| format!("192.0.2.{host}")).collect::<Vec<_>>(),
        (0..1000).map(|net| format!("2001:db8:1:{net:x}::1")).collect(),
    ] {
        let (mut queue, now) = (AdmissionQueue::default(), Instant::now());
        let mut attempts = networks.iter().cycle().take(1000).enumerate();
        let tried = attempts
            .by_ref()
            .take_while(|(turn, address)| fail(&mut queue, from(address, &format!("n{turn}")), now).is_none())
            .count();
        assert_eq!(tried, SITE.places as usize);
        assert_eq!(fail(&mut queue, from("203.0.113.1", "ada"), now), None);
    }
}

#[test]
fn one_subscriber_is_slowed_down_across_names() {
    let (mut queue, now) = (AdmissionQueue::default(), Instant::now());
    for turn in 0..SUBSCRIBER.places {
        assert_eq!(fail(&mut queue, from("192.0.2.1", &format!("n{turn}")), now), None);
    }
    assert!(fail(&mut queue, from("192.0.2.1", "ada"), now).is_some());
    assert_eq!(fail(&mut queue, from("192.0.2.2", "ada"), now), None);
}

#[test]
fn few_are_admitted_at_once_and_right_ones_make_room_for_the_next() {
    let (mut queue, now) = (AdmissionQueue::default(), Instant::now());
    for _ in 0..30 {
        queue.arrive(from("192.0.2.1", "ada"), now);
    }
    let mut verdicts = queue.advance(now);
    let mut done = 0;
    while let Some((_, verdict)) = verdicts.pop() {
        assert!(queue.turns <= AT_ONCE);
        let Verdict::Admitted(keys) = verdict else { panic!("{verdict:?}") };
        end(&mut queue, &keys, false, now);
        done += 1;
        verdicts.extend(queue.advance(now));
    }
    assert_eq!(done, 30);
}

#[test]
fn a_stranger_s_turn_comes_between_those_of_a_crowd() {
    let (mut queue, now) = (AdmissionQueue::default(), Instant::now());
    for turn in 0..100 {
        queue.arrive(from("192.0.2.1", &format!("n{turn}")), now);
    }
    let first = queue.advance(now);
    let ada = queue.arrive(from("198.51.100.1", "ada"), now);
    let Some((_, Verdict::Admitted(keys))) = first.into_iter().next() else { panic!() };
    end(&mut queue, &keys, true, now);
    assert_eq!(admitted(&queue.advance(now)), [ada]);
}

#[test]
fn who_polls_first_does_not_hold_a_name_for_good() {
    let (mut queue, mut now) = (AdmissionQueue::default(), Instant::now());
    for _ in 0..PERSON.places {
        fail(&mut queue, from("192.0.2.1", "ada"), now);
    }
    // The guesser is back first each time, and ada comes when she is told to.
    let Some(Refusal::Wait(wait)) = fail(&mut queue, from("198.51.100.1", "ada"), now) else { panic!() };
    now += wait;
    queue.arrive(from("192.0.2.1", "ada"), now);
    let ada = queue.arrive(from("198.51.100.1", "ada"), now);
    assert_eq!(queue.advance(now), []);
    let free = queue.wake_at(ada, now).unwrap();
    assert_eq!(admitted(&queue.advance(free)), [ada]);
}

#[test]
fn a_known_browser_is_kept_out_by_nobody_and_limited_by_itself() {
    let (mut queue, now) = (AdmissionQueue::default(), Instant::now());
    for turn in 0..1000u32 {
        let address = IpAddr::from(((192 << 24) + turn * 256).to_be_bytes()).to_string();
        queue.arrive(from(&address, "ada"), now);
        queue.arrive(from(&address, &format!("n{turn}")), now);
    }
    let crowd = queue.advance(now);
    let Some((_, Verdict::Admitted(keys))) =
        crowd.into_iter().find(|(_, v)| matches!(v, Verdict::Admitted(_)))
    else {
        panic!()
    };
    let ada = queue.arrive(known("ada", 1), now);
    end(&mut queue, &keys, true, now);
    let verdicts = queue.advance(now);
    assert_eq!(admitted(&verdicts), [ada]);
    end(&mut queue, &known("ada", 1), true, now);

    let mut alone = AdmissionQueue::default();
    for _ in 0..PERSON.places {
        assert_eq!(fail(&mut alone, known("ada", 1), now), None);
    }
    assert!(fail(&mut alone, known("ada", 1), now).is_some());
    assert_eq!(fail(&mut alone, known("ada", 2), now), None);
    assert_eq!(fail(&mut alone, from("192.0.2.1", "ada"), now), None);
}

#[test]
fn known_browsers_and_strangers_take_turns() {
    let (mut queue, now) = (AdmissionQueue::default(), Instant::now());
    for turn in 0..10 {
        queue.arrive(known(&format!("n{turn}"), turn), now);
        queue.arrive(from("192.0.2.1", &format!("m{turn}")), now);
    }
    let both = queue.advance(now);
    assert_eq!(both.len(), AT_ONCE);
    let kinds: Vec<bool> =
        both.iter().map(|(_, verdict)| matches!(verdict, Verdict::Admitted(Keys::Known { .. }))).collect();
    assert_eq!(kinds, [true, false]);
}

#[test]
fn a_full_queue_refuses_those_who_fill_it() {
    let (mut queue, now) = (AdmissionQueue::default(), Instant::now());
    for turn in 0..10_000 {
        queue.arrive(from("192.0.2.1", &format!("n{turn}")), now);
        if turn % 100 == 0 {
            queue.advance(now);
        }
    }
    let ada = queue.arrive(from("198.51.100.1", "ada"), now);
    let verdicts = queue.advance(now);
    assert!(verdicts.iter().all(|(number, _)| *number != ada));
    assert!(queue.waiting.len() <= WAITING_UNKNOWN);
}

#[test]
fn nobody_waits_beyond_the_limit() {
    let (mut queue, now) = (AdmissionQueue::default(), Instant::now());
    let numbers: Vec<_> = (0..5).map(|_| queue.arrive(from("192.0.2.1", "ada"), now)).collect();
    assert_eq!(admitted(&queue.advance(now)), numbers[..AT_ONCE]);
    assert_eq!(queue.wake_at(numbers[4], now), Some(now + LONGEST_WAIT));
    let verdicts = queue.advance(now + LONGEST_WAIT);
    assert_eq!(verdicts.len(), 3);
    assert!(verdicts.iter().all(|(_, verdict)| *verdict == Verdict::Refused(Refusal::Busy)));
    assert_eq!(queue.wake_at(numbers[4], now), None);
}
