//! Start, power states and end of a machine under QEMU.

use crate::bench::{Bench, Folder, config, lit};
use oriel_qemu::{CommandError, GuestPort};
use oriel_vmm_api::{ExitReason, RunState};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

fn firmware() -> Bench {
    Bench::start(PathBuf::new(), "")
}

#[test]
fn firmware_shows_its_text() {
    let bench = firmware();
    let source = bench.wait("text on the screen", |bench| {
        bench.screen.showing().source.filter(|source| lit(source.as_ref()) > 500)
    });
    assert!(source.size().width >= 640 && source.size().height >= 400, "{:?}", source.size());
    assert!(bench.machine.qemu_version().contains('.'));
    assert!(bench.machine.counters()["updates"] > 0);
}

#[test]
fn pause_resume_and_reset_are_seen() {
    let bench = firmware();
    bench.wait_for_state(RunState::Running);
    bench.machine.pause().unwrap();
    bench.wait_for_state(RunState::Paused);
    bench.machine.resume().unwrap();
    bench.wait_for_state(RunState::Running);
    bench.machine.reset().unwrap();
    bench.wait("the reset", |bench| (bench.machine.counters()["resets"] > 0).then_some(()));
    assert_eq!(bench.machine.state(), RunState::Running);
}

#[test]
fn a_balloon_leaves_the_guest_something() {
    let bench = firmware();
    let error = bench.machine.balloon(u32::MAX).unwrap_err();
    assert!(matches!(error, CommandError::BalloonTooLarge { requested: u32::MAX, .. }), "{error}");
    // Firmware has no driver for it; QEMU knows the device and takes the wish.
    bench.machine.balloon(1).unwrap();
    assert_eq!(bench.machine.counters()["balloon_mib"], 0, "what was not given is not told");
}

#[test]
fn the_power_button_is_pressed_and_stop_pulls_the_plug() {
    let bench = firmware();
    bench.machine.press_power().unwrap();
    bench.wait_for_state(RunState::Stopping);
    bench.machine.stop();
    assert_eq!(bench.wait_for_end().0, ExitReason::Stopped);
    assert!(bench.machine.pause().is_err());
    // Ended once, and dark.
    assert!(bench.events.recv_timeout(Duration::from_millis(50)).is_err());
    bench.wait("the dark", |bench| bench.screen.size().is_none().then_some(()));
}

#[test]
fn ports_are_closed_when_the_machine_ends() {
    let folder = Folder::new();
    let config = config(&folder, PathBuf::new(), "");
    let (sender, receiver) = channel();
    let ports = ["com.example.one", "com.example.two"].map(|name| {
        let (_ours, stream) = UnixStream::pair().unwrap();
        let sender = sender.clone();
        GuestPort { name, stream, on_open: Box::new(move |open| sender.send((name, open)).unwrap()) }
    });
    let bench = Bench::start_with_ports(folder, &config, ports.into()).unwrap();
    bench.wait_for_state(RunState::Running);
    bench.machine.stop();
    bench.wait_for_end();
    assert_eq!(
        receiver.try_iter().collect::<Vec<_>>(),
        [("com.example.one", false), ("com.example.two", false)]
    );
}

#[test]
fn a_killed_qemu_is_noticed_and_named() {
    let bench = firmware();
    bench.wait_for_state(RunState::Running);
    let pid = bench.machine.qemu_pid().to_string();
    assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    let (reason, text) = bench.wait_for_end();
    assert_eq!(reason, ExitReason::Crashed);
    assert!(text.contains("killed"), "{text}");
}

#[test]
fn dropping_the_machine_leaves_no_process_behind() {
    let bench = firmware();
    let process = PathBuf::from(format!("/proc/{}", bench.machine.qemu_pid()));
    assert!(process.exists());
    drop(bench);
    assert!(!process.exists());
}

/// Not a test of its own: the process that the next one kills.
#[test]
#[ignore = "started by qemu_dies_with_the_process_that_started_it"]
fn a_process_with_a_machine() {
    let bench = firmware();
    println!("QEMU is {} here", bench.machine.qemu_pid());
    std::thread::sleep(Duration::from_secs(600));
}

#[test]
fn qemu_dies_with_the_process_that_started_it() {
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "power::a_process_with_a_machine", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(parent.stdout.take().unwrap());
    let pid = said
        .lines()
        .map_while(Result::ok)
        .find_map(|line| Some(line.split_once("QEMU is ")?.1.split(' ').next()?.to_owned()))
        .expect("the other process told no QEMU");
    let process = PathBuf::from(format!("/proc/{pid}"));
    assert!(process.exists());
    parent.kill().unwrap();
    parent.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    // The one that nobody waits for any more may be left as a zombie where process 1 reaps none.
    let lives = || fs::read_to_string(process.join("stat")).is_ok_and(|stat| !stat.contains(") Z "));
    while lives() {
        assert!(Instant::now() < deadline, "QEMU outlives its parent");
        std::thread::sleep(Duration::from_millis(10));
    }
}
