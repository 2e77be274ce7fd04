//! Oriel's virtio devices (virtio 1.2). They know guest memory and queues; the transport that
//! presents them to the guest and the event loop that drives them belong to `oriel-vmm`.
//!
//! Everything that a guest writes is hostile: no path from it panics, every command is answered.

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
