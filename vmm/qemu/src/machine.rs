//! One desktop's machine, as the rest of Oriel sees it.

use crate::error::{CommandError, StartError};
use crate::ports::GuestPort;
use crate::qmp::Command;
use crate::resources::QemuResources;
use crate::start::{Started, start};
use crate::validate::MIN_MEMORY_MIB;
use oriel_display::{InputSink, Monitors};
use oriel_vmm_api::{Accel, Event, HugePages, MachineConfig, RunState};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// How long QEMU may take to write out its disks and end before it is killed.
const QUIT_TIMEOUT: Duration = Duration::from_secs(5);

/// A running QEMU. Dropping it ends the process.
pub struct QemuMachine {
    started: Started,
    memory_mib: u32,
    largest_balloon_mib: u32,
}

impl QemuMachine {
    /// Starts QEMU for `config` and lets the guest run. Its pictures appear on the screens of `monitors`,
    /// which are closed when the machine ends, and its sound goes to their audio device; the guest is asked for the layout that `monitors` requests. Blocks for as long as QEMU takes to get going, usually well
    /// under a second.
    ///
    /// The guest finds `ports` by their names; what it says on its serial line goes to `serial_log`.
    ///
    /// # Errors
    /// One plain sentence; nothing is left running.
    pub fn start(
        config: &MachineConfig,
        resources: QemuResources,
        serial_log: impl Write + Send + 'static,
        monitors: Arc<Monitors>,
        ports: Vec<GuestPort>,
    ) -> Result<Self, StartError> {
        let started = start(config, resources, serial_log, &monitors, ports)?;
        let memory_mib = config.memory_mib;
        // Reserved pages are never given back.
        let largest_balloon_mib = match config.huge_pages {
            HugePages::Reserved => 0,
            HugePages::Advise | HugePages::Never => memory_mib.saturating_sub(MIN_MEMORY_MIB),
        };
        Ok(Self { started, memory_mib, largest_balloon_mib })
    }

    /// Every change of state from the start on, and as the last event [`Event::Ended`]. There is one
    /// receiver; the second call gets `None`. ([`oriel_display::Screen::on_size`] tells of the screen's size.)
    pub fn take_events(&self) -> Option<Receiver<Event>> {
        self.started.events.lock().take()
    }

    /// Where the viewers' keys and movements go.
    pub fn input(&self) -> Arc<dyn InputSink> {
        Arc::clone(&self.started.input) as Arc<dyn InputSink>
    }

    /// Stops the processors.
    ///
    /// # Errors
    /// QEMU has ended or does not answer.
    pub fn pause(&self) -> Result<(), CommandError> {
        self.command(&Command::Stop)
    }

    /// Lets the processors go on.
    ///
    /// # Errors
    /// QEMU has ended or does not answer.
    pub fn resume(&self) -> Result<(), CommandError> {
        self.command(&Command::Cont)
    }

    /// Resets at once, as the button on the case does.
    ///
    /// # Errors
    /// QEMU has ended or does not answer.
    pub fn reset(&self) -> Result<(), CommandError> {
        self.command(&Command::SystemReset)
    }

    /// Presses the power button: the guest shuts down in its own time.
    ///
    /// # Errors
    /// QEMU has ended or does not answer.
    pub fn press_power(&self) -> Result<(), CommandError> {
        self.command(&Command::SystemPowerdown)
    }

    /// Asks the guest to leave `target_mib` MiB of its memory to the host.
    ///
    /// # Errors
    /// The guest could not live on the rest, or QEMU has ended or does not answer.
    pub fn balloon(&self, target_mib: u32) -> Result<(), CommandError> {
        let largest = self.largest_balloon_mib;
        if target_mib > largest {
            return Err(CommandError::BalloonTooLarge { requested: target_mib, largest });
        }
        let left = u64::from(self.memory_mib.saturating_sub(target_mib));
        self.command(&Command::Balloon { value: left << 20 })
    }

    /// Ends the machine as pulling the plug does, and waits for it: QEMU gets
    /// five seconds to close the disks, then it is killed.
    pub fn stop(&self) {
        self.started.tracker.record_stop_request();
        self.started.qmp.execute_then(&Command::Quit, drop);
        if self.started.process.wait(QUIT_TIMEOUT).is_none() {
            self.started.process.kill();
            self.started.process.wait(QUIT_TIMEOUT);
        }
    }

    /// What executes guest code.
    pub fn accel(&self) -> Accel {
        self.started.accel
    }

    /// QEMU's version, e.g. `7.2.22`.
    pub fn qemu_version(&self) -> &str {
        &self.started.version
    }

    /// QEMU's process number.
    pub fn qemu_pid(&self) -> u32 {
        self.started.process.id()
    }

    /// What the machine is doing.
    pub fn state(&self) -> RunState {
        self.started.tracker.state()
    }

    /// Counters by name.
    pub fn counters(&self) -> BTreeMap<String, u64> {
        self.started.counters.by_name()
    }

    fn command(&self, command: &Command) -> Result<(), CommandError> {
        self.started.qmp.execute(command).map(drop)
    }
}

impl Drop for QemuMachine {
    fn drop(&mut self) {
        self.started.tracker.record_stop_request();
        self.started.process.kill();
        self.started.process.wait(QUIT_TIMEOUT);
    }
}
