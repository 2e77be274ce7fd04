//! Header of a qcow2 image.

use crate::error::ImageError;
use crate::file::ImageFile;
use crate::limits::{MAX_DISK_LEN, SECTOR_LEN};

/// Magic number of qcow2, `QFI\xfb`.
pub(super) const MAGIC: u32 = 0x5146_49FB;
pub(super) const V2_LEN: usize = 72;
pub(super) const V3_LEN: usize = 104;
/// The header extension that names the backing file's format.
pub(super) const BACKING_FORMAT_EXTENSION: u32 = 0xE279_2ACA;
/// Offset of the autoclear features in a version 3 header.
pub(super) const AUTOCLEAR_AT: u64 = 88;
/// Maximum length of the name of a backing file in bytes, by the specification.
pub(super) const MAX_BACKING_NAME: usize = 1023;

/// Binary logarithm of the cluster size of new images, 64 KiB, which is also the least that is written.
pub(super) const NEW_CLUSTER_BITS: u32 = 16;
const MIN_CLUSTER_BITS: u32 = 9;
const MAX_CLUSTER_BITS: u32 = 21;
/// QEMU's own bounds on the two top tables, in bytes.
const MAX_L1_LEN: u64 = 32 << 20;
const MAX_REFCOUNT_TABLE_LEN: u64 = 8 << 20;

const INCOMPATIBLE_DIRTY: u64 = 1 << 0;
const INCOMPATIBLE_CORRUPT: u64 = 1 << 1;
const INCOMPATIBLE_EXTERNAL_DATA: u64 = 1 << 2;
const INCOMPATIBLE_COMPRESSION: u64 = 1 << 3;
const INCOMPATIBLE_EXTENDED_L2: u64 = 1 << 4;

/// Compression type of clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Deflate,
    Zstd,
}

/// Parsed header whose values were checked against the file.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    /// Size of the disk in bytes: whole sectors, at least one.
    pub size: u64,
    /// Name of the backing file.
    pub backing: Option<String>,
    pub(super) version: u32,
    pub(super) cluster_bits: u32,
    pub(super) l1_offset: u64,
    pub(super) l1_entries: u64,
    pub(super) refcount_table_offset: u64,
    pub(super) refcount_table_clusters: u64,
    pub(super) refcount_order: u32,
    pub(super) compression: Compression,
    pub(super) snapshots: u32,
    pub(super) autoclear: u64,
    dirty: bool,
}

/// A header's big-endian fields, found by their offset.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn bytes<const N: usize>(&self, at: usize) -> Result<[u8; N], ImageError> {
        let end = at.checked_add(N);
        end.and_then(|end| self.0.get(at..end))
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(ImageError::Damaged("the file ends within its header"))
    }

    fn u32(&self, at: usize) -> Result<u32, ImageError> {
        self.bytes(at).map(u32::from_be_bytes)
    }

    fn u64(&self, at: usize) -> Result<u64, ImageError> {
        self.bytes(at).map(u64::from_be_bytes)
    }
}

impl Header {
    /// Whether `file` begins with the magic number of qcow2.
    pub fn begins(file: &ImageFile) -> Result<bool, ImageError> {
        let mut magic = [0; 4];
        file.read(0, &mut magic)?;
        Ok(u32::from_be_bytes(magic) == MAGIC)
    }

    /// Reads and checks the header of `file`.
    pub fn read(file: &ImageFile) -> Result<Self, ImageError> {
        if !Self::begins(file)? {
            return Err(ImageError::NotQcow2);
        }
        let file_len = file.len()?;
        let mut start = [0; V2_LEN];
        file.read_header(0, &mut start)?;
        let cluster_bits = Fields(&start).u32(20)?;
        if !(MIN_CLUSTER_BITS..=MAX_CLUSTER_BITS).contains(&cluster_bits) {
            return Err(ImageError::Damaged("its cluster size is out of range"));
        }
        // The last cluster of a file may be cut short, so the first may be, if it is the last.
        let mut cluster = vec![0; 1 << cluster_bits];
        let present = cluster.len().min(usize::try_from(file_len).unwrap_or(usize::MAX));
        cluster.truncate(present);
        file.read_header(0, &mut cluster)?;
        let header = Self::parse(&cluster, cluster_bits)?;
        header.check_tables(file_len)?;
        Ok(header)
    }

    fn parse(cluster: &[u8], cluster_bits: u32) -> Result<Self, ImageError> {
        let fields = Fields(cluster);
        let version = fields.u32(4)?;
        let (incompatible, autoclear, refcount_order, header_len) = match version {
            2 => (0, 0, 4, V2_LEN),
            3 => (fields.u64(72)?, fields.u64(88)?, fields.u32(96)?, fields.u32(100)? as usize),
            other => return Err(ImageError::Version(other)),
        };
        if version == 3
            && (header_len < V3_LEN || header_len > cluster.len() || !header_len.is_multiple_of(8))
        {
            return Err(ImageError::Damaged("the length of its header is out of range"));
        }
        check_features(incompatible)?;
        if fields.u32(32)? != 0 {
            return Err(ImageError::Unsupported("encryption"));
        }
        if refcount_order > 6 {
            return Err(ImageError::Damaged("the width of its reference counts is out of range"));
        }
        let size = fields.u64(24)?;
        if size == 0 || !size.is_multiple_of(SECTOR_LEN) {
            return Err(ImageError::Damaged("its disk is not made of whole sectors"));
        }
        if size > MAX_DISK_LEN {
            return Err(ImageError::TooLarge(size));
        }
        Ok(Self {
            size,
            backing: backing_name(&fields, cluster)?,
            version,
            cluster_bits,
            l1_offset: fields.u64(40)?,
            l1_entries: fields.u32(36)?.into(),
            refcount_table_offset: fields.u64(48)?,
            refcount_table_clusters: fields.u32(56)?.into(),
            refcount_order,
            compression: compression(&fields, incompatible, header_len)?,
            snapshots: fields.u32(60)?,
            autoclear,
            dirty: incompatible & INCOMPATIBLE_DIRTY != 0,
        })
    }

    /// Checks that the L1 and refcount tables lie within the file and do not overlap.
    fn check_tables(&self, file_len: u64) -> Result<(), ImageError> {
        let l2_reach = (self.cluster_len() / 8) << self.cluster_bits;
        if self.l1_entries < self.size.div_ceil(l2_reach) {
            return Err(ImageError::Damaged("its first table is too short for the disk"));
        }
        let l1_len = self.l1_entries * 8;
        let refcount_len = self.refcount_table_clusters << self.cluster_bits;
        if l1_len > MAX_L1_LEN || refcount_len > MAX_REFCOUNT_TABLE_LEN {
            return Err(ImageError::Damaged("a table is larger than any disk needs"));
        }
        if refcount_len == 0 {
            return Err(ImageError::Damaged("it has no table of reference counts"));
        }
        let within = |offset: u64, len: u64| {
            offset >= self.cluster_len()
                && offset.is_multiple_of(self.cluster_len())
                && offset.checked_add(len).is_some_and(|end| end <= file_len)
        };
        if !within(self.l1_offset, l1_len) || !within(self.refcount_table_offset, refcount_len) {
            return Err(ImageError::Damaged("a table lies outside of the file"));
        }
        if self.l1_offset < self.refcount_table_offset + refcount_len
            && self.refcount_table_offset < self.l1_offset + l1_len
        {
            return Err(ImageError::Damaged("its tables overlap"));
        }
        Ok(())
    }

    /// Checks that the image may be written.
    pub(super) fn check_writable(&self) -> Result<(), ImageError> {
        if self.dirty {
            return Err(ImageError::NeedsRepair("not closed properly"));
        }
        if self.snapshots != 0 {
            return Err(ImageError::Unsupported("snapshots inside of the image"));
        }
        if self.refcount_order != 4 {
            return Err(ImageError::Unsupported("reference counts that are not 16 bits wide"));
        }
        if self.cluster_bits < NEW_CLUSTER_BITS {
            return Err(ImageError::Unsupported("clusters below 64 KiB in a disk that is written to"));
        }
        Ok(())
    }

    /// Size of a cluster in bytes.
    pub(super) fn cluster_len(&self) -> u64 {
        1 << self.cluster_bits
    }
}

fn check_features(incompatible: u64) -> Result<(), ImageError> {
    let known = INCOMPATIBLE_DIRTY
        | INCOMPATIBLE_CORRUPT
        | INCOMPATIBLE_EXTERNAL_DATA
        | INCOMPATIBLE_COMPRESSION
        | INCOMPATIBLE_EXTENDED_L2;
    match incompatible {
        bits if bits & INCOMPATIBLE_CORRUPT != 0 => Err(ImageError::NeedsRepair("found corrupt")),
        bits if bits & INCOMPATIBLE_EXTERNAL_DATA != 0 => {
            Err(ImageError::Unsupported("an external data file"))
        }
        bits if bits & INCOMPATIBLE_EXTENDED_L2 != 0 => Err(ImageError::Unsupported("subclusters")),
        bits if bits & !known != 0 => Err(ImageError::UnknownFeatures(bits & !known)),
        _ => Ok(()),
    }
}

fn compression(fields: &Fields, incompatible: u64, header_len: usize) -> Result<Compression, ImageError> {
    if incompatible & INCOMPATIBLE_COMPRESSION == 0 {
        return Ok(Compression::Deflate);
    }
    let kind = if header_len > V3_LEN { fields.bytes::<1>(V3_LEN)? } else { [0] };
    match kind {
        [0] => Ok(Compression::Deflate),
        [1] => Ok(Compression::Zstd),
        _ => Err(ImageError::Unsupported("an unknown compression")),
    }
}

fn backing_name(fields: &Fields, cluster: &[u8]) -> Result<Option<String>, ImageError> {
    let (offset, len) = (fields.u64(8)?, fields.u32(16)? as usize);
    if offset == 0 || len == 0 {
        return Ok(None);
    }
    let name = usize::try_from(offset)
        .ok()
        .filter(|_| len <= MAX_BACKING_NAME)
        .and_then(|start| cluster.get(start..start.checked_add(len)?))
        .ok_or(ImageError::Damaged("the name of its backing file is out of range"))?;
    Ok(Some(String::from_utf8_lossy(name).into_owned()))
}
