//! Counters of what devices did, refused or lost, for the machine's description.

use oriel_display::Counter;

/// The figures of one machine's devices; all of them share one.
#[derive(Debug, Default)]
pub struct DeviceCounters {
    /// Descriptor chains that break the rules of virtio 1.2, section 2.7, or miss a part their
    /// device needs; they go back to the driver with nothing written.
    pub malformed_chains: Counter,
    /// Queues whose indices lie; each ends in DEVICE_NEEDS_RESET.
    pub broken_queues: Counter,
    /// Graphics commands answered with an error.
    pub gpu_refused_commands: Counter,
    /// Inputs that never reached the guest.
    pub input_dropped: Counter,
    /// Disk requests answered with an error.
    pub block_errors: Counter,
    /// Disk requests that had to wait for room on the host.
    pub block_no_space: Counter,
    /// Disk requests that had to wait because of the disk's limits.
    pub block_throttled: Counter,
    /// Bytes that guests read from disks.
    pub block_read_bytes: Counter,
    /// Bytes that guests wrote to disks.
    pub block_written_bytes: Counter,
    /// Writes of console output that its sink refused.
    pub console_lost: Counter,
    /// Ranges in the balloon or in reports of free pages that are not the guest's memory, and
    /// lists that are too long.
    pub balloon_refused: Counter,
    /// Frames from the guest whose header says what is not true of them; they are lost.
    pub net_refused_frames: Counter,
    /// Frames to the guest that it has no fitting buffers for, or cannot take as they are.
    pub net_dropped_frames: Counter,
    /// Times that an interface lost its link.
    pub net_link_losses: Counter,
    /// Control messages to the console that made no sense, or had no room for their answer.
    pub console_control_refused: Counter,
    /// Times that a running stream had no buffer left: the guest was late, or about to stop.
    pub sound_underruns: Counter,
    /// Sound requests and buffers answered with an error.
    pub sound_refused: Counter,
}

impl DeviceCounters {
    /// Every figure with the name it has in the machine's description.
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
