//! Initial registers of the virtual processors.
//!
//! The first processor starts in the state that the kernel's boot protocol requires; the others wait for the
//! guest's startup interrupt (INIT, SIPI), which KVM handles.

use crate::boot::Entry;
use crate::layout;
use kvm_bindings::{Msrs, kvm_dtable, kvm_fpu, kvm_msr_entry, kvm_regs, kvm_segment};
use kvm_ioctls::VcpuFd;

const CR0_PE: u64 = 1;
const CR0_ET: u64 = 1 << 4;
const CR0_PG: u64 = 1 << 31;
const CR4_PAE: u64 = 1 << 5;
const EFER_LME: u64 = 1 << 8;
const EFER_LMA: u64 = 1 << 10;
const RFLAGS_RESERVED: u64 = 2;

/// Selectors of the boot-time descriptors. Linux' boot protocol requires 0x10 for code and 0x18 for data.
const CODE_SELECTOR: u16 = 0x10;
const DATA_SELECTOR: u16 = 0x18;
const TASK_SELECTOR: u16 = 0x20;

/// MSR `IA32_MISC_ENABLE` (Intel SDM volume 4).
const MSR_MISC_ENABLE: u32 = 0x1A0;
const MISC_ENABLE_FAST_STRING: u64 = 1;
/// MSR `IA32_MTRR_DEF_TYPE` (Intel SDM volume 3, memory cache control).
const MSR_MTRR_DEFAULT_TYPE: u32 = 0x2FF;
const MTRR_ENABLED_WRITE_BACK: u64 = 1 << 11 | 6;

/// Control word of the x87 FPU, as after FNINIT.
const FPU_CONTROL: u16 = 0x37F;
/// Control and status register of SSE, as after a reset.
const MXCSR: u32 = 0x1F80;

/// Sets the state that every virtual processor has before its first instruction: write-back memory and an
/// initialised FPU.
///
/// # Errors
/// An error of `KVM_SET_MSRS` or `KVM_SET_FPU`.
pub fn prepare(vcpu: &VcpuFd) -> Result<(), kvm_ioctls::Error> {
    let msr = |index, data| kvm_msr_entry { index, data, ..Default::default() };
    for entry in
        [msr(MSR_MISC_ENABLE, MISC_ENABLE_FAST_STRING), msr(MSR_MTRR_DEFAULT_TYPE, MTRR_ENABLED_WRITE_BACK)]
    {
        // KVM skips an MSR that it does not support, and the guest works without it.
        if let Ok(msrs) = Msrs::from_entries(&[entry]) {
            vcpu.set_msrs(&msrs)?;
        }
    }
    vcpu.set_fpu(&kvm_fpu { fcw: FPU_CONTROL, mxcsr: MXCSR, ..Default::default() })
}

/// Sets the registers of the first virtual processor to the kernel's `entry`.
///
/// # Errors
/// An error of `KVM_GET_SREGS`, `KVM_SET_SREGS` or `KVM_SET_REGS`.
pub fn enter(vcpu: &VcpuFd, entry: Entry) -> Result<(), kvm_ioctls::Error> {
    let mut sregs = vcpu.get_sregs()?;
    let long_mode = matches!(entry, Entry::Linux64 { .. });
    sregs.cs = code(long_mode);
    for segment in [&mut sregs.ds, &mut sregs.es, &mut sregs.fs, &mut sregs.gs, &mut sregs.ss] {
        *segment = data();
    }
    sregs.tr = task();
    sregs.idt = kvm_dtable { base: 0, limit: 0, ..Default::default() };
    sregs.cr0 = CR0_PE | CR0_ET;
    sregs.cr4 = 0;
    sregs.efer = 0;
    let mut regs = kvm_regs { rflags: RFLAGS_RESERVED, ..Default::default() };
    match entry {
        Entry::Linux64 { rip, zero_page } => {
            sregs.gdt = kvm_dtable { base: layout::GDT, limit: 31, ..Default::default() };
            sregs.cr3 = layout::PAGE_TABLES;
            sregs.cr0 |= CR0_PG;
            sregs.cr4 = CR4_PAE;
            sregs.efer = EFER_LME | EFER_LMA;
            regs.rip = rip;
            regs.rsi = zero_page;
        }
        Entry::Pvh { eip, start_info } => {
            regs.rip = u64::from(eip);
            regs.rbx = u64::from(start_info);
        }
    }
    vcpu.set_sregs(&sregs)?;
    vcpu.set_regs(&regs)
}

/// Returns a present segment of 4 GiB at base 0.
fn flat(selector: u16, segment_type: u8) -> kvm_segment {
    kvm_segment {
        base: 0,
        limit: u32::MAX,
        selector,
        type_: segment_type,
        present: 1,
        s: 1,
        g: 1,
        ..Default::default()
    }
}

/// Returns the code segment, 64-bit or 32-bit.
fn code(long_mode: bool) -> kvm_segment {
    let (l, db) = if long_mode { (1, 0) } else { (0, 1) };
    kvm_segment { l, db, ..flat(CODE_SELECTOR, 0xB) }
}

/// Returns the data segment, readable and writable.
fn data() -> kvm_segment {
    kvm_segment { db: 1, ..flat(DATA_SELECTOR, 3) }
}

/// Returns a busy task state segment. VM entry requires one; its contents are never used.
fn task() -> kvm_segment {
    kvm_segment { limit: 0x67, s: 0, g: 0, ..flat(TASK_SELECTOR, 0xB) }
}
