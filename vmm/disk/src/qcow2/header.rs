//! Header of a qcow2 image.

use crate::error::ImageError;
use crate::file::ImageFile;
use crate::limits::{MAX_DISK_LEN, SECTOR_LEN};

/// Magic number of qcow2, `QFI\xfb`.
pub(super) const MAGIC: u32 = 0x5146_49FB;
/// Length of the version 2 header in bytes.
pub(super) const V2_LEN: usize = 72;
/// Minimum length of the version 3 header in bytes.
pub(super) const V3_LEN: usize = 104;
/// Type of the header extension that names the backing file's format.
pub(super) const BACKING_FORMAT_EXTENSION: u32 = 0xE279_2ACA;
/// Offset of the autoclear features in a version 3 header.
pub(super) const AUTOCLEAR_AT: u64 = 88;
/// Maximum length of the name of a backing file in bytes, by the specification.
pub(super) const MAX_BACKING_NAME: usize = 1023;

/// Binary logarithm of the cluster size of new images, 64 KiB; also the minimum of images that may be
/// written.
pub(super) const NEW_CLUSTER_BITS: u32 = 16;
/// Minimum binary logarithm of the cluster size.
const MIN_CLUSTER_BITS: u32 = 9;
/// Maximum binary logarithm of the cluster size.
const MAX_CLUSTER_BITS: u32 = 21;
/// Maximum length of the L1 table in bytes, as in QEMU.
const MAX_L1_LEN: u64 = 32 << 20;
/// Maximum length of the refcount table in bytes, as in QEMU.
const MAX_REFCOUNT_TABLE_LEN: u64 = 8 << 20;

/// Incompatible feature bit: the reference counts may be wrong.
const INCOMPATIBLE_DIRTY: u64 = 1 << 0;
/// Incompatible feature bit: the image is marked corrupt.
const INCOMPATIBLE_CORRUPT: u64 = 1 << 1;
/// Incompatible feature bit: the data is in another file.
const INCOMPATIBLE_EXTERNAL_DATA: u64 = 1 << 2;
/// Incompatible feature bit: the header has a compression type.
const INCOMPATIBLE_COMPRESSION: u64 = 1 << 3;
/// Incompatible feature bit: L2 entries have subclusters.
const INCOMPATIBLE_EXTENDED_L2: u64 = 1 << 4;

/// Compression type of clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Deflate,
    Zstd,
}

/// Parsed header, validated against the file.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    /// Size of the disk in bytes: whole sectors, at least one.
    pub size: u64,
    /// Name of the backing file; `None` for an image that is no overlay.
    pub backing: Option<String>,
    /// Version of the format, 2 or 3.
    pub(super) version: u32,
    /// Binary logarithm of the cluster size.
    pub(super) cluster_bits: u32,
    /// Offset of the L1 table in the file.
    pub(super) l1_offset: u64,
    /// Number of entries of the L1 table.
    pub(super) l1_entries: u64,
    /// Offset of the refcount table in the file.
    pub(super) refcount_table_offset: u64,
    /// Length of the refcount table in clusters.
    pub(super) refcount_table_clusters: u64,
    /// Binary logarithm of the bits in a reference count.
    pub(super) refcount_order: u32,
    /// Compression type of clusters.
    pub(super) compression: Compression,
    /// Number of internal snapshots.
    pub(super) snapshots: u32,
    /// Autoclear feature bits.
    pub(super) autoclear: u64,
    dirty: bool,
}

/// Reader of a header's big-endian fields by offset.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    /// Reads `N` bytes at offset `at`.
    fn bytes<const N: usize>(&self, at: usize) -> Result<[u8; N], ImageError> {
        let end = at.checked_add(N);
        end.and_then(|end| self.0.get(at..end))
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(ImageError::Damaged("the file ends within its header"))
    }

    /// Reads a 32-bit number at offset `at`.
    fn u32(&self, at: usize) -> Result<u32, ImageError> {
        self.bytes(at).map(u32::from_be_bytes)
    }

    /// Reads a 64-bit number at offset `at`.
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

    /// Reads and validates the header of `file`.
    ///
    /// # Errors
    /// An [`ImageError`] when the file is no qcow2 image, is damaged, or uses unsupported features.
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
        // The file's last cluster may be incomplete, and the first cluster may be the last.
        let mut cluster = vec![0; 1 << cluster_bits];
        let present = cluster.len().min(usize::try_from(file_len).unwrap_or(usize::MAX));
        cluster.truncate(present);
        file.read_header(0, &mut cluster)?;
        let header = Self::parse(&cluster, cluster_bits)?;
        header.check_tables(file_len)?;
        Ok(header)
    }

    /// Parses the header in the first cluster.
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

    /// Checks that the L1 and refcount tables are within the file and do not overlap.
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
    ///
    /// # Errors
    /// An [`ImageError`] for features that are only supported for reading.
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

    /// Returns the size of a cluster in bytes.
    pub(super) fn cluster_len(&self) -> u64 {
        1 << self.cluster_bits
    }
}

/// Checks the incompatible feature bits.
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

/// Reads the compression type.
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

/// Reads the name of the backing file.
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
