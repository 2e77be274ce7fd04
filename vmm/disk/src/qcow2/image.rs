//! Open qcow2 image, and reads from it.

use super::compressed::decompress;
use super::entry::Cluster;
use super::header::{AUTOCLEAR_AT, Header};
use super::refcounts::Refcounts;
use super::table_cache::TableCache;
use crate::backing::Backing;
use crate::error::ImageError;
use crate::file::ImageFile;
use crate::io_buffers::{IoBuffers, IoMode};
use parking_lot::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::collections::HashSet;
use std::io;

/// Open qcow2 image. Several threads may use it at once. No lock is held while data moves, except
/// `in_flight`, which all threads that move data share.
pub(crate) struct Image {
    /// File of the image.
    pub(super) file: ImageFile,
    /// Parsed header.
    pub(super) header: Header,
    tables: Mutex<Tables>,
    /// Condition for an allocated cluster or the end of a flush.
    changed: Condvar,
    /// Lock that is read-locked while data moves to or from clusters, and write-locked to free clusters.
    in_flight: RwLock<()>,
    /// Cluster decompressed last: adjacent reads need the same cluster, and compressed clusters never change.
    decompressed: Mutex<DecompressedCluster>,
}

/// Mutable state of an image: cached tables and allocations.
pub(super) struct Tables {
    /// Cache of table pages.
    pub cache: TableCache,
    /// Allocator of clusters.
    pub refcounts: Refcounts,
    /// Clusters of the disk that a writer is relocating.
    pub allocating: HashSet<u64>,
    /// Byte ranges of the file that the cached tables do not reference any more, as offset and length. They
    /// are free once these tables are on the medium.
    pub freed: Vec<(u64, u64)>,
}

/// Contents of the compressed cluster at offset `host` of the file.
#[derive(Default)]
struct DecompressedCluster {
    host: Option<u64>,
    bytes: Vec<u8>,
}

/// Contiguous range of clusters of the same kind.
struct Extent {
    cluster: Cluster,
    /// Offset in bytes of the range from the beginning of `cluster`.
    skip: u64,
    len: u64,
}

impl Image {
    /// Opens the image in `file`, for writing if `writable`.
    ///
    /// # Errors
    /// An [`ImageError`] when the header is invalid, or the image may not be written.
    pub fn open(file: ImageFile, writable: bool) -> Result<Self, ImageError> {
        let header = Header::read(&file)?;
        if writable {
            header.check_writable()?;
            if header.autoclear != 0 {
                // Data of these features would not be updated by writes.
                file.write(AUTOCLEAR_AT, &[0; 8])?;
                file.sync()?;
            }
        }
        let tables = Tables {
            cache: TableCache::default(),
            refcounts: Refcounts::new(&header),
            allocating: HashSet::new(),
            freed: Vec::new(),
        };
        Ok(Self {
            file,
            header,
            tables: Mutex::new(tables),
            changed: Condvar::new(),
            in_flight: RwLock::new(()),
            decompressed: Mutex::default(),
        })
    }

    /// Returns the size of the disk in bytes.
    pub fn size(&self) -> u64 {
        self.header.size
    }

    /// Returns the name of the backing file in the header; `None` for an image that is no overlay.
    pub fn backing(&self) -> Option<&str> {
        self.header.backing.as_deref()
    }

    /// Returns the size of a cluster in bytes.
    pub fn cluster_len(&self) -> u64 {
        self.header.cluster_len()
    }

    /// Fills `buffers` from byte `offset`; both are within the disk.
    pub fn read_buffers(
        &self,
        offset: u64,
        buffers: IoBuffers,
        mode: IoMode,
        below: &dyn Backing,
    ) -> io::Result<()> {
        let _moving = self.lock_in_flight();
        self.read_locked(offset, buffers, mode, below)
    }

    /// Reads as [`Self::read_buffers`] does, for a caller that holds [`Self::lock_in_flight`].
    pub(super) fn read_locked(
        &self,
        mut offset: u64,
        mut buffers: IoBuffers,
        mode: IoMode,
        below: &dyn Backing,
    ) -> io::Result<()> {
        while !buffers.is_empty() {
            let extent = self.look_up(offset, buffers.len() as u64)?;
            let (here, rest) = buffers.split_at(extent.len as usize);
            match extent.cluster {
                Cluster::Unallocated => below.read(offset, here, mode)?,
                Cluster::Zero(_) => here.fill_zero(),
                Cluster::At { host, .. } => self.file.read_buffers(host + extent.skip, here, mode)?,
                Cluster::Compressed { host, len } => self.read_compressed(host, len, extent.skip, here)?,
            }
            offset += extent.len;
            buffers = rest;
        }
        Ok(())
    }

    /// Finds the extent at byte `offset` of the disk, of at most `wanted` bytes.
    fn look_up(&self, offset: u64, wanted: u64) -> io::Result<Extent> {
        let mut tables = self.tables();
        let mut index = offset >> self.header.cluster_bits;
        let cluster = self.cluster(&mut tables, index)?;
        let skip = offset & (self.cluster_len() - 1);
        let mut len = self.cluster_len() - skip;
        while len < wanted {
            index += 1;
            let goes_on = match (cluster, self.cluster(&mut tables, index)?) {
                (Cluster::Unallocated, Cluster::Unallocated) | (Cluster::Zero(_), Cluster::Zero(_)) => true,
                (Cluster::At { host: first, .. }, Cluster::At { host, .. }) => host == first + skip + len,
                _ => false,
            };
            if !goes_on {
                break;
            }
            len += self.cluster_len();
        }
        Ok(Extent { cluster, skip, len: len.min(wanted) })
    }

    /// Fills `buffers` from byte `skip` of a decompressed cluster.
    fn read_compressed(&self, host: u64, len: u64, skip: u64, buffers: IoBuffers) -> io::Result<()> {
        let mut decompressed = self.decompressed.lock();
        if decompressed.host != Some(host) {
            let mut packed = vec![0; len as usize];
            self.file.read(host, &mut packed)?;
            decompressed.host = None;
            decompressed.bytes.resize(self.cluster_len() as usize, 0);
            decompress(self.header.compression, &packed, &mut decompressed.bytes)?;
            decompressed.host = Some(host);
        }
        if let Some(bytes) =
            decompressed.bytes.get(skip as usize..).and_then(|rest| rest.get(..buffers.len()))
        {
            buffers.copy_from(bytes);
        }
        Ok(())
    }

    /// Locks the tables.
    pub(super) fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock()
    }

    /// Waits until another thread has changed the tables or ended a flush.
    pub(super) fn wait(&self, tables: &mut MutexGuard<'_, Tables>) {
        self.changed.wait(tables);
    }

    /// Locks the tables after the end of a flush that writes them.
    pub(super) fn tables_to_change(&self) -> MutexGuard<'_, Tables> {
        let mut tables = self.tables();
        while tables.cache.flushing {
            self.wait(&mut tables);
        }
        tables
    }

    /// Wakes the threads in [`Self::wait`].
    pub(super) fn notify(&self) {
        self.changed.notify_all();
    }

    /// Locks `in_flight` for moving data: the clusters that the tables reference stay where they are.
    pub(super) fn lock_in_flight(&self) -> RwLockReadGuard<'_, ()> {
        self.in_flight.read()
    }

    /// Locks `in_flight` exclusively: no other thread moves data.
    pub(super) fn stop_moves(&self) -> RwLockWriteGuard<'_, ()> {
        self.in_flight.write()
    }
}
