//! What can go wrong, in sentences for the user who runs the server.

use oriel_disk::ImageError;
use oriel_net::NetBackendError;
use std::io;
use std::path::PathBuf;

/// Why a machine did not start. Each is one plain sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No `qemu-system-x86_64` in `PATH`.
    #[error("QEMU is not installed: install the package qemu-system-x86")]
    QemuMissing,
    /// QEMU was built or packaged without `-display dbus`.
    #[error(
        "this QEMU has no D-Bus display: install QEMU's module ui-dbus (package qemu-system-common or qemu-system-modules-opengl)"
    )]
    NoDbusDisplay,
    /// The configuration asks for something no machine can be.
    #[error("the machine's configuration cannot be met: {0}")]
    Config(String),
    /// A file of the image is missing or unreadable.
    #[error("the {what} {path} cannot be opened ({error}): build the image again or correct its path")]
    File {
        /// Kernel, initial RAM disk or disk.
        what: &'static str,
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A network interface cannot be had.
    #[error(transparent)]
    Network(#[from] NetBackendError),
    /// Another process holds the disk's lock.
    #[error("the disk {0} is in use by another machine: stop that one first")]
    DiskInUse(PathBuf),
    /// An image that cannot be a disk.
    #[error("the disk image {} cannot be used: {error}", path.display())]
    Image {
        /// The image.
        path: PathBuf,
        /// What is wrong with it.
        error: ImageError,
    },
    /// There is no /dev/kvm.
    #[error(
        "there is no /dev/kvm: turn on virtualization in the firmware, or run this desktop in emulation (accel = \"tcg\")"
    )]
    KvmAbsent,
    /// /dev/kvm is there and may not be used.
    #[error("/dev/kvm may not be opened: add the user that runs Oriel to the group kvm")]
    KvmDenied,
    /// The host has not that much memory to give.
    #[error("the host cannot give {0} MiB of memory to this desktop: stop others or make it smaller")]
    Memory(u32),
    /// The host has not that many reserved huge pages.
    #[error(
        "the host has fewer than {0} MiB of reserved huge pages free: raise vm.nr_hugepages or set huge_pages to \"advise\""
    )]
    ReservedMemory(u32),
    /// QEMU ended before the guest ran.
    #[error("QEMU ended at once: {0}")]
    ExitedAtOnce(String),
    /// QEMU runs and does not do as its documentation says.
    #[error("QEMU did not answer as expected while starting: {0}")]
    Unexpected(String),
    /// The host refused a thread, a socket or the like.
    #[error("the host refused what starting QEMU needs: {0}")]
    Host(#[from] io::Error),
}

/// Why a running machine did not do as told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The process is gone.
    #[error("the machine has ended")]
    Ended,
    /// No answer in time.
    #[error("QEMU does not answer; stop the desktop and start it again")]
    Timeout,
    /// Nothing would be left to run in, or nothing can be given back.
    #[error("the guest cannot do without {requested} MiB; the balloon may have at most {largest} MiB")]
    BalloonTooLarge {
        /// Asked for.
        requested: u32,
        /// The limit.
        largest: u32,
    },
    /// QEMU said no.
    #[error("QEMU refused: {0}")]
    Refused(String),
}
