//! Images and disks for tests.

use oriel_disk::{BackingChain, BackingFile, ImageError, ImageSource, IoBuffers, create_overlay};
use oriel_vmm_api::DiskFormat;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use vm_memory::VolatileSlice;
use vmm_sys_util::tempdir::TempDir;

/// Size of a sector in bytes.
pub const SECTOR: u64 = 512;
/// Size of a cluster of new images in bytes.
pub const CLUSTER: u64 = 64 << 10;

/// Generator of deterministic pseudo-random numbers (xorshift64).
pub struct XorShift(pub u64);

impl XorShift {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..len.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).collect();
        bytes.truncate(len);
        bytes
    }
}

/// Temporary folder for the images of a test.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(TempDir::new_with_prefix("/tmp/oriel-disk-test-").unwrap())
    }

    /// Creates a folder in memory (/dev/shm), if the host has one.
    pub fn in_memory() -> Self {
        let folder = TempDir::new_with_prefix("/dev/shm/oriel-disk-test-");
        folder.map_or_else(|_| Self::new(), Self)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.as_path().join(name)
    }

    /// Writes a raw image with the contents `bytes`.
    pub fn raw(&self, name: &str, bytes: &[u8]) -> Image {
        std::fs::write(self.path(name), bytes).unwrap();
        Image { path: self.path(name), format: DiskFormat::Raw }
    }

    /// Creates a qcow2 image, as an overlay of `backing` if given.
    pub fn qcow2(&self, name: &str, len: u64, backing: Option<&Image>) -> Image {
        let path = self.path(name);
        let below =
            backing.map(|below| BackingFile { name: below.path.to_str().unwrap(), format: below.format });
        create_overlay(File::create_new(&path).unwrap(), len, below).unwrap();
        Image { path, format: DiskFormat::Qcow2 }
    }
}

/// Image file and its format.
#[derive(Debug, Clone)]
pub struct Image {
    pub path: PathBuf,
    pub format: DiskFormat,
}

impl Image {
    /// Opens a writable disk of `layers`, the uppermost first.
    pub fn open(&self, writable: bool) -> ImageSource {
        let file = OpenOptions::new().read(true).write(writable).open(&self.path).unwrap();
        ImageSource { file, format: self.format }
    }

    pub fn allocated_bytes(&self) -> u64 {
        std::os::unix::fs::MetadataExt::blocks(&std::fs::metadata(&self.path).unwrap()) * 512
    }
}

/// Opens a disk, and retries while it is in use. A child process of a parallel test has all descriptors until
/// its exec, so locks may outlive their files for a moment.
pub fn when_free(open: impl Fn() -> Opened) -> Opened {
    let start = Instant::now();
    loop {
        match open() {
            Err((_, ImageError::InUse)) if start.elapsed() < Duration::from_secs(20) => {
                std::thread::yield_now();
            }
            opened => return opened,
        }
    }
}

/// Result of opening a disk.
pub type Opened = Result<BackingChain, (usize, ImageError)>;

/// Opens a disk of `layers`, the uppermost first; fails if it is in use.
pub fn open_now(layers: &[Image], read_only: bool) -> Opened {
    let below = layers[1..].iter().map(|layer| layer.open(false)).collect();
    BackingChain::open(layers[0].open(!read_only), below, read_only)
}

pub fn open(layers: &[Image]) -> BackingChain {
    when_free(|| open_now(layers, false)).unwrap()
}

/// Reads bytes of the disk.
pub fn read(disk: &BackingChain, offset: u64, len: u64) -> Vec<u8> {
    let mut bytes = vec![0xA5; len as usize];
    disk.read(offset, &mut bytes).unwrap();
    bytes
}

/// Reads bytes of the disk as a guest does: scattered memory, and without blocking if possible.
pub fn read_in_pieces(disk: &BackingChain, offset: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0xA5; len];
    let done = disk.read_nowait(offset, IoBuffers::new(&buffers(&mut bytes)));
    if done.is_err_and(|error| is_refusal(&error)) {
        return read(disk, offset, len as u64);
    }
    bytes
}

/// Writes bytes as a guest does: scattered memory, and without blocking if possible.
pub fn write_in_pieces(disk: &BackingChain, offset: u64, bytes: &[u8]) {
    let mut copy = bytes.to_vec();
    let done = disk.write_nowait(offset, IoBuffers::new(&buffers(&mut copy)));
    if done.is_err_and(|error| is_refusal(&error)) {
        disk.write(offset, bytes).unwrap();
    }
}

fn buffers(bytes: &mut [u8]) -> Vec<VolatileSlice<'_>> {
    bytes.chunks_mut(3000).map(VolatileSlice::from).collect()
}

/// Whether the operation would have blocked; panics for any other error.
fn is_refusal(error: &std::io::Error) -> bool {
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}");
    true
}

/// Runs one of QEMU's tools; prints a note and returns `None` where the tool is not installed.
pub fn qemu(tool: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(tool).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => {
            println!("not compared with {tool}: {error}");
            None
        }
    }
}

/// Asserts that neither `qemu-img check` nor Oriel's check finds an error.
pub fn assert_clean(image: &Image) {
    let report = oriel_disk::check(image.open(false).file).unwrap();
    assert_eq!((report.leaked_clusters, report.corruptions), (0, 0), "{report:?}");
    if let Some(output) = qemu("qemu-img", &["check", "-f", "qcow2", image.path.to_str().unwrap()]) {
        assert!(output.status.success(), "{output:?}");
    }
}

/// Asserts that `qemu-img` reads `contents` from the disk whose uppermost image is `image`.
pub fn assert_qemu_reads(image: &Image, contents: &[u8], scratch: &Path) {
    std::fs::write(scratch, contents).unwrap();
    let format = if image.format == DiskFormat::Raw { "raw" } else { "qcow2" };
    let (one, other) = (image.path.to_str().unwrap(), scratch.to_str().unwrap());
    if let Some(output) = qemu("qemu-img", &["compare", "-f", format, "-F", "raw", one, other]) {
        assert!(output.status.success(), "{output:?}");
    }
}
