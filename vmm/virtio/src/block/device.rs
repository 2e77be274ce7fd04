//! The disk as the transport sees it.

use super::image::{Image, OpenError};
use super::request::{MAX_RANGE_SECTORS, MAX_RANGES};
use super::worker::{Serial, Shared, Worker};
use crate::counters::Counters;
use crate::device::{ActivateError, Activation, VirtioDevice};
use crate::fields::read_config_bytes;
use crate::queue::{DeviceQueue, RING_FEATURES};
use std::io;
use std::os::fd::RawFd;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use virtio_bindings::virtio_blk::{
    VIRTIO_BLK_F_BLK_SIZE, VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_RO, VIRTIO_BLK_F_SEG_MAX,
    VIRTIO_BLK_F_TOPOLOGY, VIRTIO_BLK_F_WRITE_ZEROES,
};

const REQUEST_QUEUE: u16 = 0;
const QUEUE_SIZES: [u16; 1] = [256];
/// Data segments of one request: a ring's worth but for header and status.
const SEG_MAX: u32 = QUEUE_SIZES[0] as u32 - 2;

const LOGICAL_BLOCK: u32 = 512;
/// A physical block is 2 to the power of this many logical ones: 4 KiB, what host file systems use.
const PHYSICAL_BLOCK_EXP: u8 = 3;
const SECTORS_IN_PHYSICAL_BLOCK: u32 = 1 << PHYSICAL_BLOCK_EXP;

/// A disk.
pub struct Block {
    image: Arc<Image>,
    id: Serial,
    counters: Arc<Counters>,
    shared: Arc<Shared>,
    /// Started by the first activation.
    worker: Option<JoinHandle<()>>,
}

impl Block {
    /// Opens the raw image at `path` and locks it for as long as the device lives.
    ///
    /// # Errors
    /// When it cannot be opened or locked, or is not made of whole sectors.
    pub fn open(path: &Path, read_only: bool, counters: Arc<Counters>) -> Result<Self, OpenError> {
        let image = Image::open(path, read_only)?;
        Self::with_image(image, serial(path), counters)
            .map_err(|source| OpenError::Open { path: path.to_owned(), source })
    }

    pub(super) fn with_image(image: Image, id: Serial, counters: Arc<Counters>) -> io::Result<Self> {
        let shared = Arc::new(Shared::new()?);
        Ok(Self { image: Arc::new(image), id, counters, shared, worker: None })
    }

    fn start_worker(&mut self) -> io::Result<()> {
        if self.worker.is_none() {
            let worker = Worker {
                shared: self.shared.clone(),
                image: self.image.clone(),
                id: self.id,
                counters: self.counters.clone(),
            };
            let thread = std::thread::Builder::new().name("block".into());
            self.worker = Some(thread.spawn(move || worker.run())?);
        }
        Ok(())
    }

    /// `struct virtio_blk_config` up to `write_zeroes_may_unmap`.
    fn config(&self) -> Vec<u8> {
        let word = u32::to_le_bytes;
        let mut config = Vec::with_capacity(60);
        config.extend(self.image.sectors().to_le_bytes());
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
        config.extend(word(SECTORS_IN_PHYSICAL_BLOCK));
        config.extend([word(MAX_RANGE_SECTORS), word(MAX_RANGES as u32)].as_flattened());
        config.extend([1, 0, 0, 0]);
        config
    }
}

/// The image's name, as far as it fits: guests show it in `/dev/disk/by-id`.
fn serial(path: &Path) -> Serial {
    let name = path.file_stem().unwrap_or_default().as_encoded_bytes();
    let mut id = Serial::default();
    for (to, from) in id.iter_mut().zip(name) {
        *to = if from.is_ascii_alphanumeric() { *from } else { b'-' };
    }
    id
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
        let by_mode = if self.image.read_only() {
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
        self.start_worker()?;
        let write_through = activation.features & (1 << VIRTIO_BLK_F_FLUSH) == 0;
        self.shared.activate(queue, write_through);
        Ok(())
    }

    fn queue_notified(&mut self, index: u16) {
        if index == REQUEST_QUEUE {
            self.shared.kick();
        }
    }

    fn event_fds(&self) -> Vec<RawFd> {
        vec![self.shared.trouble_fd()]
    }

    /// The worker met a broken queue: the transport asks [`Self::needs_reset`] after this.
    fn event(&mut self, _token: usize) {
        self.shared.drain_trouble();
    }

    fn reset(&mut self) {
        self.shared.reset();
    }

    fn needs_reset(&self) -> bool {
        self.shared.broken()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.shared.stop();
        if let Some(worker) = self.worker.take() {
            // It ends after the request at hand; nothing is to be learnt from how.
            let _ = worker.join();
        }
    }
}
