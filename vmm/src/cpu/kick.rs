//! Getting a vCPU thread out of `KVM_RUN`.
//!
//! The signal's handler sets `immediate_exit` in the thread's own `kvm_run`, so that a signal that
//! comes between the thread's last look at its orders and `KVM_RUN` is not lost.

use kvm_ioctls::VcpuFd;
use std::cell::Cell;
use std::os::unix::thread::JoinHandleExt;
use std::ptr;
use std::thread::JoinHandle;
use vmm_sys_util::signal::{SIGRTMIN, register_signal_handler};

thread_local! {
    /// `immediate_exit` of the vCPU that this thread runs. Const-initialised and without a
    /// destructor, so that a signal handler may read it.
    static IMMEDIATE_EXIT: Cell<*mut u8> = const { Cell::new(ptr::null_mut()) };
}

fn signal() -> libc::c_int {
    SIGRTMIN()
}

extern "C" fn on_signal(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {
    let flag = IMMEDIATE_EXIT.get();
    if !flag.is_null() {
        // SAFETY: set by `Kickable` to a byte in the mapped `kvm_run` of a vCPU that this very
        // thread owns, and cleared before that vCPU goes.
        unsafe { flag.write_volatile(1) };
    }
}

/// Installs the handler; once per process is enough, more does no harm.
///
/// # Errors
/// When the system refuses.
pub fn install() -> Result<(), std::io::Error> {
    register_signal_handler(signal(), on_signal)
        .map_err(|error| std::io::Error::from_raw_os_error(error.errno()))
}

/// A vCPU on the thread that runs it.
pub struct Kickable(VcpuFd);

impl Kickable {
    /// From now on [`kick`] reaches this vCPU. To be called on the thread that runs it.
    pub fn new(mut vcpu: VcpuFd) -> Self {
        let flag: *mut u8 = &raw mut vcpu.get_kvm_run().immediate_exit;
        IMMEDIATE_EXIT.set(flag);
        Self(vcpu)
    }

    /// The vCPU.
    pub fn vcpu(&mut self) -> &mut VcpuFd {
        &mut self.0
    }

    /// Forgets past kicks. Orders are to be looked at after this, not before.
    pub fn rearm(&mut self) {
        self.0.set_kvm_immediate_exit(0);
    }
}

impl Drop for Kickable {
    fn drop(&mut self) {
        IMMEDIATE_EXIT.set(ptr::null_mut());
    }
}

/// Gets the vCPU of `thread` out of the guest, or keeps it from entering.
pub fn kick(thread: &JoinHandle<()>) {
    // SAFETY: the handle has not been joined, so the thread's ID is valid even if it has ended.
    unsafe { libc::pthread_kill(thread.as_pthread_t(), signal()) };
}
