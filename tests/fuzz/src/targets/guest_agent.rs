//! qemu-guest-agent: responses of a hostile agent. The first byte chooses the command, the others are all
//! that the agent sends.

use oriel_agents::port;
use oriel_agents::qga::{GuestAgent, ShutdownMode};
use std::io::Write;
use std::net::Shutdown as End;
use std::time::Duration;

/// Runs the target with one input.
pub fn run(bytes: &[u8]) {
    let Some((question, answers)) = bytes.split_first() else { return };
    let Ok((end, mut guest, open_state)) = port::pair() else { return };
    open_state.set_open(true);
    // The socket's buffer holds any input, and the end of the stream follows, so no call waits.
    if guest.write_all(answers).is_err() || guest.shutdown(End::Write).is_err() {
        return;
    }
    let agent = GuestAgent::new(end);
    match question % 8 {
        0 => drop(agent.ping()),
        1 => drop(agent.info()),
        2 => drop(agent.shut_down(ShutdownMode::Reboot)),
        3 => drop(agent.is_frozen()),
        4 => drop(agent.thaw()),
        5 => drop(agent.freeze(Duration::from_secs(3600)).map(|_| agent.thaw())),
        _ => {
            if let Ok(facts) = agent.facts() {
                let text = format!("{facts:?}");
                assert!(text.len() < 1 << 20, "facts of {} bytes", text.len());
            }
        }
    }
}
