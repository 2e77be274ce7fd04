//! The bench guest on this host's KVM, from outside: picture, input, power.

use crate::support::{Desktop, Folder, HEIGHT, WIDTH, bench_guest, kvm_is_here, press, see, wait_until};
use oriel_display::Client;
use oriel_scenes::{Renderer, Scene};
use oriel_vmm_api::client::ClientError;
use oriel_vmm_api::control::Outcome;
use oriel_vmm_api::{Command, Event, ExitReason, MachineConfig, RunState};
use std::process::Command as Process;

const KEY_A: u16 = 30;
const KEY_B: u16 = 48;

/// What the guest is to draw, drawn here.
struct Expected {
    renderer: Renderer,
    pixels: Vec<u32>,
}

impl Expected {
    fn echo() -> Self {
        let mut renderer = Renderer::new(Scene::Echo, WIDTH, HEIGHT);
        let mut pixels = vec![0; (WIDTH * HEIGHT) as usize];
        renderer.step(&mut pixels);
        Self { renderer, pixels }
    }

    fn press(&mut self, code: u16) {
        for down in [true, false] {
            self.renderer.key(&mut self.pixels, code, down);
        }
        self.renderer.describe(&mut self.pixels, (WIDTH / 2, HEIGHT / 2));
    }

    fn is(&self, rgba: &[u8]) -> bool {
        let same = |(seen, drawn): (&[u8], &u32)| {
            let [blue, green, red, _] = drawn.to_le_bytes();
            seen[..3] == [red, green, blue]
        };
        rgba.len() == self.pixels.len() * 4 && rgba.chunks_exact(4).zip(&self.pixels).all(same)
    }

    fn is_seen_by(&self, client: &mut Client) {
        see(client, |rgba| self.is(rgba));
    }
}

#[test]
fn a_viewer_sees_what_the_guest_draws_and_a_key_changes_it() {
    if !kvm_is_here() {
        return;
    }
    for cmdline in ["scene=echo", "scene=echo blob=1"] {
        let desktop = Desktop::start(cmdline);
        let mut viewer = desktop.viewer();
        let mut expected = Expected::echo();
        expected.is_seen_by(&mut viewer);
        press(&mut viewer, KEY_A);
        expected.press(KEY_A);
        expected.is_seen_by(&mut viewer);
        let mut second = desktop.viewer();
        expected.is_seen_by(&mut second);
    }
}

#[test]
fn a_reset_starts_the_guest_anew_under_its_viewer() {
    if !kvm_is_here() {
        return;
    }
    let folder = Folder::new();
    let mut config = folder.config(bench_guest(), "scene=echo");
    config.cpus = 3;
    let desktop = Desktop::start_as(folder, &config);
    let mut viewer = desktop.viewer();
    let mut expected = Expected::echo();
    press(&mut viewer, KEY_A);
    expected.press(KEY_A);
    expected.is_seen_by(&mut viewer);
    assert_eq!(desktop.request(Command::Reset), Outcome::Done);
    desktop.wait_for_ready(2);
    Expected::echo().is_seen_by(&mut viewer);
    let mut expected = Expected::echo();
    press(&mut viewer, KEY_B);
    expected.press(KEY_B);
    expected.is_seen_by(&mut viewer);
}

#[test]
fn a_paused_guest_does_nothing_and_goes_on_where_it_was() {
    if !kvm_is_here() {
        return;
    }
    let desktop = Desktop::start("scene=echo");
    let mut viewer = desktop.viewer();
    let mut expected = Expected::echo();
    expected.is_seen_by(&mut viewer);
    let mut control = desktop.control();
    assert_eq!(control.request(Command::Pause).unwrap(), Outcome::Done);
    let refused = |outcome| matches!(outcome, Err(ClientError::Refused(_)));
    assert!(refused(control.request(Command::Pause)), "it is paused already");
    assert!(refused(control.request(Command::PressPower)), "nobody would notice");
    let paused = control.describe().unwrap();
    assert_eq!(paused.state, RunState::Paused);
    assert_eq!(paused.screen, Some((WIDTH, HEIGHT)));
    assert_eq!(paused.viewers, 1);
    let seen = desktop.serial();
    press(&mut viewer, KEY_A);
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(desktop.serial(), seen, "a paused guest does not answer");
    assert_eq!(control.request(Command::Resume).unwrap(), Outcome::Done);
    expected.press(KEY_A);
    expected.is_seen_by(&mut viewer);
}

#[test]
fn stopping_answers_tells_everyone_and_leaves_nothing() {
    if !kvm_is_here() {
        return;
    }
    let mut desktop = Desktop::start("scene=echo");
    let mut watcher = desktop.control();
    assert_eq!(watcher.request(Command::Watch).unwrap(), Outcome::Done);
    let mut viewer = desktop.viewer();
    Expected::echo().is_seen_by(&mut viewer);
    assert_eq!(desktop.request(Command::Stop), Outcome::Done);
    let last = loop {
        match watcher.next_event().unwrap().unwrap_or_else(|| panic!("no last event")) {
            Event::Ended { reason, .. } => break reason,
            Event::State { .. } | Event::Screen { .. } => {}
        }
    };
    assert_eq!(last, ExitReason::Stopped);
    let ended = loop {
        if let Err(error) = viewer.next_frame() {
            break error;
        }
    };
    assert!(ended.to_string().contains("stopped"), "the viewer is told why: {ended}");
    assert!(desktop.ended().success());
    assert_eq!(desktop.folder.exit_report().reason, ExitReason::Stopped);
    assert!(!desktop.folder.path("socket").exists());
}

#[test]
fn a_termination_signal_is_a_stop() {
    if !kvm_is_here() {
        return;
    }
    let mut desktop = Desktop::start("scene=idle");
    let pid = desktop.process.id().to_string();
    assert!(Process::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(desktop.ended().success());
    assert_eq!(desktop.folder.exit_report().reason, ExitReason::Stopped);
    assert!(!desktop.folder.path("socket").exists());
}

#[test]
fn a_termination_signal_asks_the_guest_first_where_it_has_time_for_a_shutdown() {
    if !kvm_is_here() {
        return;
    }
    let folder = Folder::new();
    // Longer than any test: only the second signal can be what ends it.
    let config = MachineConfig { stop_grace_s: 3600, ..folder.config(bench_guest(), "scene=idle") };
    let mut desktop = Desktop::start_as(folder, &config);
    let pid = desktop.process.id().to_string();
    let terminate = || assert!(Process::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    terminate();
    wait_until("the guest was requested to shut down", || {
        let Outcome::Description(facts) = desktop.request(Command::Describe) else { return false };
        facts.state == RunState::Stopping
    });
    assert!(desktop.process.try_wait().unwrap().is_none());
    terminate();
    assert!(desktop.ended().success());
    assert_eq!(desktop.folder.exit_report().reason, ExitReason::Stopped);
}
