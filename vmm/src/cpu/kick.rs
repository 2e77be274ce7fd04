//! Kicks: signals that force a vCPU thread out of `KVM_RUN`.
//!
//! The signal handler sets `immediate_exit` in the thread's own `kvm_run`. So a signal that arrives after the
//! thread has passed the gate, and before `KVM_RUN`, is not lost (Linux, Documentation/virt/kvm/api.rst).

use kvm_ioctls::VcpuFd;
use std::cell::Cell;
use std::os::unix::thread::JoinHandleExt;
use std::ptr;
use std::thread::JoinHandle;
use vmm_sys_util::signal::{SIGRTMIN, register_signal_handler};

thread_local! {
    /// Address of `immediate_exit` of the vCPU that this thread runs; null without one. Const-initialised and
    /// without a destructor, so that a signal handler may read it.
    static IMMEDIATE_EXIT: Cell<*mut u8> = const { Cell::new(ptr::null_mut()) };
}

/// Returns the number of the kick signal, the first real-time signal.
fn signal() -> libc::c_int {
    SIGRTMIN()
}

/// Handles the kick signal on the vCPU's thread.
extern "C" fn on_signal(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {
    let flag = IMMEDIATE_EXIT.get();
    if !flag.is_null() {
        // SAFETY: set by `Kickable` to a byte in the mapped `kvm_run` of a vCPU that this very
        // thread owns, and cleared before that vCPU is dropped.
        unsafe { flag.write_volatile(1) };
    }
}

/// Installs the signal handler of kicks for the process. Repeated calls have no further effect.
///
/// # Errors
/// An error of sigaction(2).
pub fn install() -> Result<(), std::io::Error> {
    register_signal_handler(signal(), on_signal)
        .map_err(|error| std::io::Error::from_raw_os_error(error.errno()))
}

/// Virtual processor on the thread that runs it, which [`kick`] can force out of the guest.
pub struct Kickable(VcpuFd);

impl Kickable {
    /// Makes `vcpu` the target of kicks to the calling thread, which must be the one that runs it.
    pub fn new(mut vcpu: VcpuFd) -> Self {
        let flag: *mut u8 = &raw mut vcpu.get_kvm_run().immediate_exit;
        IMMEDIATE_EXIT.set(flag);
        Self(vcpu)
    }

    /// Returns the virtual processor, to run it.
    pub fn vcpu(&mut self) -> &mut VcpuFd {
        &mut self.0
    }

    /// Clears past kicks. Must be called before the thread passes the gate: a kick after that must not be
    /// cleared.
    pub fn rearm(&mut self) {
        self.0.set_kvm_immediate_exit(0);
    }
}

impl Drop for Kickable {
    fn drop(&mut self) {
        IMMEDIATE_EXIT.set(ptr::null_mut());
    }
}

/// Forces the vCPU of `thread` out of the guest, or keeps it from entering.
pub fn kick(thread: &JoinHandle<()>) {
    // SAFETY: the handle has not been joined, so the thread's ID is valid even if it has ended.
    unsafe { libc::pthread_kill(thread.as_pthread_t(), signal()) };
}
