//! From the PVH entry point to CPL3.
//!
//! PVH (Xen, `docs/misc/pvh.pandoc`) enters in 32-bit protected mode without
//! paging, with the address of the start info in EBX. The stub switches to long
//! mode and leaves for user mode by `iretq`, because some hosts run only guest
//! user mode at full speed. IN and OUT work there by the I/O permission map of the
//! TSS; not every such host looks at IOPL.
//!
//! Interrupts are off at CPL3. A program that has nothing to do calls
//! [`wait_for_interrupt`]: HLT is forbidden there, and the handler of the exception
//! halts in its place, with interrupts on. (Hosts that run user mode natively
//! know exceptions; some know neither SYSCALL nor INT.)

use core::arch::{asm, global_asm};

/// The vector of timers and used buffers.
pub const WAKE_VECTOR: u8 = 0x40;
/// The vector of changes of a device's configuration.
pub const CONFIG_VECTOR: u8 = 0x41;
/// The vector of the local APIC's spurious interrupt.
pub const SPURIOUS_VECTOR: u8 = 0xff;

/// Exceptions that leave an error code on the stack, other than general protection.
const WITH_ERROR_CODE: [u8; 6] = [8, 10, 11, 12, 14, 17];
const GENERAL_PROTECTION: u8 = 13;
const EXCEPTIONS: u8 = 32;

const KERNEL_CODE: u64 = 0x08;
/// Present, 64-bit interrupt gate, for DPL 0.
const INTERRUPT_GATE: u64 = 0x8e00;

unsafe extern "C" {
    static mut idt: [[u64; 2]; 256];
    static protection: u8;
    static fault: u8;
    static fault_with_code: u8;
    static wake: u8;
    static wake_config: u8;
    static mut config_changed: u32;
    static spurious: u8;
}

fn set_gate(vector: u8, handler: *const u8) {
    let address = handler.addr() as u64;
    let (low, middle, high) = (address & 0xffff, (address >> 16) & 0xffff, address >> 32);
    let gate = [low | KERNEL_CODE << 16 | INTERRUPT_GATE << 32 | middle << 48, high];
    // SAFETY: only the processor reads the table, and only for an exception, which
    // would have been fatal before; interrupts are off here.
    unsafe { idt[usize::from(vector)] = gate };
}

/// Fills the interrupt descriptor table: exceptions are reported by `guest_fault`
/// instead of ending the machine, and interrupts end a [`wait_for_interrupt`].
pub fn init_interrupts() {
    (0..EXCEPTIONS).for_each(|vector| set_gate(vector, &raw const fault));
    WITH_ERROR_CODE.into_iter().for_each(|vector| set_gate(vector, &raw const fault_with_code));
    set_gate(GENERAL_PROTECTION, &raw const protection);
    set_gate(WAKE_VECTOR, &raw const wake);
    set_gate(CONFIG_VECTOR, &raw const wake_config);
    set_gate(SPURIOUS_VECTOR, &raw const spurious);
}

/// Halts until an interrupt is pending; returns at once if one is already.
pub fn wait_for_interrupt() {
    // SAFETY: the handler of the exception changes no register, works on a stack
    // of its own, and returns behind the instruction.
    unsafe { asm!("hlt", options(nostack, preserves_flags)) };
}

/// Whether a device's configuration has changed since the last call.
pub fn take_config_change() -> bool {
    let flag = &raw mut config_changed;
    // SAFETY: only the handler writes it besides, and interrupts are off here.
    unsafe { flag.replace(0) != 0 }
}

// The identity map of the first 4 GiB in 2 MiB pages is constant data, flags
// present, writable, user (and page size): nothing to fill in at start.
global_asm!(
    r#"
    .section .note.Xen, "a", @note
    .p2align 2
    .long 4, 8, 18          # name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad pvh_start

    .section .paging, "aw"
    .p2align 12
pml4:
    .quad pdpt + 0x7
    .fill 511, 8, 0
pdpt:
    .quad page_directories + 0x0007
    .quad page_directories + 0x1007
    .quad page_directories + 0x2007
    .quad page_directories + 0x3007
    .fill 508, 8, 0
page_directories:
    .set page, 0
    .rept 2048
    .quad (page << 21) + 0x87
    .set page, page + 1
    .endr

gdt:
    .quad 0
    .quad 0x00209a0000000000    # 0x08: 64-bit code, DPL 0
    .quad 0x0000920000000000    # 0x10: data, DPL 0
    .quad 0x0000f20000000000    # 0x18: data, DPL 3
    .quad 0x0020fa0000000000    # 0x20: 64-bit code, DPL 3
tss_descriptor:
    .quad 0x0000890000002068, 0 # 0x28: TSS; the stub fills in its address
gdt_pointer:
    .word gdt_pointer - gdt - 1
    .long gdt
tss:
    .long 0
    .quad interrupt_stack_top   # RSP0
    .fill 90, 1, 0
    .word 104                   # I/O permission map: every port is allowed
    .fill 8192, 1, 0
    .byte 0xff
idt_pointer:
    .word 256 * 16 - 1
    .quad idt

    .section .boot, "ax"
    .code32
    .globl pvh_start
pvh_start:
    cld
    movl %ebx, %edi
    movl $pml4, %eax
    movl %eax, %cr3
    movl %cr4, %eax
    orl $0x620, %eax            # PAE, OSFXSR, OSXMMEXCPT
    movl %eax, %cr4
    movl $0xc0000080, %ecx      # EFER
    rdmsr
    orl $0x100, %eax            # LME
    wrmsr
    movl %cr0, %eax
    andl $0x9ffffff3, %eax      # not CD, NW, EM, TS
    orl $0x80000003, %eax       # PG, MP, PE
    movl %eax, %cr0
    lgdt gdt_pointer
    ljmp $0x08, $long_mode

    .code64
long_mode:
    lidt idt_pointer
    movl $tss, %eax
    movw %ax, tss_descriptor + 2
    shrl $16, %eax
    movb %al, tss_descriptor + 4
    movb %ah, tss_descriptor + 7
    movl $0x28, %eax
    ltr %ax
    movl $0x1b, %eax
    movl %eax, %ds
    movl %eax, %es
    movl $0x10, %eax
    movl %eax, %ss
    movl $stack_top, %esp
    pushq $0x1b                 # SS
    pushq $stack_top            # RSP
    pushq $0x2                  # RFLAGS: interrupts off
    pushq $0x23                 # CS
    pushq $user_mode            # RIP
    iretq

    .globl protection, fault, fault_with_code, wake, wake_config, spurious
protection:
    pushq %rax
    movq 16(%rsp), %rax         # behind RAX and the error code: RIP
    cmpb $0xf4, (%rax)          # HLT
    popq %rax
    jne fault_with_code
    addq $8, %rsp
    incq (%rsp)
    sti                         # takes effect behind HLT: no interrupt is missed
    hlt
    cli
    iretq

fault_with_code:
    addq $8, %rsp
fault:
    movq (%rsp), %rdi           # RIP
    movq %cr2, %rsi
    movq $report, (%rsp)
    movq $stack_top, 24(%rsp)   # RSP
    iretq

wake_config:
    movl $1, config_changed
wake:
    pushq %rax
    movl $0xfee000b0, %eax      # end of interrupt
    movl $0, (%rax)
    popq %rax
spurious:
    iretq

report:
    call guest_fault
    ud2

user_mode:
    movl %edi, %edi
    xorl %ebp, %ebp
    call guest_main
    ud2

    .section .bss.boot, "aw", @nobits
    .p2align 12
    .globl idt, config_changed
idt:
    .skip 256 * 16
    .skip 0x1000
interrupt_stack_top:
config_changed:
    .skip 16
    .skip 0x40000
stack_top:
    .text
"#,
    options(att_syntax)
);
