//! Oriel's virtual machine monitor: one supervisor and one jailed process for each desktop.
//!
//! - [`supervisor`] opens the [`host_resources`] and starts the machine's process ([`machine_process`]) in a
//!   jail (`oriel-jail`); [`launch`] defines the messages between both.
//! - [`machine`] is the interface of a desktop's machine, with two implementations: [`machine::kvm`], with
//!   this crate's devices, and [`machine::qemu`].
//! - [`memory`], [`boot`], [`acpi`], [`vmgenid`] and [`layout`] prepare what a guest finds at power-on, and
//!   [`cpu`] executes the guest. [`pci`], [`virtio_pci`] and [`legacy`] connect the guest to its devices,
//!   which work on the thread of [`event_loop`].
//! - [`agents`] connects the agents in the guest: clipboard, files, clean shutdown.
//! - [`control`] is the Unix socket by which the server and its viewers control the machine and see its
//!   screens.

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
pub mod signals;
pub mod supervisor;
pub mod supervisor_channel;
pub mod virtio_pci;
pub mod vmgenid;
