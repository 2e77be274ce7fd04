//! qemu-guest-agent against the client, with the packaged daemon.

use crate::rig::{Folder, Program, connected_port, installed, wait_until};
use oriel_agents::qga::{GuestAgent, QgaError};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

/// Starts the packaged agent. Commands that would change the machine of the test are blocked.
fn agent(folder: &Folder) -> (Program, GuestAgent) {
    let socket = folder.path("port");
    let program = Program::start(
        Command::new("/usr/sbin/qemu-ga")
            .args(["-m", "unix-listen", "-p"])
            .arg(&socket)
            .arg("-t")
            .arg(folder.path(""))
            .arg("-f")
            .arg(folder.path("pid"))
            .args(["-b", "guest-shutdown,guest-fsfreeze-freeze,guest-suspend-ram,guest-set-time"]),
    );
    wait_until("the agent listens", || UnixStream::connect(&socket).is_ok());
    // It serves one connection at a time, and the one that was just tried is over.
    let port = connected_port(UnixStream::connect(&socket).unwrap());
    let agent = GuestAgent::new(port);
    wait_until("the agent is connected", || agent.is_connected());
    (program, agent)
}

#[test]
fn the_packaged_agent_tells_facts_and_refuses_what_it_may_not() {
    if !installed(&["qemu-ga"]) {
        return;
    }
    let folder = Folder::new();
    let (mut program, agent) = agent(&folder);
    wait_until("the agent answers", || agent.ping().is_ok());

    let (version, commands) = agent.info().unwrap();
    assert!(version.contains('.'), "{version}");
    assert!(commands.iter().any(|command| command == "guest-get-osinfo"), "{commands:?}");
    assert!(!commands.iter().any(|command| command == "guest-shutdown"), "blocked ones are left out");

    let facts = agent.facts().unwrap();
    let release = std::fs::read_to_string("/etc/os-release").unwrap();
    let system = facts.operating_system.unwrap();
    assert!(release.contains(&system), "{system}");
    assert_eq!(
        facts.host_name,
        Some(std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().into())
    );
    let loopback = facts.interfaces.iter().find(|interface| interface.name == "lo").unwrap();
    assert!(loopback.addresses.contains(&"127.0.0.1/8".to_owned()), "{loopback:?}");

    assert!(!agent.is_frozen().unwrap());
    let refused = agent.freeze(Duration::from_secs(5)).unwrap_err();
    assert!(matches!(&refused, QgaError::CommandFailed(text) if !text.is_empty()), "{refused:?}");
    let refused = agent.shut_down(oriel_agents::qga::ShutdownMode::PowerDown).unwrap_err();
    assert!(matches!(refused, QgaError::CommandFailed(_)), "{refused:?}");
    agent.ping().unwrap();

    program.0.kill().unwrap();
    wait_until("the agent is gone", || !agent.is_connected());
    assert_eq!(agent.ping(), Err(QgaError::NotConnected));
}
