//! virtio-snd (virtio 1.2, section 5.14): a sound card that plays one stream and records another.
//!
//! The card has a clock of its own, the host's: buffers of either stream go back to the guest at
//! the moment at which a real card would be through with them, so that players keep time by it.

mod clock;
mod control;
mod device;
mod line;
mod stream;
mod wire;

#[cfg(test)]
mod tests;

pub use device::SoundCard;
