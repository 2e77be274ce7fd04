//! qemu-guest-agent: everything that a guest may answer to what it is asked. The bytes are all that it
//! ever says; a first byte chooses the question.

use oriel_agents::port;
use oriel_agents::qga::{GuestAgent, ShutdownMode};
use std::io::Write;
use std::net::Shutdown as End;
use std::time::Duration;

pub fn run(bytes: &[u8]) {
    let Some((question, answers)) = bytes.split_first() else { return };
    let Ok((end, mut guest, open_state)) = port::pair() else { return };
    open_state.set_open(true);
    // The socket takes all that libFuzzer makes; after it nothing comes, so nobody waits.
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
