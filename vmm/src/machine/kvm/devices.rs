//! The devices that a configuration asks for, in the order in which guests find them.

use super::disk_devices;
use super::state_driver::VmEvent;
use crate::agents::MachinePort;
use crate::disk_images::DiskError;
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

/// Why a device could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// A disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A network interface.
    #[error(transparent)]
    Network(#[from] NetBackendError),
    /// Descriptors, mostly.
    #[error("the host is out of descriptors or memory for a device: {0}")]
    Host(#[from] std::io::Error),
}

/// All of them, where input goes in, and the host's hand on the balloon.
pub struct Devices {
    pub devices: Vec<Box<dyn VirtioDevice>>,
    pub input: Arc<dyn InputSink>,
    pub balloon: BalloonControl,
    pub counters: Arc<DeviceCounters>,
}

/// Makes the devices of `config`, whose disks are open as `disks` and networks as `net_backends`: the
/// pictures go to the screens of `monitors`, the console to `log`, what a device cannot deal with alone
/// to `vm_events`; `ports` are for the guest's agents.
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
    // Before the disks: their names do not depend on the slot, those of interfaces do.
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

/// All but what a guest cannot do without; nothing of reserved pages, which the host would lose
/// sight of.
fn largest_balloon_mib(config: &MachineConfig) -> u32 {
    match config.huge_pages {
        HugePages::Reserved => 0,
        HugePages::Advise | HugePages::Never => config.memory_mib.saturating_sub(memory::MINIMUM_MIB),
    }
}

/// A port for an agent on the console device, which sees an opening before the first byte.
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
