//! Several viewers of one screen: one encode for those who keep pace, and no waiting for others.

mod support;

use oriel_display::{Client, Monitors};
use oriel_wire::{ClientMessage, Rect, Size};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use support::{Guest, connect_at, moving, settle, text};

const SIZE: Size = Size::new(640, 480);

struct House {
    guest: Arc<Guest>,
    monitors: Arc<Monitors>,
}

impl House {
    fn new() -> Self {
        let guest = Guest::new(SIZE);
        guest.draw(SIZE.bounds(), text(0));
        let monitors = Monitors::single(Arc::clone(&guest.screen));
        Self { guest, monitors }
    }

    fn visit(&self) -> Client {
        connect_at(&self.monitors)
    }

    /// Draws a small change, and gives how many rows were read until all clients show it.
    fn rows_for_a_change(&self, clients: &mut [&mut Client], nth: u32) -> usize {
        let before = self.guest.reads.load(Ordering::Relaxed);
        self.guest.draw(Rect::new(nth % 600, 40, 30, 20), |_, _| nth * 7919);
        for client in clients {
            settle(client, &self.guest);
        }
        self.guest.reads.load(Ordering::Relaxed) - before
    }

    /// Draws small changes until one of them is read just once for all clients.
    fn until_shared(&self, clients: &mut [&mut Client]) {
        let began = Instant::now();
        for nth in 0.. {
            if self.rows_for_a_change(clients, nth) <= SIZE.height as usize {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "the viewers never share");
        }
    }
}

#[test]
fn viewers_who_keep_pace_share_one_encode() {
    let house = House::new();
    let (mut one, mut other) = (house.visit(), house.visit());
    settle(&mut one, &house.guest);
    settle(&mut other, &house.guest);
    house.until_shared(&mut [&mut one, &mut other]);

    for phase in 0..40 {
        house.guest.draw(Rect::new(64, 64, 400, 300), moving(phase));
        one.next_frame().unwrap();
        other.next_frame().unwrap();
    }
    settle(&mut one, &house.guest);
    settle(&mut other, &house.guest);

    let mut third = house.visit();
    settle(&mut third, &house.guest);
    house.until_shared(&mut [&mut one, &mut other, &mut third]);
    drop((one, third));
    for nth in 0..20 {
        house.rows_for_a_change(&mut [&mut other], nth);
    }
}

#[test]
fn who_comes_into_the_middle_of_motion_sees_what_the_others_see() {
    let house = House::new();
    let (mut one, mut other) = (house.visit(), house.visit());
    settle(&mut one, &house.guest);
    settle(&mut other, &house.guest);
    house.until_shared(&mut [&mut one, &mut other]);
    let mut late = None;
    for phase in 0..90 {
        house.guest.draw(Rect::new(0, 0, 576, 384), moving(phase));
        one.next_frame().unwrap();
        other.next_frame().unwrap();
        if phase == 30 {
            late = Some(house.visit());
        }
        if let Some(late) = &mut late {
            late.next_frame().unwrap();
        }
    }
    let mut late = late.unwrap();
    for client in [&mut one, &mut other, &mut late] {
        settle(client, &house.guest);
    }
}

#[test]
fn nobody_waits_for_a_client_that_takes_nothing() {
    let house = House::new();
    let (mut fast, mut slow) = (house.visit(), house.visit());
    settle(&mut fast, &house.guest);
    settle(&mut slow, &house.guest);
    house.until_shared(&mut [&mut fast, &mut slow]);
    // The slow one neither reads nor acknowledges from here on.
    for nth in 0..30 {
        house.rows_for_a_change(&mut [&mut fast], nth);
    }
    house.guest.draw(SIZE.bounds(), text(7));
    settle(&mut fast, &house.guest);
    settle(&mut slow, &house.guest);
}

#[test]
fn what_one_asks_for_itself_does_not_trouble_others() {
    let house = House::new();
    let (mut one, mut other) = (house.visit(), house.visit());
    settle(&mut one, &house.guest);
    settle(&mut other, &house.guest);
    house.until_shared(&mut [&mut one, &mut other]);
    one.send(&ClientMessage::Refresh).unwrap();
    loop {
        if one.next_frame().unwrap().header.whole {
            break;
        }
    }
    settle(&mut one, &house.guest);
    for nth in 0..5 {
        house.guest.draw(Rect::new(nth * 50, 200, 20, 20), |_, _| 0x00ff_0000);
        assert!(!other.next_frame().unwrap().header.whole);
        settle(&mut other, &house.guest);
    }
}
