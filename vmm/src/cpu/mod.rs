//! Virtual machine and virtual processors on KVM, from power-on to reset.
//!
//! [`Vm`] creates the processors, each on a thread (`vcpu`) that passes the [`Gate`] before it enters the
//! guest. Exits reach devices through [`Buses`]; events that end the guest go to [`crate::guest_events`]. The
//! state driver ([`crate::machine::kvm`]) decides when processors run.

mod cpuid;
mod exits;
mod gate;
mod kick;
mod registers;
mod statistics;
mod topology;
mod vcpu;
mod vm;

pub use exits::Exits;
pub use gate::Gate;
pub use vcpu::Buses;
pub use vm::{Vm, VmError};
