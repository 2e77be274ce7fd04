//! The `oriel` program as people type it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

pub fn oriel(state: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_oriel"))
        .arg("--state-dir")
        .arg(state)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that fails early reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

pub fn ok(state: &Path, arguments: &[&str], input: &str) -> String {
    let output = oriel(state, arguments, input);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub fn refused(state: &Path, arguments: &[&str], input: &str) -> String {
    let output = oriel(state, arguments, input);
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_bench_desktop_is_set_up_in_three_commands() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let kernel = dir.path().join("guest.elf");
    crate::fixture::write_kernel(&kernel);
    let kernel = kernel.to_str().unwrap();
    ok(
        &state,
        &["image", "add", "bench", "--kernel", kernel, "--runs-at", "user", "--cmdline", "scene=echo"],
        "",
    );
    ok(&state, &["pool", "add", "bench", "--image", "bench", "--cpus", "1", "--memory", "256"], "");
    let password = ok(&state, &["user", "add", "Ada", "--admin", "--pool", "bench", "--generate"], "");
    assert_eq!(password.trim().len(), 19);
    assert_eq!(ok(&state, &["user", "list"], ""), "ada (administrator)\n");
    let pools = ok(&state, &["pool", "list"], "");
    assert_eq!(pools, "bench: image bench, 1 processors, 256 MiB, machine auto; users: ada\n");
    let images = ok(&state, &["image", "list"], "");
    assert!(
        images.starts_with("bench: version 1, imported ") && images.ends_with(", 0 desktops on it\n"),
        "{images}"
    );
}

#[test]
fn people_come_and_go() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path();
    ok(state, &["user", "add", "ada", "--password-stdin"], "correct horse\n");
    assert!(refused(state, &["user", "add", "ADA", "--generate"], "").contains("already a user named ada"));
    assert!(refused(state, &["user", "add", "eve", "--password-stdin"], "short\n").contains("8 characters"));
    assert!(
        refused(state, &["user", "add", "eve", "--pool", "none", "--generate"], "").contains("no pool none")
    );
    assert!(refused(state, &["user", "passwd", "eve", "--generate"], "").contains("no user named eve"));
    ok(state, &["user", "passwd", "ada", "--password-stdin"], "battery staple\n");
    ok(state, &["user", "remove", "ada"], "");
    assert_eq!(ok(state, &["user", "list"], ""), "");
}

#[test]
fn every_wrong_turn_is_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path();
    let config = dir.path().join("oriel.toml");
    std::fs::write(&config, "[desktops]\nstop_grace = 1\n").unwrap();
    let config = config.to_str().unwrap();
    for (arguments, says) in [
        (vec!["pool", "add", "p", "--image", "none"], "There is no image none"),
        (vec!["pool", "entitle", "none", "ada"], "no user named ada"),
        (vec!["image", "add", "x", "--kernel", "/nowhere"], "/nowhere"),
        (vec!["image", "import", "x"], "needs a disk or a kernel"),
        (vec!["image", "import", "X", "--kernel", config], "lower-case letters"),
        (vec!["image", "import", "x", "--kernel", config], "is no kernel"),
        (vec!["image", "remove", "none"], "There is no image none"),
        (vec!["image", "verify", "none"], "There is no image none"),
        (vec!["pool", "set", "none", "--cpus", "1"], "There is no pool none"),
        (vec!["pool", "show", "none"], "There is no pool none"),
        (vec!["pool", "add", "p", "--image", "none", "--cpus", "0"], "1 to 64 processors"),
        (vec!["pool", "add", "p", "--image", "none", "--egress", "any/sctp"], "any/sctp"),
        (vec!["image", "build", "no-such-recipe", "--from", "/nowhere"], "There is no recipe"),
        (vec!["--config", config, "serve"], "line 2: there is no key `stop_grace` in [desktops]"),
        (vec!["--config", "/nowhere/oriel.toml", "serve"], "/nowhere/oriel.toml cannot be read"),
        (vec!["user", "add", "ada"], "--generate"),
    ] {
        let text = refused(state, &arguments, "");
        assert!(text.starts_with("oriel: ") && text.contains(says), "{arguments:?}: {text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

#[test]
fn the_printed_configuration_can_be_used_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let printed = ok(dir.path(), &["config", "print"], "");
    let config = dir.path().join("oriel.toml");
    std::fs::write(&config, printed).unwrap();
    ok(dir.path(), &["--config", config.to_str().unwrap(), "user", "list"], "");
}

#[test]
fn the_doctor_tells_people_and_programs() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("oriel.toml");
    std::fs::write(&config, "listen = \"127.0.0.1:0\"\nvmm = \"/nowhere/oriel-vmm\"\n").unwrap();
    let arguments = ["--config", config.to_str().unwrap(), "doctor", "--json"];
    let output = oriel(&dir.path().join("state"), &arguments, "");
    assert!(!output.status.success());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let finding = |check: &str| {
        let all = report["findings"].as_array().unwrap();
        all.iter().find(|finding| finding["check"] == check).unwrap_or_else(|| panic!("{check}")).clone()
    };
    assert_eq!(finding("oriel-vmm")["verdict"], "fail");
    assert_eq!(finding("state")["verdict"], "ok");
    assert_eq!(finding("port")["verdict"], "ok");
    let users = oriel(&dir.path().join("state"), &arguments[..3], "");
    let text = String::from_utf8(users.stdout).unwrap();
    assert!(text.starts_with("fail  oriel-vmm "), "{text}");
}
