//! What a viewer of the scenes relies on.

extern crate std;

use alloc::vec;
use alloc::vec::Vec;
use std::collections::HashSet;

use crate::{Damage, ECHO_COLOURS, Rect, Renderer, Scene, echo_square};

const SIZES: [(u32, u32); 4] = [(320, 320), (640, 480), (1280, 720), (1333, 999)];

fn blank(width: u32, height: u32) -> Vec<u32> {
    vec![0; (width * height) as usize]
}

fn picture_at(scene: Scene, width: u32, height: u32, step: u64) -> Vec<u32> {
    let mut pixels = blank(width, height);
    Renderer::at_step(scene, width, height, step).step(&mut pixels);
    pixels
}

/// The pixels that differ, and that no rectangle covers.
fn uncovered(before: &[u32], after: &[u32], width: u32, damage: &Damage) -> usize {
    let pairs = before.iter().zip(after).enumerate();
    pairs
        .filter(|(index, (a, b))| {
            let (x, y) = ((index % width as usize) as i32, (index / width as usize) as i32);
            a != b && !damage.iter().any(|rect| rect.contains(x, y))
        })
        .count()
}

#[test]
fn names_round_trip() {
    for scene in Scene::ALL {
        assert_eq!(Scene::parse(scene.name()), Some(scene));
        assert!(crate::SCENE_NAMES.contains(scene.name()));
    }
    assert_eq!(Scene::parse("Idle"), None);
    assert_eq!(Scene::parse(""), None);
}

#[test]
fn the_step_that_is_shown_is_the_one_that_was_drawn_last() {
    let (width, height) = SIZES[0];
    let mut renderer = Renderer::at_step(Scene::Motion, width, height, 7);
    let mut pixels = blank(width, height);
    for step in 7..10 {
        renderer.step(&mut pixels);
        assert_eq!(renderer.shown_step(), step);
        assert!(pixels == picture_at(Scene::Motion, width, height, step));
    }
}

#[test]
fn damage_covers_every_change_and_stays_on_the_screen() {
    for scene in Scene::ALL {
        for (width, height) in SIZES {
            let screen = Rect::new(0, 0, width as i32, height as i32);
            let mut renderer = Renderer::new(scene, width, height);
            let mut pixels = blank(width, height);
            assert_eq!(&*renderer.step(&mut pixels), &[screen], "{scene:?} at first");
            for step in 1..40 {
                let before = pixels.clone();
                let damage = renderer.step(&mut pixels);
                for rect in damage.iter() {
                    assert!(!rect.is_empty() && rect.intersection(&screen) == *rect, "{scene:?} {rect:?}");
                }
                let missed = uncovered(&before, &pixels, width, &damage);
                assert_eq!(missed, 0, "{scene:?} {width}x{height} step {step}");
            }
        }
    }
}

#[test]
fn step_by_step_is_the_same_as_at_once() {
    for scene in Scene::ALL {
        for (width, height) in SIZES {
            let mut renderer = Renderer::new(scene, width, height);
            let mut pixels = blank(width, height);
            for _ in 0..=150 {
                renderer.step(&mut pixels);
            }
            assert!(pixels == picture_at(scene, width, height, 150), "{scene:?} {width}x{height}");
        }
    }
}

/// A page that is full, and a text or document that begins again.
#[test]
fn long_runs_stay_right() {
    let (width, height) = (640, 480);
    for (scene, starts) in [(Scene::Typing, [1290, 21_000]), (Scene::Scroll, [2200, 9050])] {
        for start in starts {
            let mut renderer = Renderer::at_step(scene, width, height, start);
            let mut pixels = blank(width, height);
            for step in start..start + 400 {
                let before = pixels.clone();
                let damage = renderer.step(&mut pixels);
                assert_eq!(uncovered(&before, &pixels, width, &damage), 0, "{scene:?} step {step}");
            }
            assert!(pixels == picture_at(scene, width, height, start + 399), "{scene:?} from {start}");
        }
    }
}

#[test]
fn every_moving_scene_moves_and_is_opaque() {
    for scene in Scene::ALL {
        let first = picture_at(scene, 1280, 720, 0);
        let later = picture_at(scene, 1280, 720, 1);
        assert_eq!(first != later, scene.steps_per_second().is_some(), "{scene:?}");
        assert!(first.iter().all(|pixel| pixel >> 24 == 0xff), "{scene:?}");
    }
}

#[test]
fn a_page_looks_like_a_photographed_desktop() {
    let colours: HashSet<u32> = picture_at(Scene::Idle, 1280, 720, 0).into_iter().collect();
    assert!(colours.len() > 5_000, "only {} colours", colours.len());
}

/// The frames are compared from outside, so they may not change unnoticed.
#[test]
fn pictures_are_the_known_ones() {
    let fingerprint = |scene, step| {
        picture_at(scene, 1280, 720, step).iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, pixel| {
            (hash ^ u64::from(*pixel)).wrapping_mul(0x100_0000_01b3)
        })
    };
    let found: Vec<_> = Scene::ALL.iter().map(|scene| (scene.name(), fingerprint(*scene, 100))).collect();
    let known = [
        ("idle", 0x5d7365635fa15149),
        ("typing", 0x02265e3f074b10a5),
        ("scroll", 0x2070fac868dbba85),
        ("drag", 0xf102f55049042c6a),
        ("video", 0x31194d2f11c8c7b5),
        ("call", 0x2850_5972_694b_1626),
        ("motion", 0x0fe27bbc40489c6b),
        ("echo", 0xd21ffdb056ea1dde),
    ];
    assert_eq!(found, known);
}

#[test]
fn echo_answers_each_press_once() {
    let (width, height) = (1280, 720);
    let square = echo_square(width, height);
    assert!(square.width >= 128 && square.height >= 128);
    let middle = (square.y as u32 + 5) as usize * width as usize + square.x as usize + 5;
    let mut pixels = blank(width, height);
    let mut renderer = Renderer::new(Scene::Echo, width, height);
    renderer.step(&mut pixels);
    assert_eq!(pixels[middle], ECHO_COLOURS[0]);

    let before = pixels.clone();
    let damage = renderer.key(&mut pixels, 30, true);
    assert_eq!(&*damage, &[square]);
    assert_eq!(uncovered(&before, &pixels, width, &damage), 0);
    assert_eq!(pixels[middle], ECHO_COLOURS[1]);

    assert!(renderer.key(&mut pixels, 30, false).is_empty());
    assert_eq!(pixels[middle], ECHO_COLOURS[1]);
    renderer.key(&mut pixels, 0x110, true);
    assert_eq!(pixels[middle], ECHO_COLOURS[0]);
}

#[test]
fn echo_tells_what_was_typed_and_where_the_pointer_is() {
    let (width, height) = (1280, 720);
    let run = |keys: &[(u16, bool)], pointer| {
        let mut pixels = blank(width, height);
        let mut renderer = Renderer::new(Scene::Echo, width, height);
        renderer.step(&mut pixels);
        for &(code, down) in keys {
            renderer.key(&mut pixels, code, down);
        }
        let before = pixels.clone();
        let damage = renderer.describe(&mut pixels, pointer);
        assert_eq!(uncovered(&before, &pixels, width, &damage), 0);
        pixels
    };
    let a = run(&[(30, true)], (5, 5));
    assert!(a == run(&[(30, true), (30, false)], (5, 5)), "a release types nothing");
    assert!(a != run(&[(48, true)], (5, 5)), "b is not a");
    assert!(a != run(&[(30, true)], (6, 5)), "the pointer is told");
    let long: Vec<_> = core::iter::repeat_n((30, true), 500).collect();
    run(&long, (width - 1, height - 1));
}

#[test]
fn other_scenes_ignore_keys() {
    let mut pixels = blank(640, 480);
    let mut renderer = Renderer::new(Scene::Idle, 640, 480);
    renderer.step(&mut pixels);
    let before = pixels.clone();
    assert!(renderer.key(&mut pixels, 30, true).is_empty());
    assert!(renderer.describe(&mut pixels, (1, 1)).is_empty());
    assert!(pixels == before);
}
