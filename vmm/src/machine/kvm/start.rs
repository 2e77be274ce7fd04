//! Start of a machine on KVM: from a configuration and opened host resources to a running guest.
//!
//! [`KvmMachine::start`] assembles memory, devices, agents and the state driver. Afterwards the
//! [`KvmMachine`] forwards requests to the state driver's thread and collects counters. This module opens no
//! host file.

use super::devices::{self, Devices};
use super::error::{MAX_CPUS, StartError};
use super::hardware::Hardware;
use super::state_driver::{FullDisks, StateDriver};
use super::vm_event::{VmEvent, VmRequest};
use crate::agents::Agents;
use crate::boot::{BootFiles, BootSource};
use crate::cpu::Exits;
use crate::events::Events;
use crate::guest_events::GuestEvents;
use crate::host::{self, Residency};
use crate::interrupts::{InterruptManager, KvmInterruptManager};
use crate::legacy::SerialLog;
use crate::machine::{Machine, Refused};
use crate::memory::{self, Backing};
use crate::vmgenid::VmGenId;
use oriel_display::{InputSink, Monitors};
use oriel_net::NetBackendConfig;
use oriel_virtio::{BalloonControl, DeviceCounters, GuestRam};
use oriel_vmm_api::sentence;
use oriel_vmm_api::{Accel, MachineConfig, MachineKind};
use oriel_wire::{MAX_SCREENS, Size};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};

/// Host resources of a machine on KVM. The supervisor opens them, because the jailed process cannot.
pub struct KvmResources {
    /// Descriptor of /dev/kvm, with the required capabilities checked.
    pub kvm: OwnedFd,
    /// Open kernel and initial RAM disk.
    pub boot: BootFiles,
    /// Number of reserved huge pages of 2 MiB that are free on the host; used in error messages only.
    pub large_pages_free: u64,
    /// Open image files of each disk, the uppermost layer first.
    pub disks: Vec<Vec<File>>,
    /// Backends of the network interfaces, in the order of the configuration.
    pub net_backends: Vec<NetBackendConfig>,
    /// Log files of the guest's serial console.
    pub serial_log: File,
    /// Reader of the kernel's memory statistics of this process.
    pub residency: Residency,
}

/// Machine whose guest executes on KVM. Its requests are served by the state driver's thread.
pub struct KvmMachine {
    /// Sender of events to the state driver.
    pub(super) vm_events: Mutex<Sender<VmEvent>>,
    monitors: Arc<Monitors>,
    agents: Agents,
    input: Arc<dyn InputSink>,
    ram: GuestRam,
    hardware: Arc<Hardware>,
    residency: Residency,
    counters: Arc<DeviceCounters>,
    balloon: BalloonControl,
    exits: Arc<Exits>,
}

impl KvmMachine {
    /// Starts the machine that `config` describes, with the opened `resources`. State changes are published
    /// in `events`.
    ///
    /// # Errors
    /// A [`StartError`] when the configuration is invalid, a resource is damaged, or the host refuses memory,
    /// threads or a virtual machine; then no part of the machine runs.
    pub fn start(
        config: &MachineConfig,
        resources: KvmResources,
        events: Arc<Events>,
    ) -> Result<Self, StartError> {
        let KvmResources { kvm, boot, large_pages_free, disks, net_backends, serial_log, residency } =
            resources;
        if config.cpus == 0 || config.cpus > MAX_CPUS {
            return Err(StartError::Cpus(config.cpus));
        }
        if !(1..=MAX_SCREENS).contains(&config.screens.into()) {
            return Err(StartError::Screens(config.screens));
        }
        let kvm = host::kvm(kvm);
        let boot = BootSource::new(&config.boot, boot)?;
        let generation = match &config.generation {
            Some(text) => VmGenId::parse(text)?,
            None => VmGenId::random()?,
        };
        let backing = Backing { huge_pages: config.huge_pages, share: config.share_pages, large_pages_free };
        let ram = memory::allocate(config.memory_mib, backing)?;
        let monitors = Monitors::new(config.screens.into(), Size::new(config.width, config.height));
        let log = SerialLog::new(serial_log);
        let (agents, ports) = Agents::of(config).map_err(StartError::Host)?;
        agents.follow(&monitors);
        let (vm_events, messages) = mpsc::channel();
        let Devices { devices, input, balloon, counters } =
            devices::make(config, disks, net_backends, &monitors, &log, &vm_events, ports)?;
        let wake = vm_events.clone();
        let guest_events = Arc::new(GuestEvents::new(move || drop(wake.send(VmEvent::GuestEvent))));
        let interrupts = Arc::new(KvmInterruptManager::default());
        let interrupt_manager: Arc<dyn InterruptManager> = interrupts.clone();
        let hardware = Arc::new(
            Hardware::new(devices, &ram, &interrupt_manager, &guest_events, log).map_err(StartError::Host)?,
        );
        crate::machine::report_screen_size(&monitors, &events);
        let exits = Arc::new(Exits::new(config.cpus));
        let mut driver = StateDriver {
            kvm,
            cpus: config.cpus,
            ram: ram.clone(),
            boot,
            interrupts,
            hardware: hardware.clone(),
            guest_events,
            events,
            generation,
            exits: exits.clone(),
            vm: None,
            full_disks: FullDisks::default(),
        };
        driver.prepare()?;
        std::thread::Builder::new()
            .name("machine".into())
            .spawn(move || driver.run(&messages))
            .map_err(StartError::Host)?;
        Ok(Self {
            vm_events: Mutex::new(vm_events),
            monitors,
            agents,
            input,
            ram,
            hardware,
            residency,
            counters,
            balloon,
            exits,
        })
    }

    /// Sends `request` to the state driver and waits for its result.
    fn request(&self, request: VmRequest) -> Result<(), Refused> {
        let (answer, answered) = mpsc::channel();
        self.vm_events.lock().send(VmEvent::Request(request, answer)).map_err(|_| Refused::gone())?;
        answered.recv().map_err(|_| Refused::gone())?
    }
}

impl Machine for KvmMachine {
    fn kind(&self) -> MachineKind {
        MachineKind::Kvm
    }

    fn accel(&self) -> Accel {
        Accel::Kvm
    }

    fn pause(&self) -> Result<(), Refused> {
        self.request(VmRequest::Pause)
    }

    fn resume(&self) -> Result<(), Refused> {
        self.request(VmRequest::Resume)
    }

    fn reset(&self) -> Result<(), Refused> {
        self.request(VmRequest::Reset)
    }

    fn press_power(&self) -> Result<(), Refused> {
        self.request(VmRequest::PressPower)
    }

    fn stop(&self) -> Result<(), Refused> {
        self.request(VmRequest::Stop)
    }

    fn monitors(&self) -> &Arc<Monitors> {
        &self.monitors
    }

    fn balloon(&self, target_mib: u32) -> Result<(), Refused> {
        self.balloon.set_target(target_mib).map_err(|error| Refused(sentence(error)))
    }

    fn input(&self) -> Arc<dyn InputSink> {
        self.input.clone()
    }

    fn agents(&self) -> &Agents {
        &self.agents
    }

    fn counters(&self) -> BTreeMap<String, u64> {
        let mut counters = self.monitors.counters();
        counters.extend(self.counters.snapshot().map(|(name, value)| (name.to_owned(), value)));
        counters.insert("agent_refused_messages".into(), self.agents.refused_messages());
        let (ports, memory) = self.hardware.unclaimed();
        counters.insert("unclaimed_port_accesses".into(), ports);
        counters.insert("unclaimed_memory_accesses".into(), memory);
        counters.extend(self.balloon.figures().into_iter().map(|(name, mib)| (name.to_owned(), mib)));
        counters.extend(self.exits.figures());
        counters.extend(self.residency.figures(&memory::host_ranges(&self.ram)));
        counters
    }
}
