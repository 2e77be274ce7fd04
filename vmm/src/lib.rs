//! One desktop, one process: Oriel's virtual machine monitor.
//!
//! - [`machine`] is the desktop's machine, whoever runs it; [`machine::kvm`] is ours.
//! - [`boot`], [`acpi`], [`memory`], [`vmgenid`] and [`layout`] are what a guest finds when it starts;
//!   [`cpu`] runs it; [`pci`], [`virtio_pci`] and [`legacy`] are how it reaches devices, and
//!   [`event_loop`] is where those do their work.
//! - [`agents`] is who in the guest works for its host: clipboard, files, clean shutdown.
//! - [`supervisor`] starts all that in a process of its own, which [`machine_process`] is, and in a jail
//!   (`oriel-jail`), with what [`host_resources`] opened for it.
//! - [`control`] is the Unix socket by which the server and viewers reach the machine.

pub mod acpi;
pub mod agents;
pub mod boot;
pub mod bus;
pub mod config_file;
pub mod control;
pub mod cpu;
pub mod disk_images;
pub mod event_loop;
pub mod events;
pub mod exit_report;
pub mod guest_events;
pub mod host;
pub mod host_resources;
pub mod interrupts;
pub mod launch;
pub mod layout;
pub mod legacy;
pub mod machine;
pub mod machine_process;
pub mod memory;
pub mod pci;
pub mod sentence;
pub mod signals;
pub mod supervisor;
pub mod supervisor_channel;
pub mod virtio_pci;
pub mod vmgenid;
