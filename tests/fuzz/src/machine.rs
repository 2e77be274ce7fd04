//! Devices and buses of a machine without KVM: a script of port and memory accesses replaces the vCPU.

use crate::memfd;
use crate::script::Reader;
use oriel_disk::{BackingChain, ImageSource};
use oriel_display::Monitors;
use oriel_virtio::block::BlockConfig;
use oriel_virtio::net::NullBackend;
use oriel_virtio::{
    Balloon, Block, Console, DeviceCounters, Gpu, GuestRam, InputDevices, NamedPort, Net, RateLimit,
    RateLimiter, Rng, SoundCard, VirtioDevice,
};
use oriel_vmm::cpu::Buses;
use oriel_vmm::guest_events::GuestEvents;
use oriel_vmm::interrupts::InterruptManager;
use oriel_vmm::layout;
use oriel_vmm::legacy::SerialLog;
use oriel_vmm::machine::kvm::Hardware;
use oriel_vmm::memory::{self, Backing};
use oriel_vmm::pci::MsiMessage;
use oriel_vmm_api::{DiskFormat, HugePages};
use oriel_wire::Size;
use std::cell::OnceCell;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use vm_memory::{Bytes, GuestAddress};
use vmm_sys_util::eventfd::EventFd;

/// Interrupt manager without a virtual machine: interrupts are dropped, and doorbell writes reach the
/// devices' registers.
struct NullInterruptManager;

impl InterruptManager for NullInterruptManager {
    fn send(&self, _: MsiMessage) {}
    fn pulse(&self, _: u32) {}
    fn attach_doorbell(&self, _: u64, _: &EventFd) {}
    fn detach_doorbell(&self, _: u64, _: &EventFd) {}
}

/// Machine without processors: memory, buses and one device of each type.
pub struct Machine {
    hardware: Hardware,
    guest_events: Arc<GuestEvents>,
    ram: GuestRam,
}

const RAM_MIB: u32 = 64;
/// Maximum number of accesses in one script.
const MOST_ACCESSES: usize = 400;

thread_local! {
    static MACHINE: OnceCell<Machine> = const { OnceCell::new() };
}

impl Machine {
    /// Runs `f` with this thread's machine, just after power-on.
    pub fn with(f: impl FnOnce(&Self)) {
        MACHINE.with(|cell| {
            let machine = cell.get_or_init(|| Self::new().expect("a machine"));
            machine.hardware.reset();
            machine.guest_events.clear();
            memory::clear(&machine.ram).expect("memory is given back");
            f(machine);
        });
    }

    fn new() -> std::io::Result<Self> {
        let backing = Backing { huge_pages: HugePages::Never, ..Backing::default() };
        let ram = memory::allocate(RAM_MIB, backing).map_err(std::io::Error::other)?;
        let log = SerialLog::new(std::fs::File::options().write(true).open("/dev/null")?);
        let guest_events = Arc::new(GuestEvents::new(|| ()));
        let interrupts: Arc<dyn InterruptManager> = Arc::new(NullInterruptManager);
        let hardware = Hardware::new(devices()?, &ram, &interrupts, &guest_events, log)?;
        Ok(Self { hardware, guest_events, ram })
    }

    /// Performs a script of accesses.
    pub fn perform(&self, script: &[u8]) {
        let buses: &Buses = self.hardware.buses();
        let mut script = Reader(script);
        for _ in 0..MOST_ACCESSES {
            if script.0.is_empty() {
                return;
            }
            let kind = script.u8();
            let (bus, address) = match kind >> 3 & 7 {
                0 => (&buses.ports, u64::from(script.u16())),
                1 => (&buses.ports, 0xCF8 + u64::from(script.u8() & 7)),
                2 => (&buses.memory, layout::ECAM + u64::from(script.u32() & 0xF_FFFF)),
                3..=5 => (&buses.memory, layout::BAR_WINDOW + u64::from(script.u32() & 0xF_FFFF)),
                _ => {
                    let address = GuestAddress(u64::from(script.u32() & (RAM_MIB << 20) - 1));
                    // Past the end of memory nothing happens.
                    let _ = self.ram.write_slice(&script.piece(), address);
                    continue;
                }
            };
            let mut data = vec![0; 1 << (kind >> 1 & 3)];
            if kind & 1 == 1 {
                for (to, from) in data.iter_mut().zip(script.u64().to_le_bytes()) {
                    *to = from;
                }
                bus.write(address, &data);
            } else {
                bus.read(address, &mut data);
            }
        }
    }
}

/// Creates one device of each type.
fn devices() -> std::io::Result<Vec<Box<dyn VirtioDevice>>> {
    let counters = Arc::new(DeviceCounters::default());
    let size = Size::new(640, 480);
    let monitors = Monitors::new(2, size);
    let inputs = InputDevices::new(&monitors, &counters)?;
    let (stream, _) = UnixStream::pair()?;
    let port = NamedPort { name: "port", stream, on_open: Box::new(|_| ()) };
    let limiter = RateLimiter::new(RateLimit::default());
    let file = memfd::empty()?;
    file.set_len(1 << 20)?;
    let image = ImageSource { file, format: DiskFormat::Raw };
    let disk =
        BackingChain::open(image, Vec::new(), false).map_err(|(_, error)| std::io::Error::other(error))?;
    let config = BlockConfig {
        serial: *b"a disk of a machine.",
        limit: RateLimit::default(),
        on_disk_full: Box::new(|_| ()),
        thread_setup: Arc::new(|| ()),
    };
    Ok(vec![
        Box::new(Gpu::new(monitors.clone(), size, counters.clone())?),
        Box::new(inputs.keyboard),
        Box::new(Rng::new(counters.clone())),
        Box::new(Balloon::new(32, counters.clone())?),
        Box::new(Console::new(Box::new(std::io::sink()), vec![port], counters.clone())?),
        Box::new(Net::new([2, 0, 0, 0, 0, 1], Box::new(NullBackend::new()?), limiter, counters.clone())?),
        Box::new(Block::new(disk, config, counters.clone())?),
        Box::new(SoundCard::new(monitors.add_sound(), counters)?),
    ])
}
