//! Prints what encoding scenes of a 1920x1080 desktop costs: milliseconds and bytes per frame.

#![allow(clippy::unwrap_used)]

#[path = "../tests/support/mod.rs"]
mod support;

use oriel_wire::{Rect, Size};
use std::time::Duration;
use support::{Guest, connect, moving, text};

const SIZE: Size = Size::new(1920, 1080);

fn scene(name: &str, video_only: bool, frames: u32, draw: impl Fn(&Guest, u32)) {
    let guest = Guest::new(SIZE);
    guest.draw(SIZE.bounds(), text(0));
    let (mut client, _serving) = connect(&guest.screen, true, video_only);
    let first = client.next_frame().unwrap();
    let mut all = Vec::new();
    for step in 1..=frames {
        draw(&guest, step);
        let frame = client.next_frame().unwrap();
        all.push((frame.header.encode_us, frame.bytes, frame.updates[2]));
    }
    // The first ten frames are how the policy gets there.
    let mut settled = all[10..].to_vec();
    settled.sort_unstable();
    let (us, bytes, _) = settled[settled.len() / 2];
    let video = settled.iter().filter(|frame| frame.2 > 0).count() * 100 / settled.len();
    println!(
        "{name:<24} first {:>6.2} ms {:>7} B   median {:>6.2} ms {bytes:>7} B   {video}% with video",
        f64::from(first.header.encode_us) / 1000.0,
        first.bytes,
        f64::from(us) / 1000.0,
    );
    std::thread::sleep(Duration::from_millis(100));
}

fn main() {
    for video_only in [false, true] {
        println!("{}", if video_only { "everything as video" } else { "exact and video" });
        scene("typing", video_only, 60, |guest, n| {
            guest.draw(Rect::new(30 + n * 9, 300, 9, 16), |x, y| (x * y * 7 + n) % 5 * 0x30_30_30);
        });
        scene("one pixel", video_only, 60, |guest, n| guest.draw(Rect::new(900, 500, 1, 1), |_, _| n));
        scene("scrolling text", video_only, 60, |guest, n| guest.draw(SIZE.bounds(), text(n * 7)));
        scene("video 640x360", video_only, 60, |guest, n| {
            guest.draw(Rect::new(320, 256, 640, 360), moving(n));
        });
        scene("full motion", video_only, 40, |guest, n| guest.draw(SIZE.bounds(), moving(n)));
        scene("noise", video_only, 30, |guest, n| {
            guest.draw(SIZE.bounds(), |x, y| {
                let z = (x + n * 77).wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA6B);
                (z ^ z >> 15).wrapping_mul(0x2C1B_3C6D) >> 8
            });
        });
    }
}
