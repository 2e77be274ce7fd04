//! Images to test with.

use oriel_disk::{BackingChain, BackingFile, ImageError, ImageSource, IoBuffers, create_overlay};
use oriel_vmm_api::DiskFormat;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use vm_memory::VolatileSlice;
use vmm_sys_util::tempdir::TempDir;

pub const SECTOR: u64 = 512;
pub const CLUSTER: u64 = 64 << 10;

/// A small generator of figures, the same in every run (xorshift64).
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

/// A folder for one test's images.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(TempDir::new_with_prefix("/tmp/oriel-disk-test-").unwrap())
    }

    /// A folder whose files are in memory, if the host has such.
    pub fn in_memory() -> Self {
        let folder = TempDir::new_with_prefix("/dev/shm/oriel-disk-test-");
        folder.map_or_else(|_| Self::new(), Self)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.as_path().join(name)
    }

    /// A raw image that holds `bytes`.
    pub fn raw(&self, name: &str, bytes: &[u8]) -> Image {
        std::fs::write(self.path(name), bytes).unwrap();
        Image { path: self.path(name), format: DiskFormat::Raw }
    }

    /// A new qcow2 image, over `backing` if there is one.
    pub fn qcow2(&self, name: &str, len: u64, backing: Option<&Image>) -> Image {
        let path = self.path(name);
        let below =
            backing.map(|below| BackingFile { name: below.path.to_str().unwrap(), format: below.format });
        create_overlay(File::create_new(&path).unwrap(), len, below).unwrap();
        Image { path, format: DiskFormat::Qcow2 }
    }
}

#[derive(Debug, Clone)]
pub struct Image {
    pub path: PathBuf,
    pub format: DiskFormat,
}

impl Image {
    pub fn open(&self, writable: bool) -> ImageSource {
        let file = OpenOptions::new().read(true).write(writable).open(&self.path).unwrap();
        ImageSource { file, format: self.format }
    }

    pub fn allocated_bytes(&self) -> u64 {
        std::os::unix::fs::MetadataExt::blocks(&std::fs::metadata(&self.path).unwrap()) * 512
    }
}

/// What opening a disk comes to once nobody uses it. A process that another test starts holds on to
/// every descriptor of this one until it runs its own program, so locks may outlive their files.
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

pub type Opened = Result<BackingChain, (usize, ImageError)>;

/// Opens a disk out of `layers`, the uppermost first, or fails if it is in use.
pub fn open_now(layers: &[Image], read_only: bool) -> Opened {
    let below = layers[1..].iter().map(|layer| layer.open(false)).collect();
    BackingChain::open(layers[0].open(!read_only), below, read_only)
}

pub fn open(layers: &[Image]) -> BackingChain {
    when_free(|| open_now(layers, false)).unwrap()
}

pub fn read(disk: &BackingChain, offset: u64, len: u64) -> Vec<u8> {
    let mut bytes = vec![0xA5; len as usize];
    disk.read(offset, &mut bytes).unwrap();
    bytes
}

/// The same as guests do it: memory in pieces, and at once if that is possible.
pub fn read_in_pieces(disk: &BackingChain, offset: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0xA5; len];
    let done = disk.read_nowait(offset, IoBuffers::new(&buffers(&mut bytes)));
    if done.is_err_and(|error| is_refusal(&error)) {
        return read(disk, offset, len as u64);
    }
    bytes
}

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

/// Whether it would have taken a while; any other error is none that these tests expect.
fn is_refusal(error: &std::io::Error) -> bool {
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}");
    true
}

/// Runs one of QEMU's tools; `None`, and a word about it, where it is not installed.
pub fn qemu(tool: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(tool).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => {
            println!("not compared with {tool}: {error}");
            None
        }
    }
}

/// `qemu-img check` finds nothing wrong, and neither does ours.
pub fn assert_clean(image: &Image) {
    let report = oriel_disk::check(image.open(false).file).unwrap();
    assert_eq!((report.leaked_clusters, report.corruptions), (0, 0), "{report:?}");
    if let Some(output) = qemu("qemu-img", &["check", "-f", "qcow2", image.path.to_str().unwrap()]) {
        assert!(output.status.success(), "{output:?}");
    }
}

/// `qemu-img` reads the same from the disk whose uppermost image this is.
pub fn assert_qemu_reads(image: &Image, contents: &[u8], scratch: &Path) {
    std::fs::write(scratch, contents).unwrap();
    let format = if image.format == DiskFormat::Raw { "raw" } else { "qcow2" };
    let (one, other) = (image.path.to_str().unwrap(), scratch.to_str().unwrap());
    if let Some(output) = qemu("qemu-img", &["compare", "-f", format, "-F", "raw", one, other]) {
        assert!(output.status.success(), "{output:?}");
    }
}
