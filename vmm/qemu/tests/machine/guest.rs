//! Bench guest under QEMU: its picture, and the effect of keys and pointer motions.

use crate::bench::{Bench, bench_guest, lit};
use oriel_display::PixelSource;
use oriel_display::input::InputId;
use oriel_display::screen::Pointer;
use oriel_wire::{Button, InputEvent, Size};
use std::fs;

const SIZE: Size = Size::new(800, 600);

/// Pixels that change when the echo scene's square does, at least.
const SQUARE: usize = 10_000;

/// Reads every pixel of the picture.
fn snapshot(source: &dyn PixelSource) -> Vec<u8> {
    let Size { width, height } = source.size();
    let mut pixels = vec![0; width as usize * height as usize * 4];
    for (row, y) in pixels.chunks_exact_mut(width as usize * 4).zip(0..) {
        source.read_row(0, y, row).unwrap();
    }
    pixels
}

/// Sends `event`, and waits until the square of the echo scene changes its colour.
fn flips(bench: &Bench, what: &str, seq: u32, event: InputEvent) {
    let source = bench.picture(SIZE);
    let before = snapshot(source.as_ref());
    bench.machine.input().input(event, InputId { viewer: 1, seq });
    bench.wait(what, |_| {
        let now = snapshot(source.as_ref());
        let changed = before.chunks_exact(4).zip(now.chunks_exact(4)).filter(|(old, new)| old != new).count();
        (changed > SQUARE).then_some(())
    });
}

#[test]
fn a_guest_draws_and_answers_keys_and_buttons() {
    let bench = Bench::start(bench_guest(), "scene=echo size=800x600");
    let source = bench.picture(SIZE);
    bench.wait("a drawn picture", |_| (lit(source.as_ref()) > 1000).then_some(()));
    flips(&bench, "a key", 1, InputEvent::Key { code: 30, down: true });
    bench.machine.input().input(InputEvent::Key { code: 30, down: false }, InputId { viewer: 1, seq: 2 });
    flips(&bench, "a button", 3, InputEvent::Button { button: Button::Left, down: true });
    assert_eq!(bench.machine.counters()["inputs_refused"], 0);
}

#[test]
fn pointers_move_the_guests_pointer() {
    let bench = Bench::start(bench_guest(), "scene=echo size=800x600");
    bench.wait("the guest's pointer", |bench| {
        matches!(bench.screen.showing().pointer, Pointer::Shown(_)).then_some(())
    });
    let input = bench.machine.input();
    let arrives = |what: &str, seq: u32, event: InputEvent, place: (u32, u32)| {
        input.input(event, InputId { viewer: 1, seq });
        bench.wait(what, |bench| (bench.screen.showing().pointer_at == place).then_some(()));
    };
    arrives("the corner", 1, InputEvent::PointerTo { x: 65535, y: 65535 }, (799, 599));
    arrives("the other corner", 2, InputEvent::PointerTo { x: 0, y: 0 }, (0, 0));
    arrives("a step", 3, InputEvent::PointerBy { dx: 30, dy: 20 }, (30, 20));
}

#[test]
fn every_key_of_a_real_keyboard_arrives_as_itself() {
    let bench = Bench::start(bench_guest(), "scene=echo size=800x600");
    let log = |bench: &Bench| fs::read_to_string(bench.folder.0.join("serial.log")).unwrap_or_default();
    bench.wait("the guest", |bench| log(bench).contains("ready").then_some(()));
    let input = bench.machine.input();
    // What QEMU 7.2 passes on (it knows no F13 to F24): KEY_ESC to KEY_KPDOT, 102ND, F11, F12, RO,
    // HIRAGANA to MUHENKAN, KPENTER to RIGHTALT, HOME to DELETE, MUTE to KPEQUAL, PAUSE, KPCOMMA to
    // COMPOSE, MENU, CALC, and the media keys.
    let keys = (1..=83)
        .chain([86, 87, 88, 89, 91, 92, 93, 94, 96, 97, 98, 99, 100])
        .chain(102..=111)
        .chain([113, 114, 115, 116, 117, 119, 121, 122, 123, 124, 125, 126, 127, 139, 140])
        .chain([142, 143, 155, 156, 157, 158, 159, 163, 164, 165, 166, 172, 173]);
    for (code, seq) in keys.zip(1..) {
        input.input(InputEvent::Key { code, down: true }, InputId { viewer: 1, seq });
        input.input(InputEvent::Key { code, down: false }, InputId { viewer: 1, seq });
        bench.wait(&format!("the release of key {code}"), |bench| {
            log(bench).contains(&format!("key {code} down=0")).then_some(())
        });
    }
}
