//! Screens of other sizes, and several of them, on this host's KVM.

use crate::support::{Desktop, Folder, HEIGHT, WIDTH, bench_guest, kvm_is_here, see, wait_until};
use oriel_display::Client;
use oriel_scenes::{Renderer, Scene};
use oriel_vmm_api::{Command, Outcome, ViewerMode};
use oriel_wire::{
    Button, ClientMessage, Hello, InputEvent, LayoutRequest, MonitorChange, MonitorConfig, Rect, Size,
};

fn desktop(cmdline: &str, screens: u8) -> Desktop {
    let folder = Folder::new();
    let mut config = folder.config(bench_guest(), cmdline);
    config.screens = screens;
    config.memory_mib = 128;
    Desktop::start_as(folder, &config)
}

fn viewer(desktop: &Desktop, screen: u8) -> Client {
    let stream = desktop.viewer_stream(ViewerMode::Interact);
    let hello = Hello { versions: vec![1], h264: false, screen, ..Hello::default() };
    Client::connect_with(stream, &hello).unwrap()
}

fn on(width: u32, height: u32) -> Option<MonitorChange> {
    Some(MonitorChange::On(MonitorConfig::of(Size::new(width, height))))
}

fn ask(client: &mut Client, wish: LayoutRequest) {
    client.send(&ClientMessage::LayoutRequest(wish)).unwrap();
}

/// Waits until the client sees the idle scene of this size, pixel for pixel.
fn sees_idle(client: &mut Client, width: u32, height: u32) {
    let mut pixels = vec![0; (width * height) as usize];
    Renderer::new(Scene::Idle, width, height).step(&mut pixels);
    let drawn: Vec<u8> = pixels.iter().flat_map(|pixel| pixel.to_le_bytes()).collect();
    see(client, |rgba| {
        let same = |(seen, drawn): (&[u8], &[u8])| [seen[2], seen[1], seen[0]] == drawn[..3];
        rgba.len() == drawn.len() && rgba.chunks_exact(4).zip(drawn.chunks_exact(4)).all(same)
    });
}

#[test]
fn the_guest_follows_a_viewers_window_and_the_picture_is_exact() {
    if !kvm_is_here() {
        return;
    }
    for cmdline in ["scene=idle", "scene=idle blob=1"] {
        let desktop = desktop(cmdline, 1);
        let mut client = viewer(&desktop, 0);
        sees_idle(&mut client, WIDTH, HEIGHT);
        // As a window's edge is dragged.
        for step in 0..40 {
            ask(&mut client, vec![on(WIDTH + 7 * step, HEIGHT + 3 * step)]);
        }
        sees_idle(&mut client, WIDTH + 7 * 39, HEIGHT + 3 * 39);
        for (width, height) in [(1920, 1080), (333, 321), (4096, 2160)] {
            ask(&mut client, vec![on(width, height)]);
            sees_idle(&mut client, width, height);
        }
        assert!(desktop.serial().matches("screen 0 ").count() <= 10, "{}", desktop.serial());
    }
}

#[test]
fn a_second_window_shows_a_second_screen_and_the_pointer_finds_every_corner() {
    if !kvm_is_here() {
        return;
    }
    let desktop = desktop("scene=echo screens=2", 4);
    let mut first = viewer(&desktop, 0);
    let mut second = viewer(&desktop, 1);
    ask(&mut second, vec![None, on(801, 603)]);
    let layout = [Rect::new(0, 0, WIDTH, HEIGHT), Rect::new(WIDTH, 0, 801, 603)];
    while second.screens().is_none_or(|screens| screens.screens[..2] != layout) {
        second.receive_any().unwrap();
    }
    assert_eq!(second.screens().unwrap().max, 4);
    for (client, n, width, height) in [(&mut first, 0, WIDTH, HEIGHT), (&mut second, 1, 801, 603)] {
        for (x, y) in [(0, 0), (width - 1, height - 1), (width / 3, height / 3), (1, height - 2)] {
            let fraction = |pixel: u32, side: u32| ((pixel * 65535 + (side - 1) / 2) / (side - 1)) as u16;
            let place = InputEvent::PointerTo { x: fraction(x, width), y: fraction(y, height) };
            client.send_input(place).unwrap();
            for down in [true, false] {
                client.send_input(InputEvent::Button { button: Button::Left, down }).unwrap();
            }
            let said = format!("at {x},{y} of screen {n}");
            wait_until(&said, || desktop.serial().contains(&said));
        }
    }
    drop(second);
    wait_until("the second screen goes off", || desktop.serial().contains("screen 1 off"));
}

#[test]
fn screens_are_set_from_outside() {
    if !kvm_is_here() {
        return;
    }
    let desktop = desktop("scene=idle screens=2", 2);
    assert_eq!(desktop.request(Command::Resize { screens: vec![(800, 600), (640, 480)] }), Outcome::Done);
    let (mut first, mut second) = (viewer(&desktop, 0), viewer(&desktop, 1));
    sees_idle(&mut first, 800, 600);
    sees_idle(&mut second, 640, 480);
    for screens in [vec![], vec![(800, 600); 3]] {
        let Outcome::Error(text) = desktop.request(Command::Resize { screens }) else {
            panic!("not refused")
        };
        assert!(text.contains("1 to 2 screens"), "{text}");
    }
}
