//! The block device: configuration space, features and life cycle.

use super::disk_full::DiskFullHandler;
use super::job::Bounds;
use super::request::{MAX_RANGE_SECTORS, MAX_RANGES};
use super::request_queue::RequestQueue;
use super::worker::{DiskSerial, ThreadSetup, Worker};
use crate::counters::DeviceCounters;
use crate::device::{ActivateError, Activation, VirtioDevice};
use crate::fields::read_config_bytes;
use crate::queue::{DeviceQueue, RING_FEATURES};
use oriel_disk::{BackingChain, SECTOR_LEN};
use oriel_vmm_api::RateLimit;
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use virtio_bindings::virtio_blk::{
    VIRTIO_BLK_F_BLK_SIZE, VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_RO, VIRTIO_BLK_F_SEG_MAX,
    VIRTIO_BLK_F_TOPOLOGY, VIRTIO_BLK_F_WRITE_ZEROES,
};
use vmm_sys_util::eventfd::EventFd;

const REQUEST_QUEUE: u16 = 0;
const QUEUE_SIZES: [u16; 1] = [256];
/// Maximum number of data segments of one request: the ring's size without header and status.
const SEG_MAX: u32 = QUEUE_SIZES[0] as u32 - 2;

const LOGICAL_BLOCK: u32 = 512;
/// Binary logarithm of the logical blocks in a physical block: 4 KiB, as host file systems use.
const PHYSICAL_BLOCK_EXP: u8 = 3;
const SECTORS_IN_PHYSICAL_BLOCK: u32 = 1 << PHYSICAL_BLOCK_EXP;

/// Number of worker threads of one disk.
const WORKERS: usize = 4;

/// Virtio-blk device of one disk (VIRTIO 1.2, section 5.2).
pub struct Block {
    disk: Arc<BackingChain>,
    serial: DiskSerial,
    thread_setup: ThreadSetup,
    counters: Arc<DeviceCounters>,
    requests: Arc<RequestQueue>,
    /// Worker threads, started by the first activation.
    workers: Vec<JoinHandle<()>>,
}

/// Configuration of a block device, without its images.
pub struct BlockConfig {
    /// Serial number, which Linux guests show in `/dev/disk/by-id`.
    pub serial: DiskSerial,
    /// Maximum bytes and requests per second.
    pub limit: RateLimit,
    /// Receiver of events about a full file system of the host.
    pub on_disk_full: DiskFullHandler,
    /// Hook that runs at the beginning of every worker thread.
    pub thread_setup: ThreadSetup,
}

impl Block {
    /// Creates a block device without a driver, backed by `disk`.
    ///
    /// # Errors
    /// When the host is out of file descriptors.
    pub fn new(disk: BackingChain, config: BlockConfig, counters: Arc<DeviceCounters>) -> io::Result<Self> {
        let bounds = Bounds { sectors: disk.size() / SECTOR_LEN, read_only: disk.read_only() };
        let requests =
            Arc::new(RequestQueue::new(bounds, config.limit, config.on_disk_full, counters.clone())?);
        Ok(Self {
            disk: Arc::new(disk),
            serial: config.serial,
            thread_setup: config.thread_setup,
            counters,
            requests,
            workers: Vec::new(),
        })
    }

    /// Starts the worker threads, unless they run.
    fn start_workers(&mut self) -> io::Result<()> {
        while self.workers.len() < WORKERS {
            let worker = Worker {
                thread_setup: self.thread_setup.clone(),
                requests: self.requests.clone(),
                disk: self.disk.clone(),
                serial: self.serial,
                counters: self.counters.clone(),
            };
            let thread = std::thread::Builder::new().name("block".into());
            self.workers.push(thread.spawn(move || worker.run())?);
        }
        Ok(())
    }

    /// Returns `struct virtio_blk_config` up to `write_zeroes_may_unmap`.
    fn config(&self) -> Vec<u8> {
        let word = u32::to_le_bytes;
        let mut config = Vec::with_capacity(60);
        config.extend((self.disk.size() / SECTOR_LEN).to_le_bytes());
        // size_max and geometry are not offered.
        config.extend([word(0), word(SEG_MAX), word(0), word(LOGICAL_BLOCK)].as_flattened());
        // Topology: alignment offset 0, the least and the best transfer are one physical block.
        config.extend([PHYSICAL_BLOCK_EXP, 0]);
        config.extend((SECTORS_IN_PHYSICAL_BLOCK as u16).to_le_bytes());
        config.extend(word(SECTORS_IN_PHYSICAL_BLOCK));
        // writeback, unused and num_queues are not offered.
        config.extend(word(0));
        // Discard: most sectors in a range, most ranges, alignment. Then the same for zeroes.
        config.extend([word(MAX_RANGE_SECTORS), word(MAX_RANGES as u32)].as_flattened());
        config.extend(word((self.disk.discard_granularity() / SECTOR_LEN) as u32));
        config.extend([word(MAX_RANGE_SECTORS), word(MAX_RANGES as u32)].as_flattened());
        config.extend([1, 0, 0, 0]);
        config
    }
}

impl VirtioDevice for Block {
    fn device_id(&self) -> u16 {
        2
    }

    fn name(&self) -> &'static str {
        "block"
    }

    fn pci_class(&self) -> u32 {
        0x01_80_00
    }

    fn features(&self) -> u64 {
        let bit = |feature: u32| 1 << feature;
        let always = bit(VIRTIO_BLK_F_SEG_MAX)
            | bit(VIRTIO_BLK_F_BLK_SIZE)
            | bit(VIRTIO_BLK_F_FLUSH)
            | bit(VIRTIO_BLK_F_TOPOLOGY);
        let by_mode = if self.disk.read_only() {
            bit(VIRTIO_BLK_F_RO)
        } else {
            bit(VIRTIO_BLK_F_DISCARD) | bit(VIRTIO_BLK_F_WRITE_ZEROES)
        };
        RING_FEATURES | always | by_mode
    }

    fn queue_sizes(&self) -> &[u16] {
        &QUEUE_SIZES
    }

    fn read_config(&self, offset: u64, data: &mut [u8]) {
        read_config_bytes(&self.config(), offset, data);
    }

    fn activate(&mut self, mut activation: Activation) -> Result<(), ActivateError> {
        let queue = DeviceQueue::take(&mut activation, REQUEST_QUEUE, &self.counters)?;
        self.start_workers()?;
        let write_through = activation.features & (1 << VIRTIO_BLK_F_FLUSH) == 0;
        self.requests.activate(queue, write_through);
        Ok(())
    }

    fn queue_notified(&mut self, index: u16) {
        if index == REQUEST_QUEUE {
            self.requests.ring();
        }
    }

    fn doorbell(&self, index: u16) -> Option<&EventFd> {
        (index == REQUEST_QUEUE).then(|| self.requests.doorbell())
    }

    fn event_fds(&self) -> Vec<RawFd> {
        vec![self.requests.queue_broken_fd()]
    }

    /// Handles a broken queue that a worker found: the transport calls [`Self::needs_reset`] afterwards.
    fn event(&mut self, _token: usize) {
        self.requests.drain_queue_broken();
    }

    fn reset(&mut self) {
        self.requests.reset();
    }

    fn needs_reset(&self) -> bool {
        self.requests.broken()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.requests.stop();
        for worker in self.workers.drain(..) {
            // A worker ends after its current request, whose result is dropped.
            let _ = worker.join();
        }
    }
}
