//! Tests of the state driver: pauses for full disks of the host, requested pauses, and resets.

use super::vm_event::VmEvent;
use super::{KvmMachine, KvmResources};
use crate::boot::BootFiles;
use crate::boot::tests::pvh_elf;
use crate::events::Events;
use crate::host::Residency;
use crate::machine::Machine;
use oriel_virtio::block::DiskFullEvent::{NoSpace, Resolved};
use oriel_vmm_api::test_support::machine_config;
use oriel_vmm_api::{Event, PauseReason, RunState};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// Machine whose guest executes an endless loop, with the receiver of its events.
struct Idle {
    machine: KvmMachine,
    published: Receiver<Event>,
    folder: PathBuf,
}

impl Drop for Idle {
    fn drop(&mut self) {
        let _ = self.machine.stop();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Starts the machine and waits until it runs; `None` on a host without /dev/kvm.
fn idle(name: &str) -> Option<Idle> {
    if !std::path::Path::new("/dev/kvm").exists() {
        println!("skipped: this host has no /dev/kvm");
        return None;
    }
    let folder = std::env::temp_dir().join(format!("oriel-kvm-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let kernel = folder.join("kernel");
    // A jump to itself.
    std::fs::write(&kernel, pvh_elf(0x20_0000, [0xEB, 0xFE, 0xEB, 0xFE])).unwrap();
    let config = machine_config(&folder, kernel);
    let events = Arc::new(Events::default());
    let published = events.listen();
    let resources = KvmResources {
        kvm: crate::host::open_kvm().unwrap(),
        boot: BootFiles::open(&config.boot).unwrap(),
        large_pages_free: 0,
        disks: Vec::new(),
        net_backends: Vec::new(),
        serial_log: std::fs::File::create(&config.serial_log).unwrap(),
        residency: Residency::open().unwrap(),
    };
    let machine = KvmMachine::start(&config, resources, events).unwrap();
    let idle = Idle { machine, published, folder };
    idle.becomes(RunState::Running, None);
    Some(idle)
}

impl Idle {
    /// Sends the state driver an event of the disk with the index `disk`.
    fn disk(&self, disk: usize, event: oriel_virtio::block::DiskFullEvent) {
        self.machine.vm_events.lock().send(VmEvent::DiskFull(disk, event)).unwrap();
    }

    /// Asserts that the next event of the machine is the change to `state`.
    fn becomes(&self, state: RunState, reason: Option<PauseReason>) {
        let event = self.published.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!(event, Event::State { state, reason });
    }
}

const DISK_FULL: Option<PauseReason> = Some(PauseReason::DiskFull);

#[test]
fn a_full_disk_pauses_the_machine_until_there_is_room() {
    let Some(idle) = idle("room") else { return };
    idle.disk(0, NoSpace);
    idle.becomes(RunState::Paused, DISK_FULL);
    // Further reports of full disks do not change the state.
    [1, 0, 1].into_iter().for_each(|disk| idle.disk(disk, NoSpace));
    idle.disk(0, Resolved);
    idle.disk(1, Resolved);
    idle.becomes(RunState::Running, None);
    // A shutdown in progress continues after the pause.
    idle.machine.press_power().unwrap();
    idle.becomes(RunState::Stopping, None);
    idle.disk(0, NoSpace);
    idle.becomes(RunState::Paused, DISK_FULL);
    idle.disk(0, Resolved);
    idle.becomes(RunState::Stopping, None);
}

#[test]
fn a_user_may_resume_it_and_it_is_paused_again_if_nothing_changed() {
    let Some(idle) = idle("resume") else { return };
    idle.disk(0, NoSpace);
    idle.becomes(RunState::Paused, DISK_FULL);
    idle.machine.resume().unwrap();
    idle.becomes(RunState::Running, None);
    idle.disk(0, NoSpace);
    idle.becomes(RunState::Paused, DISK_FULL);
    idle.machine.reset().unwrap();
    idle.becomes(RunState::Running, None);
}

#[test]
fn a_user_who_paused_it_decides_when_it_goes_on() {
    let Some(idle) = idle("pause") else { return };
    idle.disk(0, NoSpace);
    idle.becomes(RunState::Paused, DISK_FULL);
    idle.machine.pause().unwrap();
    idle.becomes(RunState::Paused, None);
    assert!(idle.machine.pause().is_err(), "it is paused already");
    idle.disk(0, Resolved);
    idle.machine.resume().unwrap();
    idle.becomes(RunState::Running, None);
    idle.machine.pause().unwrap();
    idle.becomes(RunState::Paused, None);
    idle.disk(0, NoSpace);
    idle.disk(0, Resolved);
    idle.machine.resume().unwrap();
    idle.becomes(RunState::Running, None);
}
