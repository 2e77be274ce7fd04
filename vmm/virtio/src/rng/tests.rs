use super::*;
use crate::queue::test_driver::{TestDriver, XorShift, activation, ram};

fn setup() -> (Rng, TestDriver, Arc<DeviceCounters>) {
    let memory = ram(2);
    let driver = TestDriver::new(&memory, 0x10_0000, 8);
    let counters = Arc::new(DeviceCounters::default());
    let mut rng = Rng::new(counters.clone());
    rng.activate(activation(&memory, &[&driver], rng.features()).0).unwrap();
    (rng, driver, counters)
}

#[test]
fn buffers_are_filled_with_something_else_each_time() {
    let (mut rng, mut driver, _) = setup();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let sent = driver.send(&[], &[300, 212]);
        rng.queue_notified(0);
        assert_eq!(driver.used(), [(sent.head, 512)]);
        seen.push(driver.written(&sent));
    }
    assert!(seen[0] != seen[1] && seen[1] != seen[2]);
    assert_ne!(seen[0][..64], [0xAA; 64]);
    assert_ne!(seen[0][448..], [0xAA; 64]);
}

#[test]
fn greed_is_bounded_and_nonsense_refused() {
    let (mut rng, mut driver, counters) = setup();
    let greedy = driver.send(&[], &[100_000]);
    let nonsense = driver.send(&[b"give"], &[]);
    rng.queue_notified(0);
    assert_eq!(driver.used(), [(greedy.head, 65536), (nonsense.head, 0)]);
    assert_eq!(counters.malformed_chains.get(), 1);
}

#[test]
fn garbage_is_always_returned() {
    let (mut rng, mut driver, _) = setup();
    let mut random = XorShift(0xA076_1D64_78BD_642F);
    for _ in 0..2000 {
        driver.send_garbage(&mut random);
        rng.queue_notified(0);
        assert_eq!(driver.used().len(), 1);
    }
}
