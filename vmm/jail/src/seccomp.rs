//! System call filters (seccomp(2)): one for the process, and narrower ones for its threads.
//!
//! The filters are TOML files in `filters/`, compiled to BPF by `build.rs`; `filters/README.md` describes
//! the format. A call that a filter does not allow kills the process.

use crate::{Jail, JailPart};
use seccompiler::sock_filter;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering};

/// System call filter of a whole process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Filter {
    /// Filter of a process that runs Oriel's own monitor (`filters/kvm.toml`).
    Kvm,
    /// Filter of QEMU and of the machine's process that starts QEMU (`filters/qemu.toml`).
    Qemu,
    /// Filter of an egress filter before passt (`filters/egress.toml`).
    Egress,
}

/// Kind of thread in a machine's process, each with a filter of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadKind {
    /// Virtual processor.
    Vcpu,
    /// Event loop of the devices.
    Devices,
    /// Worker of a disk, which reads and writes the image files.
    Disk,
    /// State driver, which creates the virtual machine and starts the virtual processors.
    StateDriver,
    /// Thread of the control socket: accept loop, connections, viewers.
    Connection,
    /// Receiver of messages from the supervisor.
    Supervisor,
}

/// Whether threads apply filters: the process filter [`Filter::Kvm`] is in force.
static THREADS_NARROW: AtomicBool = AtomicBool::new(false);

/// Filters as BPF programs, compiled by `build.rs`.
mod compiled {
    use super::sock_filter;
    include!(concat!(env!("OUT_DIR"), "/filters.rs"));
}

impl Filter {
    /// Returns the BPF programs of the filter: calls that fail with an error, then calls that are allowed.
    fn programs(self) -> [&'static [sock_filter]; 2] {
        match self {
            Self::Kvm => [&compiled::REFUSED, &compiled::KVM],
            Self::Qemu => [&compiled::REFUSED_TO_QEMU, &compiled::QEMU],
            Self::Egress => [&compiled::REFUSED, &compiled::EGRESS],
        }
    }
}

impl ThreadKind {
    /// Returns the BPF program for threads of this kind.
    fn program(self) -> &'static [sock_filter] {
        match self {
            Self::Vcpu => &compiled::VCPU,
            Self::Devices => &compiled::DEVICES,
            Self::Disk => &compiled::DISK,
            Self::StateDriver => &compiled::STATE_DRIVER,
            Self::Connection => &compiled::CONNECTION,
            Self::Supervisor => &compiled::SUPERVISOR,
        }
    }
}

/// Applies `filter` to this process while it has one thread, and reports on the part. Later threads and
/// child processes inherit the filter.
pub(crate) fn enter(filter: Filter, report: &mut Jail) {
    let part = JailPart::Seccomp;
    match filter.programs().into_iter().try_for_each(seccompiler::apply_filter) {
        Ok(()) => {
            THREADS_NARROW.store(filter == Filter::Kvm, Ordering::Relaxed);
            report.add(part, true, "A system call that the process does not need kills the process.");
        }
        Err(error) => {
            let text =
                format!("System calls are not filtered ({error}); use a kernel with CONFIG_SECCOMP_FILTER.");
            report.add(part, false, text);
        }
    }
}

/// Narrows the filter of all threads in the process that started QEMU, which needs no programs and no files
/// from then on. QEMU itself keeps [`Filter::Qemu`]. Logs a warning on failure.
pub fn apply_filter_beside_qemu() {
    if let Err(error) = seccompiler::apply_filter_all_threads(&compiled::BESIDE_QEMU) {
        tracing::warn!(%error, "the narrow system call filter of the process beside QEMU could not be applied; the wide one stays");
    }
}

/// Applies the filter of the thread's kind to the calling thread and to threads that it starts. Does nothing
/// in a process without [`Filter::Kvm`]. Logs a warning on failure.
pub fn apply_thread_filter(thread: ThreadKind) {
    if THREADS_NARROW.load(Ordering::Relaxed)
        && let Err(error) = seccompiler::apply_filter(thread.program())
    {
        tracing::warn!(?thread, %error, "the system call filter of a thread could not be applied; the filter of the process stays");
    }
}
