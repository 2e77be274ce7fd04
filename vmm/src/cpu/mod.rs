//! Virtual processors: what they say they are, how they start, the threads they run on.

mod cpuid;
mod gate;
mod kick;
mod registers;
mod topology;
mod vcpu;
mod vm;

pub use gate::Gate;
pub use vcpu::Buses;
pub use vm::{Vm, VmError};
