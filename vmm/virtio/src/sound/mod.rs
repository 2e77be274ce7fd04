//! virtio-snd (VIRTIO 1.2, section 5.14): a sound card with one output and one input PCM stream.
//!
//! Queues: controlq (0), eventq (1, unused), txq (2) for output, rxq (3) for input. The device has no
//! features, jacks or channel maps; both streams are 48 kHz stereo of signed 16 bits, since every guest's
//! sound server converts.
//!
//! I/O messages complete when a physical card would have played or recorded them, by the host's monotonic
//! clock, since players use completions as their clock.
//!
//! Linux has the driver from 5.13 on; Debian builds it in the kernels of Debian 13 and of bookworm-backports.
//! A guest with Debian 12's kernel 6.1 needs the backported kernel, or the QEMU machine with its HDA card.

mod clock;
mod control;
mod device;
mod pcm_buffer;
mod pcm_state;
mod wire;

#[cfg(test)]
mod tests;

pub use device::SoundCard;
