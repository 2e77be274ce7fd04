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

/// Open qcow2 image, used by several threads at once. None of its locks is held while data moves, except
/// `in_flight`, which is shared by all who move some.
pub(crate) struct Image {
    pub(super) file: ImageFile,
    pub(super) header: Header,
    tables: Mutex<Tables>,
    /// Signalled when a cluster was allocated and when a flush has ended.
    changed: Condvar,
    /// Read-locked while data moves to or from clusters that the tables named; write-locked to free
    /// clusters under such moves.
    in_flight: RwLock<()>,
    /// Cluster decompressed last: neighbouring reads want the same, and compressed clusters never change.
    decompressed: Mutex<DecompressedCluster>,
}

/// Mutable state of an image: cached tables and allocations.
pub(super) struct Tables {
    pub cache: TableCache,
    pub refcounts: Refcounts,
    /// Clusters of the disk that a writer is relocating.
    pub allocating: HashSet<u64>,
    /// Byte ranges of the file that the cached tables do not reference any more, as offset and length;
    /// free once those tables are on the medium.
    pub freed: Vec<(u64, u64)>,
}

#[derive(Default)]
struct DecompressedCluster {
    host: Option<u64>,
    bytes: Vec<u8>,
}

/// Contiguous range of clusters of one kind.
struct Extent {
    cluster: Cluster,
    /// Offset of the range from the beginning of `cluster`, in bytes.
    skip: u64,
    len: u64,
}

impl Image {
    /// Opens the image in `file`, for writing if `writable`.
    pub fn open(file: ImageFile, writable: bool) -> Result<Self, ImageError> {
        let header = Header::read(&file)?;
        if writable {
            header.check_writable()?;
            if header.autoclear != 0 {
                // What these features keep in the image does not follow what is written from now on.
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

    /// Size of the disk in bytes.
    pub fn size(&self) -> u64 {
        self.header.size
    }

    /// Name of the backing file in the header.
    pub fn backing(&self) -> Option<&str> {
        self.header.backing.as_deref()
    }

    /// Size of a cluster in bytes.
    pub fn cluster_len(&self) -> u64 {
        self.header.cluster_len()
    }

    /// Fills `buffers` from `offset`; both lie within the disk.
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

    /// [`Self::read_buffers`] for a caller that holds [`Self::lock_in_flight`].
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

    pub(super) fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock()
    }

    /// Waits until another thread has changed the tables or ended a flush.
    pub(super) fn wait(&self, tables: &mut MutexGuard<'_, Tables>) {
        self.changed.wait(tables);
    }

    /// Locks the tables once no flush is writing them.
    pub(super) fn tables_to_change(&self) -> MutexGuard<'_, Tables> {
        let mut tables = self.tables();
        while tables.cache.flushing {
            self.wait(&mut tables);
        }
        tables
    }

    pub(super) fn notify(&self) {
        self.changed.notify_all();
    }

    /// Guard that keeps clusters where the tables say.
    pub(super) fn lock_in_flight(&self) -> RwLockReadGuard<'_, ()> {
        self.in_flight.read()
    }

    /// Guard that keeps other threads from moving data.
    pub(super) fn stop_moves(&self) -> RwLockWriteGuard<'_, ()> {
        self.in_flight.write()
    }
}
