//! Virtual processors: what they say they are, how they start, the threads they run on.

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
