//! `oriel-vmm run`: one desktop from its configuration to its last words.

use crate::control::{self, ControlSocket, Desktop};
use crate::events::Events;
use crate::last_words::{self, sentence};
use crate::machine::Machine;
use crate::machine::kvm::KvmMachine;
use crate::machine::qemu::Qemu;
use crate::signals;
use oriel_vmm_api::{EndReason, LastWords, MachineConfig, MachineKind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long those who watch may take to hear of the end.
const FAREWELL: Duration = Duration::from_secs(1);

/// Reads the configuration at `path`.
///
/// # Errors
/// One plain sentence.
pub fn read_config(path: &Path) -> Result<MachineConfig, String> {
    let text = std::fs::read(path)
        .map_err(|error| format!("The configuration {} cannot be read: {error}.", path.display()))?;
    serde_json::from_slice(&text)
        .map_err(|error| format!("The configuration {} is not valid: {error}.", path.display()))
}

/// Runs the desktop until it ends. To be called before any thread is started.
///
/// # Errors
/// One plain sentence, when it did not start or ended badly. Its last words say the same.
pub fn run(config: MachineConfig) -> Result<(), String> {
    signals::block();
    last_words::abort_on_panic(&config);
    // Those of an earlier life would mislead.
    let _ = std::fs::remove_file(&config.last_words);
    let file = config.last_words.clone();
    let words = live(config)
        .unwrap_or_else(|text| LastWords { reason: EndReason::FailedToStart, text: sentence(&text) });
    tracing::info!(reason = ?words.reason, "{}", words.text);
    if let Err(error) = last_words::write(&file, &words) {
        tracing::error!(%error, "the last words cannot be written");
    }
    match words.reason {
        EndReason::GuestPowerOff | EndReason::Stopped => Ok(()),
        EndReason::FailedToStart | EndReason::Crashed => Err(words.text),
    }
}

fn live(config: MachineConfig) -> Result<LastWords, String> {
    let socket = ControlSocket::bind(&config.socket).map_err(|error| error.to_string())?;
    let events = Arc::new(Events::default());
    let machine = start(&config, &events)?;
    let desk = machine.desk().clone();
    signals::on_termination({
        let machine = machine.clone();
        move || drop(machine.stop())
    })
    .map_err(|error| error.to_string())?;
    tracing::info!(id = config.id, "started");
    let desktop = Desktop::new(machine, events.clone(), config);
    let listener = socket.listener().map_err(|error| error.to_string())?;
    control::serve(listener, desktop.clone()).map_err(|error| error.to_string())?;
    let words = events.wait_for_end();
    desk.close(&words.text);
    desktop.farewell(FAREWELL);
    Ok(words)
}

fn start(config: &MachineConfig, events: &Arc<Events>) -> Result<Arc<dyn Machine>, String> {
    match config.machine {
        MachineKind::Kvm => match KvmMachine::start(config, events.clone()) {
            Ok(machine) => Ok(Arc::new(machine)),
            Err(error) => Err(error.to_string()),
        },
        MachineKind::Qemu => match Qemu::start(config, events.clone()) {
            Ok(machine) => Ok(Arc::new(machine)),
            Err(error) => Err(error.to_string()),
        },
    }
}
