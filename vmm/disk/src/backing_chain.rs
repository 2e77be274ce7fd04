//! Disk of an active image, which is written, and read-only backing images below it.

use crate::backing::Backing;
use crate::error::ImageError;
use crate::file::ImageFile;
use crate::inspect::raw_len;
use crate::io_buffers::{IoBuffers, IoMode, readable};
use crate::limits::MAX_LAYERS;
use crate::lock::lock;
use crate::qcow2::Image;
use oriel_vmm_api::DiskFormat;
use std::fs::File;
use std::io;
use std::ops::Range;

/// Size in bytes of the zeroes written at a time to a file system that cannot zero a range.
const ZEROES: usize = 64 << 10;

/// Open image file and the format of the image.
#[derive(Debug)]
pub struct ImageSource {
    /// File opened for reading, and for writing if this is the active image of a writable disk.
    pub file: File,
    /// Format of the image, never guessed from the contents.
    pub format: DiskFormat,
}

/// Disk of an active image and its backing images. Several threads may use it at once; a read during a write
/// of the same range returns old or new bytes.
pub struct BackingChain {
    top: Layer,
    below: Vec<Layer>,
    read_only: bool,
}

/// Open raw image and its length in bytes.
struct RawImage {
    file: ImageFile,
    len: u64,
}

/// Open image of the chain.
enum Layer {
    Raw(RawImage),
    Qcow2(Box<Image>),
}

/// Backing images of an image, nearest first.
#[derive(Clone, Copy)]
struct BackingLayers<'a>(&'a [Layer]);

impl BackingChain {
    /// Locks and opens a disk of the active image `top` and the backing images `below`, nearest first.
    ///
    /// # Errors
    /// Index of the first image that is in use, damaged or unsuitable for its position (0 for `top`), and the
    /// reason.
    pub fn open(
        top: ImageSource,
        below: Vec<ImageSource>,
        read_only: bool,
    ) -> Result<Self, (usize, ImageError)> {
        if below.len() >= MAX_LAYERS {
            return Err((0, ImageError::TooManyLayers));
        }
        let lowest = below.len();
        let open = |(place, source): (usize, ImageSource)| {
            let writable = place == 0 && !read_only;
            Layer::open(source, writable, place == lowest).map_err(|error| (place, error))
        };
        let top = open((0, top))?;
        let below = (1..).zip(below).map(open).collect::<Result<_, _>>()?;
        Ok(Self { top, below, read_only })
    }

    /// Returns the size of the disk in bytes: whole sectors, at least one.
    pub fn size(&self) -> u64 {
        self.top.size()
    }

    /// Whether the disk was opened read-only.
    pub fn read_only(&self) -> bool {
        self.read_only
    }

    /// Returns the discard granularity in bytes; a smaller discard deallocates nothing.
    pub fn discard_granularity(&self) -> u64 {
        match &self.top {
            // Block size of usual host file systems.
            Layer::Raw(_) => 4096,
            Layer::Qcow2(image) => image.cluster_len(),
        }
    }

    /// Fills `buf` from byte `offset`.
    ///
    /// # Errors
    /// The host's errors, [`io::ErrorKind::InvalidData`] for a damaged image, and
    /// [`io::ErrorKind::InvalidInput`] for a range outside of the disk.
    pub fn read(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.read_with_mode(offset, IoBuffers::new(&[buf.into()]), IoMode::Blocking)
    }

    /// Fills `buffers` from byte `offset`, if that is possible without waiting for the host's disk.
    ///
    /// # Errors
    /// As [`Self::read`], and [`io::ErrorKind::WouldBlock`], after which a part of the buffers may be filled.
    pub fn read_nowait(&self, offset: u64, buffers: IoBuffers) -> io::Result<()> {
        self.read_with_mode(offset, buffers, IoMode::NoWait)
    }

    /// Fills `buffers` from byte `offset`.
    fn read_with_mode(&self, offset: u64, buffers: IoBuffers, mode: IoMode) -> io::Result<()> {
        self.check_range(offset, buffers.len() as u64)?;
        self.top.read(offset, buffers, mode, BackingLayers(&self.below))
    }

    /// Writes `buf` at byte `offset`. A failed write may be partially done, and may be repeated.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn write(&self, offset: u64, buf: &[u8]) -> io::Result<()> {
        // SAFETY: a write to the disk only reads the buffer.
        let slice = unsafe { readable(buf) };
        self.write_with_mode(offset, IoBuffers::new(&[slice]), IoMode::Blocking)
    }

    /// Writes `buffers` at byte `offset`, if that needs no wait for the host's disk.
    ///
    /// # Errors
    /// As [`Self::write`], and [`io::ErrorKind::WouldBlock`].
    pub fn write_nowait(&self, offset: u64, buffers: IoBuffers) -> io::Result<()> {
        self.write_with_mode(offset, buffers, IoMode::NoWait)
    }

    /// Writes `buffers` at byte `offset`.
    fn write_with_mode(&self, offset: u64, buffers: IoBuffers, mode: IoMode) -> io::Result<()> {
        self.check_range(offset, buffers.len() as u64)?;
        match &self.top {
            Layer::Raw(image) => image.file.write_buffers(offset, buffers),
            Layer::Qcow2(image) => image.write_buffers(offset, buffers, mode, &BackingLayers(&self.below)),
        }
    }

    /// Discards the byte range: its contents become undefined, and its space is deallocated where possible.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn discard(&self, range: Range<u64>) -> io::Result<()> {
        self.check_range(range.start, range.end.saturating_sub(range.start))?;
        match &self.top {
            // A file system without holes keeps the space allocated.
            Layer::Raw(image) => image.file.punch_hole(range.start, range.end - range.start).map(drop),
            Layer::Qcow2(image) => image.discard(range, &BackingLayers(&self.below)),
        }
    }

    /// Zeroes the byte range; its space may be deallocated if `may_unmap`.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn write_zeroes(&self, range: Range<u64>, may_unmap: bool) -> io::Result<()> {
        self.check_range(range.start, range.end.saturating_sub(range.start))?;
        match &self.top {
            Layer::Raw(image) => image.write_zeroes(range, may_unmap),
            Layer::Qcow2(image) => image.write_zeroes(range, may_unmap, &BackingLayers(&self.below)),
        }
    }

    /// Flushes all completed writes to the medium.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn flush(&self) -> io::Result<()> {
        match &self.top {
            _ if self.read_only => Ok(()),
            Layer::Raw(image) => image.file.sync(),
            Layer::Qcow2(image) => image.flush(),
        }
    }

    /// Checks that `len` bytes from `offset` on are within the disk.
    fn check_range(&self, offset: u64, len: u64) -> io::Result<()> {
        match offset.checked_add(len) {
            Some(end) if end <= self.size() => Ok(()),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "outside of the disk")),
        }
    }
}

impl Drop for BackingChain {
    fn drop(&mut self) {
        // The error has no receiver; only writes that were never flushed are lost.
        if let Err(error) = self.flush() {
            tracing::error!(%error, "a disk image could not be written out when it was closed");
        }
    }
}

impl Layer {
    /// Locks and opens an image.
    fn open(source: ImageSource, writable: bool, is_lowest: bool) -> Result<Self, ImageError> {
        if !lock(&source.file, !writable)? {
            return Err(ImageError::InUse);
        }
        let file = ImageFile::new(source.file);
        match source.format {
            DiskFormat::Raw if !is_lowest => Err(ImageError::NoOverlay),
            DiskFormat::Raw => {
                let len = raw_len(&file)?;
                Ok(Self::Raw(RawImage { file, len }))
            }
            DiskFormat::Qcow2 => {
                let image = Image::open(file, writable)?;
                match image.backing() {
                    Some(name) if is_lowest => Err(ImageError::BackingMissing(name.to_owned())),
                    None if !is_lowest => Err(ImageError::NoOverlay),
                    _ => Ok(Self::Qcow2(Box::new(image))),
                }
            }
        }
    }

    /// Returns the size of the image's disk in bytes.
    fn size(&self) -> u64 {
        match self {
            Self::Raw(image) => image.len,
            Self::Qcow2(image) => image.size(),
        }
    }

    /// Fills `buffers` from byte `offset` of the image, with unallocated clusters from `below`.
    fn read(&self, offset: u64, buffers: IoBuffers, mode: IoMode, below: BackingLayers) -> io::Result<()> {
        match self {
            Self::Raw(image) => image.file.read_buffers(offset, buffers, mode),
            Self::Qcow2(image) => image.read_buffers(offset, buffers, mode, &below),
        }
    }
}

impl RawImage {
    /// Zeroes the byte range, with a hole if `may_unmap`.
    fn write_zeroes(&self, range: Range<u64>, may_unmap: bool) -> io::Result<()> {
        let len = range.end - range.start;
        let done = if may_unmap {
            self.file.punch_hole(range.start, len)?
        } else {
            self.file.zero_range(range.start, len)?
        };
        if done {
            return Ok(());
        }
        let zeroes = [0; ZEROES];
        let mut at = range.start;
        while at < range.end {
            let len = (range.end - at).min(ZEROES as u64);
            self.file.write(at, zeroes.get(..len as usize).unwrap_or(&zeroes))?;
            at += len;
        }
        Ok(())
    }
}

impl Backing for BackingLayers<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn read(&self, offset: u64, buffers: IoBuffers, mode: IoMode) -> io::Result<()> {
        let Some((layer, below)) = self.0.split_first() else {
            buffers.fill_zero();
            return Ok(());
        };
        let present = layer.size().saturating_sub(offset).min(buffers.len() as u64) as usize;
        let (within, beyond) = buffers.split_at(present);
        layer.read(offset, within, mode, BackingLayers(below))?;
        beyond.fill_zero();
        Ok(())
    }
}
