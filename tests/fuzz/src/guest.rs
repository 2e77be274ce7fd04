//! Guest that performs a script on one device.

use crate::script::{Part, Reader, Step};
use oriel_virtio::queue::test_driver::{self, RawDescriptor, TestDriver};
use oriel_virtio::{GuestRam, VirtioDevice};
use vm_memory::{Bytes, GuestAddress};

/// Memory in MiB for a queue and its buffers, which the driver reuses. A script that exceeds it overwrites
/// buffers in use, which is a valid case.
const MIB_PER_QUEUE: u64 = 1;
/// Maximum number of steps of a script.
const MOST_STEPS: usize = 200;

/// Guest side of a device: memory, and a driver for each queue.
pub struct Guest {
    memory: GuestRam,
    sizes: Vec<u16>,
    drivers: Vec<TestDriver>,
}

impl Guest {
    /// Creates a guest for `device`, and activates the device with all features.
    pub fn new(device: &mut dyn VirtioDevice) -> Self {
        let sizes = device.queue_sizes().to_vec();
        let memory = test_driver::ram(1 + sizes.len() * MIB_PER_QUEUE as usize);
        let mut guest = Self { memory, sizes, drivers: Vec::new() };
        guest.start(device, u64::MAX);
        guest
    }

    /// Activates the device with `features`, on new queues.
    fn start(&mut self, device: &mut dyn VirtioDevice, features: u64) {
        let base = |index: usize| (1 + index as u64 * MIB_PER_QUEUE) << 20;
        self.drivers = self
            .sizes
            .iter()
            .enumerate()
            .map(|(index, size)| TestDriver::new(&self.memory, base(index), *size))
            .collect();
        let queues: Vec<&TestDriver> = self.drivers.iter().collect();
        // A device may refuse what a driver left out; it then waits for the next reset.
        let _ =
            device.activate(test_driver::activation(&self.memory, &queues, features & device.features()).0);
    }

    /// Performs `script`; `host` gets the bytes of the steps of the host's side.
    pub fn perform(&mut self, device: &mut dyn VirtioDevice, script: &[u8], mut host: impl FnMut(&[u8])) {
        for step in Reader(script).take(MOST_STEPS) {
            match step {
                Step::Host { bytes } => host(&bytes),
                step => self.step(device, step),
            }
            // The transport checks this after each call.
            if device.needs_reset() {
                device.reset();
                self.start(device, u64::MAX);
            }
        }
    }

    /// Waits until the device has returned all chains, since some devices use threads. The wait is bounded,
    /// since a script may have overwritten the rings.
    pub fn settle(&self, device: &dyn VirtioDevice) {
        for _ in 0..200 {
            let done = |driver: &TestDriver| {
                let index = |ring| self.memory.read_obj::<u16>(GuestAddress(ring + 2)).ok();
                index(driver.used_ring()) == index(driver.avail_ring())
            };
            if device.needs_reset() || self.drivers.iter().all(done) {
                return;
            }
            std::thread::yield_now();
        }
    }

    /// Performs one step.
    fn step(&mut self, device: &mut dyn VirtioDevice, step: Step) {
        match step {
            Step::Chain { queue, indirect, parts } => {
                let Some((index, driver)) = self.driver(queue) else { return };
                let readable: Vec<&[u8]> = parts
                    .iter()
                    .filter_map(|part| if let Part::Readable(bytes) = part { Some(&bytes[..]) } else { None })
                    .collect();
                let writable: Vec<usize> = parts
                    .iter()
                    .filter_map(
                        |part| if let Part::Writable(len) = part { Some(usize::from(*len)) } else { None },
                    )
                    .collect();
                if indirect {
                    driver.send_indirect(&readable, &writable);
                } else if !parts.is_empty() {
                    driver.send(&readable, &writable);
                }
                device.queue_notified(index);
            }
            Step::Raw { queue, descriptors } => {
                let Some((index, driver)) = self.driver(queue) else { return };
                let raw: Vec<RawDescriptor> = descriptors
                    .iter()
                    .map(|d| RawDescriptor { address: d.address, len: d.len, flags: d.flags, next: d.next })
                    .collect();
                driver.send_raw(&raw);
                device.queue_notified(index);
            }
            Step::Poke { address, bytes } => {
                // A write outside of memory has no effect, as on a bus.
                let _ = self.memory.write_slice(&bytes, GuestAddress(u64::from(address)));
            }
            Step::Claim { queue, index: claimed } => {
                let Some((index, driver)) = self.driver(queue) else { return };
                driver.publish_index(claimed);
                device.queue_notified(index);
            }
            Step::Kick { queue } => {
                // The transport has doorbells for existing queues only.
                if let Some((index, _)) = self.driver(queue) {
                    device.queue_notified(index);
                }
            }
            Step::Event { token } => {
                let count = device.event_fds().len();
                if count > 0 {
                    device.event(usize::from(token) % count);
                }
            }
            Step::Read { offset, len } => device.read_config(offset.into(), &mut vec![0; len.into()]),
            Step::Write { offset, bytes } => device.write_config(offset.into(), &bytes),
            Step::Restart { features } => {
                device.reset();
                self.start(device, features);
            }
            Step::Host { .. } => {}
        }
    }

    /// Returns the index and driver of a queue.
    fn driver(&mut self, queue: u8) -> Option<(u16, &mut TestDriver)> {
        let index = usize::from(queue) % self.drivers.len().max(1);
        Some((index as u16, self.drivers.get_mut(index)?))
    }
}
