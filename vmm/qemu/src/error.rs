//! Errors of starting and controlling QEMU, as sentences for the administrator.

use oriel_disk::ImageError;
use oriel_net::NetBackendError;
use std::io;
use std::path::PathBuf;

/// Reason for which a machine did not start, as one plain sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// `PATH` has no `qemu-system-x86_64`.
    #[error("QEMU is not installed: install the package qemu-system-x86")]
    QemuMissing,
    /// QEMU was built or packaged without `-display dbus`.
    #[error(
        "this QEMU has no D-Bus display: install QEMU's module ui-dbus (package qemu-system-common or qemu-system-modules-opengl)"
    )]
    NoDbusDisplay,
    /// Configuration outside of the limits of a machine under QEMU.
    #[error("the machine's configuration cannot be met: {0}")]
    Config(String),
    /// Boot file or disk image that is missing or unreadable.
    #[error("the {what} {path} cannot be opened ({error}): build the image again or correct its path")]
    File {
        /// Role of the file: `kernel`, `initial RAM disk` or `disk`.
        what: &'static str,
        /// Configured path.
        path: PathBuf,
        /// Error of opening the file.
        error: io::Error,
    },
    /// Network backend that cannot be connected.
    #[error(transparent)]
    Network(#[from] NetBackendError),
    /// Disk image that another process has locked.
    #[error("the disk {0} is in use by another machine: stop that one first")]
    DiskInUse(PathBuf),
    /// Image that is invalid, or has features that are not allowed.
    #[error("the disk image {} cannot be used: {error}", path.display())]
    Image {
        /// Path of the image.
        path: PathBuf,
        /// Result of the image's check.
        error: ImageError,
    },
    /// /dev/kvm does not exist.
    #[error(
        "there is no /dev/kvm: turn on virtualization in the firmware, or run this desktop in emulation (accel = \"tcg\")"
    )]
    KvmAbsent,
    /// /dev/kvm exists, and opening it failed with an error other than a lack of permission.
    #[error(
        "/dev/kvm cannot be opened ({0}): check that the module kvm_intel or kvm_amd is loaded, or run this desktop in emulation (accel = \"tcg\")"
    )]
    KvmUnusable(io::Error),
    /// /dev/kvm exists, and the process has no permission to open it.
    #[error("/dev/kvm may not be opened: add the user that runs Oriel to the group kvm")]
    KvmDenied,
    /// Guest memory in MiB that the host could not allocate.
    #[error("the host cannot give {0} MiB of memory to this desktop: stop others or make it smaller")]
    Memory(u32),
    /// Guest memory in MiB that exceeds the host's free reserved huge pages.
    #[error(
        "the host has fewer than {0} MiB of reserved huge pages free: raise vm.nr_hugepages or set huge_pages to \"advise\""
    )]
    ReservedMemory(u32),
    /// QEMU exited before the guest ran; its last line on standard error.
    #[error("QEMU ended at once: {0}")]
    ExitedAtOnce(String),
    /// QEMU runs, but a command of the start failed or was not answered.
    #[error("QEMU did not answer as expected while starting: {0}")]
    Unexpected(String),
    /// System call for a thread, a socket or a process that failed.
    #[error("the host refused what starting QEMU needs: {0}")]
    Host(#[from] io::Error),
}

/// Reason for which a command to a running machine failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The QEMU process has ended, or closed the connection.
    #[error("the machine has ended")]
    Ended,
    /// QEMU did not answer in time.
    #[error("QEMU does not answer; stop the desktop and start it again")]
    Timeout,
    /// Balloon target above the limit of the machine.
    #[error("the guest cannot do without {requested} MiB; the balloon may have at most {largest} MiB")]
    BalloonTooLarge {
        /// Requested balloon size in MiB.
        requested: u32,
        /// Largest balloon size in MiB.
        largest: u32,
    },
    /// QEMU answered with an error, which is the text.
    #[error("QEMU refused: {0}")]
    Refused(String),
}
