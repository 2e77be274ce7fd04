//! virtio-balloon (virtio 1.2, section 5.5): memory that the guest does without goes back to the
//! host, when asked for by a target, and by free-page reporting whenever the guest has some.

mod control;
mod device;
mod page_list;
mod reclaim;
mod statistics;

#[cfg(test)]
mod tests;

pub use control::{BalloonControl, TargetError};
pub use device::Balloon;
