//! An open qcow2 image, and reading from it.

use super::compressed::decompress;
use super::entry::Cluster;
use super::header::{AUTOCLEAR_AT, Header};
use super::refcounts::Refcounts;
use super::table_cache::TableCache;
use crate::ImageError;
use crate::backing_chain::BackingLayers;
use crate::file::ImageFile;
use crate::io_buffers::{IoBuffers, IoMode};
use parking_lot::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::collections::HashSet;
use std::io;

/// An image, used by several threads at once. None of its locks is held while data moves, except
/// `in_flight`, which is shared by all who move some.
pub(crate) struct Image {
    pub(super) file: ImageFile,
    pub(super) header: Header,
    tables: Mutex<Tables>,
    /// Told when a cluster was allocated and when a flush has ended.
    changed: Condvar,
    /// Shared: moves data between a buffer and where the tables said it was. Exclusive: takes
    /// clusters away from under such moves.
    in_flight: RwLock<()>,
    /// Neighbouring reads want the same cluster, and what was compressed once never changes.
    decompressed: Mutex<DecompressedCluster>,
}

/// What changes of an image's tables.
pub(super) struct Tables {
    pub cache: TableCache,
    pub refcounts: Refcounts,
    /// Clusters of the disk that a writer is moving to a new place.
    pub allocating: HashSet<u64>,
    /// Room in the file to which the tables in memory do not point any more, as offset and length;
    /// it is free once those tables are on the medium.
    pub freed: Vec<(u64, u64)>,
}

#[derive(Default)]
struct DecompressedCluster {
    host: Option<u64>,
    bytes: Vec<u8>,
}

/// A range that lies in one piece.
struct Extent {
    cluster: Cluster,
    /// From the beginning of `cluster` to that of the range.
    skip: u64,
    len: u64,
}

impl Image {
    /// Opens the image in `file`, for writing too if `writable`.
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

    /// The disk's length in bytes.
    pub fn size(&self) -> u64 {
        self.header.size
    }

    /// What the image calls the file below it.
    pub fn backing(&self) -> Option<&str> {
        self.header.backing.as_deref()
    }

    /// Bytes that are given back together.
    pub fn cluster_len(&self) -> u64 {
        self.header.cluster_len()
    }

    /// Fills `buffers` from `offset`; both lie within the disk.
    pub fn read_buffers(
        &self,
        offset: u64,
        buffers: IoBuffers,
        mode: IoMode,
        below: BackingLayers,
    ) -> io::Result<()> {
        let _moving = self.lock_in_flight();
        self.read_locked(offset, buffers, mode, below)
    }

    /// [`Self::read_buffers`] for who holds [`Self::lock_in_flight`].
    pub(super) fn read_locked(
        &self,
        mut offset: u64,
        mut buffers: IoBuffers,
        mode: IoMode,
        below: BackingLayers,
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

    /// Waits until something that others do to the tables is done.
    pub(super) fn wait(&self, tables: &mut MutexGuard<'_, Tables>) {
        self.changed.wait(tables);
    }

    /// The tables, once no flush is writing them.
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

    /// While this is held, clusters stay where the tables say.
    pub(super) fn lock_in_flight(&self) -> RwLockReadGuard<'_, ()> {
        self.in_flight.read()
    }

    /// While this is held, nobody moves data.
    pub(super) fn stop_moves(&self) -> RwLockWriteGuard<'_, ()> {
        self.in_flight.write()
    }
}
