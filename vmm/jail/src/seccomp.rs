//! System calls (seccomp(2)): a filter for the whole process, and narrower ones for its threads.
//! The filters are data: `filters/README.md`.

use crate::{Jail, JailPart};
use seccompiler::sock_filter;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering};

/// What holds for all threads of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Filter {
    /// Our own machine.
    Kvm,
    /// QEMU and the process around it.
    Qemu,
}

/// A kind of thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadKind {
    /// A virtual processor.
    Vcpu,
    /// Devices.
    Devices,
    /// A disk's files.
    Disk,
    /// Makes virtual machines and starts processors.
    StateDriver,
    /// Serves a connection, or waits for one.
    Connection,
    /// Hears the supervisor.
    Supervisor,
}

/// Whether this process runs our own machine and is filtered.
static THREADS_NARROW: AtomicBool = AtomicBool::new(false);

mod compiled {
    use super::sock_filter;
    include!(concat!(env!("OUT_DIR"), "/filters.rs"));
}

impl Filter {
    /// What is refused, and what is allowed.
    fn programs(self) -> [&'static [sock_filter]; 2] {
        match self {
            Self::Kvm => [&compiled::REFUSED, &compiled::KVM],
            Self::Qemu => [&compiled::REFUSED_TO_QEMU, &compiled::QEMU],
        }
    }
}

impl ThreadKind {
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

/// Filters this process, which has one thread; those that it starts inherit it.
pub(crate) fn enter(filter: Filter, report: &mut Jail) {
    let part = JailPart::Seccomp;
    match filter.programs().into_iter().try_for_each(seccompiler::apply_filter) {
        Ok(()) => {
            THREADS_NARROW.store(filter == Filter::Kvm, Ordering::Relaxed);
            report.add(part, true, "A system call that it does not need kills it.");
        }
        Err(error) => {
            let text =
                format!("System calls are not filtered ({error}); use a kernel with CONFIG_SECCOMP_FILTER.");
            report.add(part, false, text);
        }
    }
}

/// Once QEMU runs: narrows all threads of the process beside it, which needs no programs and no
/// files any more. QEMU keeps its own.
pub fn apply_filter_beside_qemu() {
    if let Err(error) = seccompiler::apply_filter_all_threads(&compiled::BESIDE_QEMU) {
        tracing::warn!(%error, "the process beside QEMU keeps the system calls that starting QEMU took");
    }
}

/// Narrows the calling thread, and those that it starts, to what its kind needs. Does nothing in a
/// process that does not run our own machine or is not filtered at all.
pub fn apply_thread_filter(thread: ThreadKind) {
    if THREADS_NARROW.load(Ordering::Relaxed)
        && let Err(error) = seccompiler::apply_filter(thread.program())
    {
        tracing::warn!(?thread, %error, "a thread keeps the system calls of its process");
    }
}
