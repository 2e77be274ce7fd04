//! Creation of the virtio devices that a configuration describes, in the order of their PCI slots.
//!
//! The devices are connected to the screens, the serial log, the network backends and the agents here. Their
//! PCI transport is [`super::Hardware`]'s and [`crate::virtio_pci`]'s.

use super::disk_devices;
use super::error::DeviceError;
use super::vm_event::VmEvent;
use crate::agents::MachinePort;
use crate::legacy::SerialLog;
use crate::memory;
use oriel_display::{InputSink, Monitors};
use oriel_net::{MacAddress, NetBackendConfig, NetBackendError, rate_limiter};
use oriel_virtio::{
    Balloon, BalloonControl, Console, DeviceCounters, Gpu, InputDevices, NamedPort, Net, Rng, SoundCard,
    VirtioDevice,
};
use oriel_vmm_api::{HugePages, MachineConfig};
use oriel_wire::Size;
use std::fs::File;
use std::sync::Arc;
use std::sync::mpsc::Sender;

/// Virtio devices of a machine, with the handles by which the rest of the machine uses them.
pub struct Devices {
    /// Devices in the order of their PCI slots.
    pub devices: Vec<Box<dyn VirtioDevice>>,
    /// Sink that routes input events to the keyboard, the tablet and the mouse.
    pub input: Arc<dyn InputSink>,
    /// Handle that sets the target of the memory balloon.
    pub balloon: BalloonControl,
    /// Counters that all devices share.
    pub counters: Arc<DeviceCounters>,
}

/// Creates the virtio devices of `config`, from the open images in `disks` and the `net_backends`.
///
/// Pictures go to the screens of `monitors`, console output to `log`, and a lack of disk space on the host is
/// reported to `vm_events`. The console device carries the agents' `ports`.
///
/// # Errors
/// A [`DeviceError`] when an image, a MAC address or a backend cannot be used, or the host is out of
/// descriptors.
pub fn make(
    config: &MachineConfig,
    disks: Vec<Vec<File>>,
    net_backends: Vec<NetBackendConfig>,
    monitors: &Arc<Monitors>,
    log: &SerialLog,
    vm_events: &Sender<VmEvent>,
    ports: Vec<MachinePort>,
) -> Result<Devices, DeviceError> {
    let counters = Arc::new(DeviceCounters::default());
    let size = Size::new(config.width, config.height);
    let gpu = Gpu::new(monitors.clone(), size, counters.clone())?;
    let gpu_control = gpu.control();
    monitors.on_layout_request(move |screens| gpu_control.set_monitors(screens));
    let inputs = InputDevices::new(monitors, &counters)?;
    let balloon = Balloon::new(largest_balloon_mib(config), counters.clone())?;
    let balloon_control = balloon.control();
    let mut devices: Vec<Box<dyn VirtioDevice>> = vec![
        Box::new(gpu),
        Box::new(inputs.keyboard),
        Box::new(inputs.tablet),
        Box::new(inputs.mouse),
        Box::new(Rng::new(counters.clone())),
        Box::new(Console::new(
            Box::new(log.clone()),
            ports.into_iter().map(named).collect(),
            counters.clone(),
        )?),
        Box::new(balloon),
    ];
    // Interfaces precede disks: Linux names interfaces by their PCI slot, so a new disk must not move them.
    for (network, backend) in config.networks.iter().zip(net_backends) {
        let mac: MacAddress = network.mac.parse().map_err(NetBackendError::from)?;
        let link = backend.connect()?;
        devices.push(Box::new(Net::new(mac.0, link, rate_limiter(network.limit), counters.clone())?));
    }
    for (index, (disk, opened)) in config.disks.iter().zip(disks).enumerate() {
        devices.push(Box::new(disk_devices::device(index, disk, opened, vm_events, &counters)?));
    }
    if config.sound {
        devices.push(Box::new(SoundCard::new(monitors.add_sound(), counters.clone())?));
    }
    Ok(Devices { devices, input: inputs.router, balloon: balloon_control, counters })
}

/// Returns the largest target of the balloon in MiB: all memory but [`memory::MINIMUM_MIB`]. It is 0 with
/// reserved huge pages, because the host cannot reclaim parts of them.
fn largest_balloon_mib(config: &MachineConfig) -> u32 {
    match config.huge_pages {
        HugePages::Reserved => 0,
        HugePages::Advise | HugePages::Never => config.memory_mib.saturating_sub(memory::MINIMUM_MIB),
    }
}

/// Converts an agent's port for the console device. The device reports the guest's opening of the port before
/// it reads the stream, so stale bytes can be discarded at that moment.
fn named(port: MachinePort) -> NamedPort {
    let MachinePort { name, stream, open_state } = port;
    let on_open = Box::new(move |open| {
        if open {
            open_state.discard_unread();
        }
        open_state.set_open(open);
    });
    NamedPort { name, stream, on_open }
}
