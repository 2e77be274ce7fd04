//! virtio-snd (VIRTIO 1.2, section 5.14): a sound card with one output and one input PCM stream.
//!
//! Queues: controlq (0), eventq (1, unused), txq (2) for output, rxq (3) for input. The device has no
//! features, jacks or channel maps; both streams are 48 kHz stereo of signed 16 bits, since every
//! guest's sound server converts.
//!
//! The card keeps time by the host's monotonic clock: I/O messages of either stream complete when a real
//! card would have played or recorded them, so that players keep time by them.
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
