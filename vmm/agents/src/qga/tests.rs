use super::*;
use crate::port::{PortOpenState, pair};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};

/// An agent that responds to every command as `behave` says; `None` gives no response. The receiver
/// gets the commands.
fn agent(
    behave: impl Fn(&str, &mut UnixStream) -> Option<Value> + Send + 'static,
) -> (GuestAgent, PortOpenState, Receiver<String>) {
    let (end, machine, open_state) = pair().unwrap();
    machine.set_nonblocking(false).unwrap();
    let (sender, commands) = channel();
    std::thread::spawn(move || serve(machine, &behave, &sender));
    open_state.set_open(true);
    (GuestAgent::new(end), open_state, commands)
}

fn serve(
    mut stream: UnixStream,
    behave: &dyn Fn(&str, &mut UnixStream) -> Option<Value>,
    commands: &Sender<String>,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).unwrap_or(0) > 0 {
        let begun = line.iter().rposition(|byte| *byte == 0xFF).map_or(0, |at| at + 1);
        let request: Value = serde_json::from_slice(&line[begun..]).unwrap();
        line.clear();
        let command = request["execute"].as_str().unwrap();
        if command == "guest-sync-delimited" {
            let answer = json!({ "return": request["arguments"]["id"] });
            stream.write_all(&[&[0xFF], format!("{answer}\n").as_bytes()].concat()).unwrap();
            continue;
        }
        let _ = commands.send(request.to_string());
        if let Some(answer) = behave(command, &mut stream) {
            stream.write_all(format!("{answer}\n").as_bytes()).unwrap();
        }
    }
}

fn error(text: &str) -> Value {
    json!({ "error": { "class": "GenericError", "desc": text } })
}

#[test]
fn leftovers_of_all_kinds_are_not_taken_for_responses() {
    let (end, mut machine, open_state) = pair().unwrap();
    machine.write_all(b"{\"return\": 1}\n\xFFnoise\n\xFF{\"return\": 77}\n").unwrap();
    machine.write_all(&vec![b'x'; 100_000]).unwrap();
    machine.set_nonblocking(false).unwrap();
    let (sender, _commands) = channel();
    std::thread::spawn(move || serve(machine, &|_, _| Some(json!({ "return": "thawed" })), &sender));
    open_state.set_open(true);
    let agent = GuestAgent::new(end);
    assert_eq!(agent.is_frozen(), Ok(false));
}

#[test]
fn without_an_agent_every_command_fails_at_once() {
    let (end, _machine, _open_state) = pair().unwrap();
    let agent = GuestAgent::new(end);
    assert!(!agent.is_connected());
    assert_eq!(agent.facts(), Err(QgaError::NotConnected));
    assert_eq!(agent.freeze(Duration::from_secs(1)), Err(QgaError::NotConnected));
    assert_eq!(agent.shut_down(ShutdownMode::PowerDown), Err(QgaError::NotConnected));
}

#[test]
fn errors_are_quoted_and_only_a_shutdown_needs_no_response() {
    let (agent, ..) = agent(|command, _| (command != "guest-shutdown").then(|| error("No.\u{1b}[31m")));
    assert_eq!(agent.ping(), Err(QgaError::CommandFailed("No.[31m".into())));
    assert_eq!(agent.shut_down(ShutdownMode::PowerDown), Ok(()));
}

#[test]
fn an_agent_that_disconnects_during_a_command_is_not_waited_for() {
    let (agent, open_state, commands) = agent(|_, _| None);
    let ping = std::thread::spawn(move || agent.ping());
    commands.recv().unwrap();
    open_state.set_open(false);
    assert_eq!(ping.join().unwrap(), Err(QgaError::Disconnected));
}

#[test]
fn responses_without_end_are_cut_off() {
    let (agent, ..) = agent(|_, stream| {
        let _ = stream.write_all(&vec![b'x'; 600 * 1024]);
        None
    });
    assert_eq!(agent.ping(), Err(QgaError::InvalidResponse));
}

#[test]
fn a_frozen_guest_is_thawed_when_the_time_is_over() {
    let (agent, _open_state, commands) = agent(|_, _| Some(json!({ "return": 2 })));
    assert_eq!(agent.freeze(Duration::from_millis(50)), Ok(2));
    assert!(commands.recv().unwrap().contains("freeze-freeze"));
    assert!(commands.recv().unwrap().contains("freeze-thaw"), "by the timer");
    assert_eq!(agent.freeze(Duration::from_secs(1000)), Ok(2));
    assert_eq!(agent.thaw(), Ok(2));
    // The next freeze is not ended by the schedule for the one before.
    assert_eq!(agent.freeze(Duration::from_secs(1000)), Ok(2));
    let all: Vec<String> = commands.try_iter().collect();
    assert_eq!(all.iter().filter(|command| command.contains("thaw")).count(), 1);
}

#[test]
fn a_freeze_that_may_have_worked_is_undone() {
    let (agent, _open_state, commands) = agent(|command, _| {
        Some(if command.ends_with("freeze") { json!("what?") } else { json!({ "return": 1 }) })
    });
    assert_eq!(agent.freeze(Duration::from_secs(1000)), Err(QgaError::InvalidResponse));
    assert!(commands.recv().unwrap().contains("freeze-freeze"));
    assert!(commands.recv().unwrap().contains("freeze-thaw"));
}

#[test]
fn facts_are_bounded_and_missing_ones_are_left_out() {
    let (agent, ..) = agent(|command, _| {
        Some(match command {
            "guest-get-osinfo" => {
                json!({ "return": { "pretty-name": "x".repeat(5000), "kernel-release": 7 } })
            }
            "guest-get-host-name" => error("unknown command"),
            "guest-network-get-interfaces" => {
                let address = json!({ "ip-address": "::1", "prefix": 128, "ip-address-type": "ipv6" });
                let card = json!({ "name": "lo\n", "ip-addresses": vec![address; 70] });
                let mut cards = vec![json!({ "name": "eth0" }); 100];
                cards[0] = card;
                json!({ "return": cards })
            }
            _ => {
                json!({ "return": [{ "mountpoint": "/", "type": "ext4", "used-bytes": 5, "total-bytes": 9, "disk": [] }] })
            }
        })
    });
    let facts = agent.facts().unwrap();
    assert_eq!(
        (facts.operating_system, facts.host_name),
        (None, None),
        "a field of the wrong type spoils its answer"
    );
    assert_eq!(facts.interfaces.len(), 64);
    assert_eq!((facts.interfaces[0].name.as_str(), facts.interfaces[0].addresses.len()), ("lo", 64));
    assert_eq!(facts.file_systems[0].total_bytes, Some(9));
}
