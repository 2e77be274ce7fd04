//! Disk that consists of the active image, which is written, and its backing images.

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

/// Zeroes written at a time to a file that has no quicker way.
const ZEROES: usize = 64 << 10;

/// Open image file and the format of the image.
#[derive(Debug)]
pub struct ImageSource {
    /// File opened for reading, and for writing if this is the active image of a writable disk.
    pub file: File,
    /// Format of the image, never guessed from the contents.
    pub format: DiskFormat,
}

/// Disk of an active image and its backing images, used by several threads at once. A read during a write
/// of the same range returns old or new bytes.
pub struct BackingChain {
    top: Layer,
    below: Vec<Layer>,
    read_only: bool,
}

struct RawImage {
    file: ImageFile,
    len: u64,
}

enum Layer {
    Raw(RawImage),
    Qcow2(Box<Image>),
}

/// Backing images of an image.
#[derive(Clone, Copy)]
struct BackingLayers<'a>(&'a [Layer]);

impl BackingChain {
    /// Locks and opens a disk of the active image `top` and the backing images `below`, nearest first.
    ///
    /// # Errors
    /// When an image is in use, damaged or unfit for its place: the index of the image, 0 for `top`, and
    /// the reason.
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

    /// Size of the disk in bytes: whole sectors, at least one.
    pub fn size(&self) -> u64 {
        self.top.size()
    }

    /// Whether the disk was opened read-only.
    pub fn read_only(&self) -> bool {
        self.read_only
    }

    /// Discard granularity in bytes: a discard of less deallocates nothing.
    pub fn discard_granularity(&self) -> u64 {
        match &self.top {
            // What host file systems allocate.
            Layer::Raw(_) => 4096,
            Layer::Qcow2(image) => image.cluster_len(),
        }
    }

    /// Fills `buf` from `offset`.
    ///
    /// # Errors
    /// The host's, [`io::ErrorKind::InvalidData`] for a damaged image, and
    /// [`io::ErrorKind::InvalidInput`] for a range outside of the disk.
    pub fn read(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.read_with_mode(offset, IoBuffers::new(&[buf.into()]), IoMode::Blocking)
    }

    /// Fills `buffers` from `offset`, if that can be done without waiting for the host's disk.
    ///
    /// # Errors
    /// As [`Self::read`], and [`io::ErrorKind::WouldBlock`]: some may have been filled then.
    pub fn read_nowait(&self, offset: u64, buffers: IoBuffers) -> io::Result<()> {
        self.read_with_mode(offset, buffers, IoMode::NoWait)
    }

    fn read_with_mode(&self, offset: u64, buffers: IoBuffers, mode: IoMode) -> io::Result<()> {
        self.check_range(offset, buffers.len() as u64)?;
        self.top.read(offset, buffers, mode, BackingLayers(&self.below))
    }

    /// Writes `buf` at `offset`. A write that failed may have been done in part, and may be repeated.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn write(&self, offset: u64, buf: &[u8]) -> io::Result<()> {
        // SAFETY: what is written to the disk is only read from.
        let slice = unsafe { readable(buf) };
        self.write_with_mode(offset, IoBuffers::new(&[slice]), IoMode::Blocking)
    }

    /// Writes `buffers` at `offset`, if that needs nothing from the host's disk first.
    ///
    /// # Errors
    /// As [`Self::write`], and [`io::ErrorKind::WouldBlock`].
    pub fn write_nowait(&self, offset: u64, buffers: IoBuffers) -> io::Result<()> {
        self.write_with_mode(offset, buffers, IoMode::NoWait)
    }

    fn write_with_mode(&self, offset: u64, buffers: IoBuffers, mode: IoMode) -> io::Result<()> {
        self.check_range(offset, buffers.len() as u64)?;
        match &self.top {
            Layer::Raw(image) => image.file.write_buffers(offset, buffers),
            Layer::Qcow2(image) => image.write_buffers(offset, buffers, mode, &BackingLayers(&self.below)),
        }
    }

    /// Discards the byte range: its contents become undefined, and the host gets the space back where
    /// possible.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn discard(&self, range: Range<u64>) -> io::Result<()> {
        self.check_range(range.start, range.end.saturating_sub(range.start))?;
        match &self.top {
            // A file that cannot give room back keeps it.
            Layer::Raw(image) => image.file.punch_hole(range.start, range.end - range.start).map(drop),
            Layer::Qcow2(image) => image.discard(range, &BackingLayers(&self.below)),
        }
    }

    /// Makes the byte range read as zeroes; its space may be deallocated if `may_unmap`.
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

    /// Puts all completed writes onto the medium.
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

    fn check_range(&self, offset: u64, len: u64) -> io::Result<()> {
        match offset.checked_add(len) {
            Some(end) if end <= self.size() => Ok(()),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "outside of the disk")),
        }
    }
}

impl Drop for BackingChain {
    fn drop(&mut self) {
        // Nobody can be told any more; what is lost is what was never flushed.
        if let Err(error) = self.flush() {
            tracing::error!(%error, "a disk image could not be written out when it was closed");
        }
    }
}

impl Layer {
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

    fn size(&self) -> u64 {
        match self {
            Self::Raw(image) => image.len,
            Self::Qcow2(image) => image.size(),
        }
    }

    fn read(&self, offset: u64, buffers: IoBuffers, mode: IoMode, below: BackingLayers) -> io::Result<()> {
        match self {
            Self::Raw(image) => image.file.read_buffers(offset, buffers, mode),
            Self::Qcow2(image) => image.read_buffers(offset, buffers, mode, &below),
        }
    }
}

impl RawImage {
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
