//! Tests from the driver's side: all accesses go through configuration space and BAR 0, as a guest's do.

use super::VirtioPci;
use crate::event_loop::EventLoop;
use crate::interrupts::InterruptManager;
use crate::memory;
use crate::pci::{MsiMessage, PciFunction};
use oriel_virtio::{ActivateError, Activation, GuestRam, Interrupt, VirtioDevice};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use virtio_queue::QueueT;
use vmm_sys_util::eventfd::EventFd;

const BAR: u64 = 0xC000_0000;
const ISR: u64 = 0x1000;
const DEVICE: u64 = 0x2000;
const NOTIFY: u64 = 0x3000;
const MSIX_TABLE: u64 = 0x4000;
const STATUS: u64 = 0x14;
const FEATURES_OK: u8 = 11;
const DRIVER_OK: u8 = 15;
const NEEDS_RESET: u8 = 0x40;

/// Call that the transport made to the device or to the interrupt manager.
#[derive(Debug, PartialEq, Eq)]
enum DeviceCall {
    /// Activation with the negotiated features and the size of each enabled queue.
    Activated {
        features: u64,
        queues: Vec<Option<u16>>,
    },
    /// Available buffer notification of a queue.
    Notified(u16),
    Reset,
    MsiSent(MsiMessage),
    /// Doorbell registered as ioeventfd at this address.
    DoorbellAttached(u64),
    /// Doorbell no longer registered at this address.
    DoorbellDetached(u64),
}

/// Device with two queues that reports its calls. A notification of queue 1 counts as a broken queue.
struct TestDevice {
    calls: Sender<DeviceCall>,
    interrupt: Arc<Mutex<Option<Arc<dyn Interrupt>>>>,
    broken: bool,
}

impl VirtioDevice for TestDevice {
    fn device_id(&self) -> u16 {
        16
    }
    fn name(&self) -> &'static str {
        "test"
    }
    fn pci_class(&self) -> u32 {
        0x03_8000
    }
    fn features(&self) -> u64 {
        1 << 1 | 1 << 29
    }
    fn queue_sizes(&self) -> &[u16] {
        &[64, 16]
    }
    fn read_config(&self, offset: u64, data: &mut [u8]) {
        data.fill(0xC0 + offset as u8);
    }
    fn activate(&mut self, activation: Activation) -> Result<(), ActivateError> {
        let queues = activation.queues.iter().map(|queue| queue.as_ref().map(QueueT::size)).collect();
        let _ = self.calls.send(DeviceCall::Activated { features: activation.features, queues });
        *self.interrupt.lock() = Some(activation.interrupt);
        if activation.queues[0].is_none() { Err(ActivateError::QueueMissing(0)) } else { Ok(()) }
    }
    fn queue_notified(&mut self, index: u16) {
        let _ = self.calls.send(DeviceCall::Notified(index));
        self.broken = index == 1;
    }
    fn reset(&mut self) {
        self.broken = false;
        let _ = self.calls.send(DeviceCall::Reset);
    }
    fn needs_reset(&self) -> bool {
        self.broken
    }
}

/// Interrupt manager that reports its calls.
struct RecordingInterruptManager(Sender<DeviceCall>);

impl InterruptManager for RecordingInterruptManager {
    fn send(&self, message: MsiMessage) {
        let _ = self.0.send(DeviceCall::MsiSent(message));
    }
    fn pulse(&self, _: u32) {}
    fn attach_doorbell(&self, address: u64, _: &EventFd) {
        let _ = self.0.send(DeviceCall::DoorbellAttached(address));
    }
    fn detach_doorbell(&self, address: u64, _: &EventFd) {
        let _ = self.0.send(DeviceCall::DoorbellDetached(address));
    }
}

/// Function under test, its event loop and the calls that it made.
struct TestBench {
    function: VirtioPci,
    calls: Receiver<DeviceCall>,
    interrupt: Arc<Mutex<Option<Arc<dyn Interrupt>>>>,
    ram: GuestRam,
}

impl TestBench {
    fn new() -> Self {
        let (sender, calls) = channel();
        let ram = memory::allocate(64, memory::Backing::default()).unwrap();
        let event_loop = EventLoop::new().unwrap();
        let remote = event_loop.remote();
        let interrupt = Arc::default();
        let device = TestDevice { calls: sender.clone(), interrupt: Arc::clone(&interrupt), broken: false };
        let interrupt_manager = Arc::new(RecordingInterruptManager(sender));
        let function =
            VirtioPci::new(Box::new(device), ram.clone(), remote, interrupt_manager, BAR as u32).unwrap();
        event_loop.spawn(vec![function.device_handler()]).unwrap();
        Self { function, calls, interrupt, ram }
    }

    fn write(&self, offset: u64, data: &[u8]) {
        self.function.write_bar(offset, data);
    }

    fn read<const N: usize>(&self, offset: u64) -> [u8; N] {
        let mut data = [0xEE; N];
        self.function.read_bar(offset, &mut data);
        data
    }

    fn status(&self) -> u8 {
        self.read::<1>(STATUS)[0]
    }

    fn negotiate(&self, features: u64) {
        for (select, word) in [features as u32, (features >> 32) as u32].into_iter().enumerate() {
            self.write(0x08, &(select as u32).to_le_bytes());
            self.write(0x0C, &word.to_le_bytes());
        }
        self.write(STATUS, &[FEATURES_OK]);
    }

    fn set_up_queue(&self, index: u16, size: u16, base: u64) {
        self.write(0x16, &index.to_le_bytes());
        self.write(0x18, &size.to_le_bytes());
        for (offset, address) in [(0x20, base), (0x28, base + 0x1000), (0x30, base + 0x2000)] {
            self.write(offset, &(address as u32).to_le_bytes());
            self.write(offset + 4, &((address >> 32) as u32).to_le_bytes());
        }
        self.write(0x1C, &1u16.to_le_bytes());
    }

    fn start(&self) {
        self.negotiate(1 << 32 | 2);
        self.set_up_queue(0, 32, 0x10_0000);
        self.set_up_queue(1, 16, 0x20_0000);
        self.write(STATUS, &[DRIVER_OK]);
    }

    /// Returns the calls since the last one of this method.
    fn calls(&self) -> Vec<DeviceCall> {
        self.calls.try_iter().collect()
    }
}

const VERSION_1: u64 = 1 << 32;

#[test]
fn a_driver_activates_the_device_and_resets_it() {
    let bench = TestBench::new();
    bench.write(0x00, &1u32.to_le_bytes());
    assert_eq!(bench.read(0x04), 1u32.to_le_bytes(), "VERSION_1 is offered");
    assert_eq!(bench.read(0x12), 2u16.to_le_bytes());
    bench.start();
    assert_eq!(bench.status(), DRIVER_OK);
    assert_eq!(
        bench.calls(),
        [DeviceCall::Activated { features: VERSION_1 | 2, queues: vec![Some(32), Some(16)] }]
    );
    assert_eq!(bench.read(DEVICE + 4), [0xC4]);

    bench.write(STATUS, &[0]);
    assert_eq!(bench.status(), 0);
    assert_eq!(bench.calls(), [DeviceCall::Reset]);
    assert_eq!(bench.read(0x1C), [0, 0], "queues are disabled again");
    bench.start();
    assert_eq!(bench.calls().len(), 1, "the device activates again");
}

#[test]
fn features_ok_needs_a_subset_of_the_offered_features() {
    for features in [0, 2, VERSION_1 | 1 << 5, u64::MAX] {
        let bench = TestBench::new();
        bench.negotiate(features);
        assert_eq!(bench.status() & 8, 0, "{features:#x}");
        bench.write(STATUS, &[DRIVER_OK]);
        assert_eq!(bench.calls(), [], "{features:#x}");
    }
}

#[test]
fn invalid_queues_set_needs_reset() {
    let bench = TestBench::new();
    bench.negotiate(VERSION_1);
    bench.set_up_queue(0, 32, 0xFFFF_FFFF_F000);
    bench.write(STATUS, &[DRIVER_OK]);
    assert_ne!(bench.status() & NEEDS_RESET, 0);
    assert_eq!(bench.calls(), []);
    bench.write(STATUS, &[0]);
    assert_eq!(bench.status(), 0, "a reset recovers");
    for (size, base) in [(33, 0x10_0000), (0, 0x10_0000), (128, 0x10_0000), (32, 0x10_0001)] {
        bench.write(STATUS, &[0]);
        bench.negotiate(VERSION_1);
        bench.set_up_queue(0, size, base);
        bench.write(STATUS, &[DRIVER_OK]);
        assert_ne!(bench.status() & NEEDS_RESET, 0, "size {size}, base {base:#x}");
    }
}

#[test]
fn failed_activation_and_broken_queues_set_needs_reset() {
    let bench = TestBench::new();
    bench.negotiate(VERSION_1);
    bench.write(STATUS, &[DRIVER_OK]);
    assert_eq!(bench.calls(), [DeviceCall::Activated { features: VERSION_1, queues: vec![None, None] }]);
    assert_ne!(bench.status() & NEEDS_RESET, 0);

    let bench = TestBench::new();
    bench.start();
    bench.calls();
    bench.write(NOTIFY + 4, &1u16.to_le_bytes());
    assert_eq!(bench.calls.recv().unwrap(), DeviceCall::Notified(1));
    while bench.status() & NEEDS_RESET == 0 {
        std::thread::yield_now();
    }
    assert_eq!(bench.read(ISR), [2], "the driver receives a configuration change notification");
}

#[test]
fn doorbells_reach_active_devices_only() {
    let bench = TestBench::new();
    bench.write(NOTIFY, &[0, 0]);
    bench.start();
    bench.write(NOTIFY, &[0, 0]);
    bench.write(NOTIFY + 8, &[2, 0]);
    let calls = bench.calls.recv().unwrap();
    assert_eq!(calls, DeviceCall::Activated { features: VERSION_1 | 2, queues: vec![Some(32), Some(16)] });
    assert_eq!(bench.calls.recv().unwrap(), DeviceCall::Notified(0));
}

#[test]
fn interrupts_use_the_vectors_of_the_driver() {
    let bench = TestBench::new();
    bench.write(0x10, &2u16.to_le_bytes());
    bench.write(0x16, &1u16.to_le_bytes());
    bench.write(0x1A, &1u16.to_le_bytes());
    bench.write(0x16, &0u16.to_le_bytes());
    bench.write(0x1A, &7u16.to_le_bytes());
    assert_eq!(bench.read(0x1A), [0xFF, 0xFF], "there is no vector 7");
    for vector in 0..3u64 {
        let at = MSIX_TABLE + 16 * vector;
        bench.write(at, &0xFEE0_0000u32.to_le_bytes());
        bench.write(at + 8, &(0x40 + vector as u32).to_le_bytes());
        bench.write(at + 12, &[0; 4]);
    }
    let control = msix_capability(&bench) + 2;
    bench.function.write_config(control, &0x8000u16.to_le_bytes());
    bench.start();
    bench.calls();
    let interrupt = bench.interrupt.lock().clone().unwrap();
    interrupt.signal_used_queue(1);
    interrupt.signal_used_queue(0);
    interrupt.signal_config_changed();
    let message = |data| DeviceCall::MsiSent(MsiMessage { address: 0xFEE0_0000, data });
    assert_eq!(bench.calls(), [message(0x41), message(0x42)], "queue 0 has no vector");
    assert_eq!(bench.read(ISR), [3]);
    assert_eq!(bench.read(ISR), [0], "reading clears");
    bench.write(STATUS, &[0]);
    bench.calls();
    interrupt.signal_used_queue(1);
    assert_eq!(bench.calls(), [], "a reset unassigns the vectors");
}

fn msix_capability(bench: &TestBench) -> u64 {
    capability(bench, |bytes| bytes[0] == 0x11)
}

fn capability(bench: &TestBench, wanted: impl Fn(&[u8; 4]) -> bool) -> u64 {
    let mut at = [0];
    bench.function.read_config(0x34, &mut at);
    loop {
        let offset = u64::from(at[0]);
        assert_ne!(offset, 0, "the list does not contain the capability");
        let mut bytes = [0; 4];
        bench.function.read_config(offset, &mut bytes);
        if wanted(&bytes) {
            return offset;
        }
        at = [bytes[1]];
    }
}

#[test]
fn pci_cfg_cap_accesses_the_bar() {
    let bench = TestBench::new();
    let pci_cfg_cap = capability(&bench, |bytes| bytes[0] == 9 && bytes[3] == 5);
    let set_access = |offset: u32, length: u32| {
        bench.function.write_config(pci_cfg_cap + 8, &offset.to_le_bytes());
        bench.function.write_config(pci_cfg_cap + 12, &length.to_le_bytes());
    };
    set_access(0x12, 2);
    let mut data = [0; 4];
    bench.function.read_config(pci_cfg_cap + 16, &mut data);
    assert_eq!(data, [2, 0, 0, 0]);
    set_access(STATUS as u32, 1);
    bench.function.write_config(pci_cfg_cap + 16, &[1, 0, 0, 0]);
    assert_eq!(bench.status(), 1);
    for (offset, length) in [(0, 3), (u32::MAX, 4), (0, u32::MAX), (0x7FFF, 4)] {
        set_access(offset, length);
        bench.function.read_config(pci_cfg_cap + 16, &mut data);
        bench.function.write_config(pci_cfg_cap + 16, &[0xFF; 4]);
    }
}

#[test]
fn ioeventfds_follow_the_bar() {
    let bench = TestBench::new();
    bench.function.reset();
    let attached =
        [DeviceCall::DoorbellAttached(BAR + NOTIFY), DeviceCall::DoorbellAttached(BAR + NOTIFY + 4)];
    assert_eq!(bench.calls()[1..], attached);
    bench.function.write_config(0x04, &[0, 0]);
    assert_eq!(
        bench.calls(),
        [DeviceCall::DoorbellDetached(BAR + NOTIFY), DeviceCall::DoorbellDetached(BAR + NOTIFY + 4)]
    );
    bench.function.write_config(0x10, &0xD000_0000u32.to_le_bytes());
    bench.function.write_config(0x04, &[2, 0]);
    assert_eq!(bench.calls()[0], DeviceCall::DoorbellAttached(0xD000_0000 + NOTIFY));
    assert_eq!(bench.function.bar().unwrap().start, 0xD000_0000);
}

#[test]
fn a_machine_reset_restores_the_state_at_power_on() {
    let bench = TestBench::new();
    bench.start();
    bench.function.write_config(0x10, &0xD000_0000u32.to_le_bytes());
    bench.function.reset();
    assert_eq!(bench.status(), 0);
    assert_eq!(bench.function.bar().unwrap().start, BAR);
    assert_eq!(bench.read(MSIX_TABLE + 12), [1, 0, 0, 0]);
    assert!(bench.calls().contains(&DeviceCall::Reset));
    bench.function.reset();
    assert!(
        bench.calls().contains(&DeviceCall::DoorbellAttached(BAR + NOTIFY)),
        "every new VM registers the ioeventfds"
    );
}

#[test]
fn no_access_to_the_bar_panics() {
    let bench = TestBench::new();
    bench.start();
    for offset in (0..u64::from(VirtioPci::BAR_SIZE)).step_by(3) {
        for length in [1, 2, 4, 8] {
            let mut data = [0x5A; 8];
            if !(STATUS..=STATUS + 1).contains(&offset) {
                bench.function.write_bar(offset, &data[..length]);
            }
            bench.function.read_bar(offset, &mut data[..length]);
        }
    }
    for offset in 0..0x1000 {
        let mut data = [0xFF; 4];
        bench.function.write_config(offset, &data);
        bench.function.read_config(offset, &mut data);
    }
    drop(bench.ram);
}
