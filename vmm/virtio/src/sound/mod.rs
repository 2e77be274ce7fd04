//! virtio-snd (virtio 1.2, section 5.14): a sound card that plays one stream and records another.
//!
//! The card has a clock of its own, the host's: buffers of either stream go back to the guest at
//! the moment at which a real card would be through with them, so that players keep time by it.
//!
//! Linux has the driver from 5.13 on, and Debian in the kernels of Debian 13 and in that of
//! bookworm-backports. Debian 12's own 6.1 is built without it: such a guest needs the backported
//! kernel, or QEMU's machine with its HDA card.

mod clock;
mod control;
mod device;
mod pcm_buffer;
mod pcm_state;
mod wire;

#[cfg(test)]
mod tests;

pub use device::SoundCard;
