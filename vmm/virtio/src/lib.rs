//! Oriel's virtio devices (VIRTIO 1.2), one folder each: [`gpu`], [`input`], [`block`], [`net`],
//! [`console`], [`balloon`], [`rng`] and [`sound`].
//!
//! A device implements [`VirtioDevice`]. It knows guest memory, its virtqueues ([`queue`]) and its
//! backend on the host. It must not know the transport that presents it to the guest
//! (`oriel-vmm`'s `virtio_pci`), KVM, the event loop or the jail.
//!
//! Everything that a guest writes is hostile: no path from it panics, every descriptor chain goes
//! back to the driver, and what a guest can make the host keep is bounded.

pub mod balloon;
pub mod block;
pub mod console;
pub mod counters;
pub mod device;
pub mod gpu;
pub mod input;
pub mod net;
pub mod queue;
pub mod rate_limiter;
pub mod rng;
pub mod sound;

mod fields;
mod timer;

pub use balloon::{Balloon, BalloonControl};
pub use block::Block;
pub use console::{Console, NamedPort};
pub use counters::DeviceCounters;
pub use device::{ActivateError, Activation, GuestRam, Interrupt, VirtioDevice};
pub use gpu::{Gpu, GpuControl};
pub use input::{InputDevice, InputDevices, InputRouter};
pub use net::Net;
pub use oriel_vmm_api::RateLimit;
pub use rate_limiter::RateLimiter;
pub use rng::Rng;
pub use sound::SoundCard;
