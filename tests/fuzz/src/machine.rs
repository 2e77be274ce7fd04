//! Everything of a machine that a guest's accesses reach, without KVM: a fuzzer is its only processor.

use crate::script::Reader;
use oriel_display::{Desk, Size};
use oriel_virtio::{Balloon, Console, Counters, Entropy, Gpu, GuestRam, InputDevices, VirtioDevice};
use oriel_vmm::alarm::Alarm;
use oriel_vmm::cpu::Buses;
use oriel_vmm::legacy::SerialLog;
use oriel_vmm::machine::kvm::Hardware;
use oriel_vmm::pci::Message;
use oriel_vmm::wiring::Wiring;
use oriel_vmm::layout;
use oriel_vmm::memory::{self, Backing};
use oriel_vmm_api::HugePages;
use std::cell::OnceCell;
use std::sync::Arc;
use vmm_sys_util::eventfd::EventFd;

/// Interrupts go nowhere, and doorbells ring by the long way.
struct Unconnected;

impl Wiring for Unconnected {
    fn send(&self, _: Message) {}
    fn pulse(&self, _: u32) {}
    fn attach_doorbell(&self, _: u64, _: &EventFd) {}
    fn detach_doorbell(&self, _: u64, _: &EventFd) {}
}

/// The machine around the processors.
pub struct Machine {
    hardware: Hardware,
    alarm: Arc<Alarm>,
    ram: GuestRam,
}

/// Accesses of one script.
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
            machine.alarm.clear();
            memory::clear(&machine.ram).expect("memory is given back");
            f(machine);
        });
    }

    fn new() -> std::io::Result<Self> {
        let ram = memory::allocate(64, Backing { huge_pages: HugePages::Never, share: false }).map_err(std::io::Error::other)?;
        let counters = Arc::new(Counters::default());
        let size = Size::new(640, 480);
        let room = Desk::new(2, size);
        let log = SerialLog::create(&std::env::temp_dir().join(format!("oriel-fuzz-{}", std::process::id())))?;
        let desk = InputDevices::new(&room, &counters)?;
        let devices: Vec<Box<dyn VirtioDevice>> = vec![
            Box::new(Gpu::new(room, size, counters.clone())?),
            Box::new(desk.keyboard),
            Box::new(Entropy::new(counters.clone())),
            Box::new(Balloon::new(32, counters.clone())?),
            Box::new(Console::new(Box::new(std::io::sink()), Vec::new(), counters)?),
        ];
        let alarm = Arc::new(Alarm::new(|| ()));
        let wiring: Arc<dyn Wiring> = Arc::new(Unconnected);
        let hardware = Hardware::new(devices, &ram, &wiring, &alarm, log)?;
        Ok(Self { hardware, alarm, ram })
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
            let is_write = kind & 1 == 1;
            let mut data = vec![0; 1 << (kind >> 1 & 3)];
            let (bus, address) = match kind >> 3 & 3 {
                0 => (&buses.ports, u64::from(script.u16())),
                1 => (&buses.ports, 0xCF8 + u64::from(script.u8() & 7)),
                2 => (&buses.memory, layout::ECAM + u64::from(script.u32() & 0xF_FFFF)),
                _ => (&buses.memory, layout::BAR_WINDOW + u64::from(script.u32() & 0x7_FFFF)),
            };
            if is_write {
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
