//! Public interface of a running QEMU machine: start, control commands, state and counters.

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

/// Time that QEMU has to write out its disks and exit before it is killed.
const QUIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Running machine under QEMU. Dropping the value kills the process.
pub struct QemuMachine {
    started: Started,
    memory_mib: u32,
    largest_balloon_mib: u32,
}

impl QemuMachine {
    /// Starts QEMU for `config` and runs the guest; blocks until QEMU has started, usually well under a
    /// second.
    ///
    /// Pictures appear on the screens of `monitors`, which are closed when the machine ends; sound uses their
    /// audio device. The guest receives the monitor layout that `monitors` requests. Programs in the guest
    /// find `ports` by name. Output of the serial line is written to `serial_log`.
    ///
    /// # Errors
    /// A [`StartError`], one plain sentence; no process is left.
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

    /// Takes the receiver of the machine's events: every change of state from the start on, and at last
    /// [`Event::Ended`]. `None` from the second call on. Changes of a screen's size go to
    /// [`oriel_display::Screen::on_size`].
    pub fn take_events(&self) -> Option<Receiver<Event>> {
        self.started.events.lock().take()
    }

    /// Returns the sink for the viewers' input events.
    pub fn input(&self) -> Arc<dyn InputSink> {
        Arc::clone(&self.started.input) as Arc<dyn InputSink>
    }

    /// Pauses the virtual processors.
    ///
    /// # Errors
    /// QEMU has ended or does not answer.
    pub fn pause(&self) -> Result<(), CommandError> {
        self.command(&Command::Stop)?;
        self.started.tracker.record_pause_request();
        Ok(())
    }

    /// Resumes the virtual processors. A machine that waits for disk space tries its write again at once.
    ///
    /// # Errors
    /// QEMU has ended or does not answer.
    pub fn resume(&self) -> Result<(), CommandError> {
        self.started.tracker.abandon_wait();
        self.command(&Command::Cont)
    }

    /// Resets the machine at once, as a reset button does.
    ///
    /// # Errors
    /// QEMU has ended or does not answer.
    pub fn reset(&self) -> Result<(), CommandError> {
        self.command(&Command::SystemReset)
    }

    /// Presses the ACPI power button; the guest decides when it shuts down.
    ///
    /// # Errors
    /// QEMU has ended or does not answer.
    pub fn press_power(&self) -> Result<(), CommandError> {
        self.command(&Command::SystemPowerdown)
    }

    /// Sets the balloon's target to `target_mib` MiB, memory that the guest returns to the host.
    ///
    /// # Errors
    /// [`CommandError::BalloonTooLarge`] when the rest is too little for a guest or pages are reserved;
    /// otherwise QEMU has ended or does not answer.
    pub fn balloon(&self, target_mib: u32) -> Result<(), CommandError> {
        let largest = self.largest_balloon_mib;
        if target_mib > largest {
            return Err(CommandError::BalloonTooLarge { requested: target_mib, largest });
        }
        let left = u64::from(self.memory_mib.saturating_sub(target_mib));
        self.command(&Command::Balloon { value: left << 20 })
    }

    /// Ends the machine without a guest shutdown, and waits for the end: QEMU gets five seconds to close the
    /// disks, then it is killed.
    pub fn stop(&self) {
        self.started.tracker.record_stop_request();
        self.started.qmp.execute_then(&Command::Quit, drop);
        if self.started.process.wait(QUIT_TIMEOUT).is_none() {
            self.started.process.kill();
            self.started.process.wait(QUIT_TIMEOUT);
        }
    }

    /// Accelerator that executes guest code.
    pub fn accel(&self) -> Accel {
        self.started.accel
    }

    /// Version of QEMU, e.g. `7.2.22`.
    pub fn qemu_version(&self) -> &str {
        &self.started.version
    }

    /// Process identifier of QEMU.
    pub fn qemu_pid(&self) -> u32 {
        self.started.process.id()
    }

    /// Current state of the machine.
    pub fn state(&self) -> RunState {
        self.started.tracker.state()
    }

    /// Current counters by name.
    pub fn counters(&self) -> BTreeMap<String, u64> {
        self.started.counters.by_name()
    }

    /// Executes a QMP command and drops the returned value.
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
