//! Everything around the processors. It outlives a reset.

use crate::bus::Bus;
use crate::cpu::Buses;
use crate::event_loop::{EventLoop, Remote, Source};
use crate::guest_events::GuestEvents;
use crate::interrupts::InterruptManager;
use crate::layout;
use crate::legacy::{I8042Device, PmTimer, PowerRegisters, Rtc, SerialLog, SerialPort};
use crate::pci::{Ecam, MmioWindow, PciBus, PciConfigIo, PciFunction};
use crate::virtio_pci::VirtioPci;
use oriel_virtio::{GuestRam, VirtioDevice};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

const CONFIG_PORT: u64 = 0xCF8;
const CONFIG_PORTS: u64 = 8;
const PM_TIMER_PORTS: u64 = 4;

/// The devices of one machine and the thread that drives them.
pub struct Hardware {
    buses: Arc<Buses>,
    pci: Arc<PciBus>,
    serial: Arc<SerialPort>,
    remote: Remote,
    thread: Option<JoinHandle<()>>,
}

impl Hardware {
    /// Puts `devices` on the PCI bus in order and starts their thread.
    ///
    /// # Errors
    /// When the host is out of descriptors or threads.
    pub fn new(
        devices: Vec<Box<dyn VirtioDevice>>,
        ram: &GuestRam,
        interrupts: &Arc<dyn InterruptManager>,
        guest_events: &Arc<GuestEvents>,
        log: SerialLog,
    ) -> io::Result<Self> {
        let event_loop = EventLoop::new()?;
        let remote = event_loop.remote();
        let mut functions: Vec<Arc<dyn PciFunction>> = Vec::new();
        let mut sources: Vec<Arc<dyn Source>> = Vec::new();
        let bars = (layout::BAR_WINDOW..).step_by(VirtioPci::BAR_SIZE as usize);
        for (device, bar) in devices.into_iter().zip(bars) {
            let bar = u32::try_from(bar).map_err(io::Error::other)?;
            let function = VirtioPci::new(device, ram.clone(), remote.clone(), interrupts.clone(), bar)?;
            sources.push(function.device_handler());
            functions.push(Arc::new(function));
        }
        let pci = PciBus::new(functions);
        let serial = Arc::new(SerialPort::new(log, interrupts.clone()));
        let buses = Arc::new(Buses { ports: ports(&pci, &serial, guest_events), memory: memory(&pci) });
        let thread = Some(event_loop.spawn(sources)?);
        Ok(Self { buses, pci, serial, remote, thread })
    }

    /// For the processors.
    pub fn buses(&self) -> &Arc<Buses> {
        &self.buses
    }

    /// Puts every device into its state at power-on. No processor may run.
    pub fn reset(&self) {
        self.pci.reset();
        self.serial.reset();
    }

    /// Accesses that nobody claimed, to ports and to memory.
    pub fn unclaimed(&self) -> (u64, u64) {
        (self.buses.ports.unclaimed(), self.buses.memory.unclaimed() + self.pci.unclaimed_accesses())
    }
}

impl Drop for Hardware {
    fn drop(&mut self) {
        self.pci.reset();
        self.remote.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn ports(pci: &Arc<PciBus>, serial: &Arc<SerialPort>, guest_events: &Arc<GuestEvents>) -> Bus {
    let mut ports = Bus::default();
    let i8042 = I8042Device(guest_events.clone());
    ports.insert(I8042Device::PORT.into(), 1, Arc::new(i8042));
    ports.insert(layout::SERIAL_PORT.into(), SerialPort::PORTS, serial.clone());
    let power = PowerRegisters(guest_events.clone());
    ports.insert(layout::SLEEP_CONTROL_PORT.into(), PowerRegisters::PORTS, Arc::new(power));
    ports.insert(layout::PM_TIMER_PORT.into(), PM_TIMER_PORTS, Arc::new(PmTimer::default()));
    ports.insert(layout::RTC_PORT.into(), Rtc::PORTS, Arc::new(Rtc::default()));
    ports.insert(CONFIG_PORT, CONFIG_PORTS, Arc::new(PciConfigIo(pci.clone())));
    ports
}

fn memory(pci: &Arc<PciBus>) -> Bus {
    let mut memory = Bus::default();
    let window = MmioWindow { bus: pci.clone(), start: layout::BAR_WINDOW };
    memory.insert(layout::BAR_WINDOW, layout::BAR_WINDOW_SIZE, Arc::new(window));
    memory.insert(layout::ECAM, layout::ECAM_SIZE, Arc::new(Ecam(pci.clone())));
    memory
}
