//! virtio-console (virtio 1.2, section 5.3) with one port, the guest's `/dev/hvc0`.

mod device;
mod port;

#[cfg(test)]
mod tests;

pub use device::Console;
