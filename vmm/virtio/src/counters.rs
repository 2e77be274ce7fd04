//! Counters of what devices did, refused or lost, for the machine's description.

use oriel_display::Counter;

/// Counters of one machine's devices, shared by all devices.
#[derive(Debug, Default)]
pub struct DeviceCounters {
    /// Descriptor chains that break VIRTIO 1.2, section 2.7, or lack a part that the device needs.
    /// Each goes back to the driver with nothing written.
    pub malformed_chains: Counter,
    /// Virtqueues with impossible indices; each ends in DEVICE_NEEDS_RESET.
    pub broken_queues: Counter,
    /// Commands of virtio-gpu answered with an error.
    pub gpu_refused_commands: Counter,
    /// Input actions dropped before the guest took the events.
    pub input_dropped: Counter,
    /// Disk requests answered with VIRTIO_BLK_S_IOERR or VIRTIO_BLK_S_UNSUPP.
    pub block_errors: Counter,
    /// Disk requests delayed because the host had no space left.
    pub block_no_space: Counter,
    /// Disk requests delayed by the disk's rate limit.
    pub block_throttled: Counter,
    /// Bytes that guests read from disks.
    pub block_read_bytes: Counter,
    /// Bytes that guests wrote to disks.
    pub block_written_bytes: Counter,
    /// Buffers of console output that the log or the port's socket refused.
    pub console_lost: Counter,
    /// Balloon ranges or free page reports outside of guest memory, and page lists that are too long.
    pub balloon_refused: Counter,
    /// Frames from the guest dropped because `virtio_net_hdr` contradicts the frame.
    pub net_refused_frames: Counter,
    /// Frames to the guest dropped because no buffers fit or an offload was not negotiated.
    pub net_dropped_frames: Counter,
    /// Changes of an interface's link from up to down.
    pub net_link_losses: Counter,
    /// Console control messages refused, or lost because the queue of answers was full.
    pub console_control_refused: Counter,
    /// Underruns of a running PCM stream: the guest was late with a buffer, or about to stop.
    pub sound_underruns: Counter,
    /// Sound requests and I/O messages answered with an error.
    pub sound_refused: Counter,
}

impl DeviceCounters {
    /// Returns the values of all counters with the names used in the machine's description.
    pub fn snapshot(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("malformed_chains", &self.malformed_chains),
            ("broken_queues", &self.broken_queues),
            ("gpu_refused_commands", &self.gpu_refused_commands),
            ("input_dropped", &self.input_dropped),
            ("block_errors", &self.block_errors),
            ("block_no_space", &self.block_no_space),
            ("block_throttled", &self.block_throttled),
            ("block_read_bytes", &self.block_read_bytes),
            ("block_written_bytes", &self.block_written_bytes),
            ("console_lost", &self.console_lost),
            ("balloon_refused", &self.balloon_refused),
            ("net_refused_frames", &self.net_refused_frames),
            ("net_dropped_frames", &self.net_dropped_frames),
            ("net_link_losses", &self.net_link_losses),
            ("console_control_refused", &self.console_control_refused),
            ("sound_underruns", &self.sound_underruns),
            ("sound_refused", &self.sound_refused),
        ]
        .into_iter()
        .map(|(name, counter)| (name, counter.get()))
    }
}
