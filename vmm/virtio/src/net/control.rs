//! Control queue of a network device (VIRTIO 1.2, section 5.1.6.5).

use super::offloads::Offloads;
use crate::queue::{Chain, DeviceQueue};
use virtio_bindings::virtio_net::{
    VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI,
    VIRTIO_NET_CTRL_RX_PROMISC, VIRTIO_NET_ERR, VIRTIO_NET_OK,
};

/// Class of the offload command (section 5.1.6.5.6.1), which the bindings lack.
const VIRTIO_NET_CTRL_GUEST_OFFLOADS: u32 = 5;
/// Command that sets the guest's offloads.
const VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET: u32 = 0;

const OK: u8 = VIRTIO_NET_OK as u8;
const ERR: u8 = VIRTIO_NET_ERR as u8;

/// Maximum number of commands executed before the event loop serves other devices; drivers send one and wait.
const MAX_COMMANDS: usize = 16;

/// Device side of the control queue.
pub struct Control {
    queue: DeviceQueue,
    features: u64,
}

/// Result of executing commands.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Offloads that the driver set by VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET.
    pub guest_offloads: Option<Offloads>,
    /// Whether commands may be left.
    pub more: bool,
}

impl Control {
    /// Creates the control queue for a driver that negotiated `features`.
    pub fn new(queue: DeviceQueue, features: u64) -> Self {
        Self { queue, features }
    }

    /// Whether the queue is broken.
    pub fn broken(&self) -> bool {
        self.queue.broken()
    }

    /// Executes commands of the driver.
    pub fn run(&mut self) -> Outcome {
        let mut outcome = Outcome { more: true, ..Outcome::default() };
        for _ in 0..MAX_COMMANDS {
            let Some(chain) = self.queue.pop() else {
                outcome.more = false;
                break;
            };
            let Some(ack_at) = chain.writable_len().checked_sub(1) else {
                self.queue.complete_malformed(chain);
                continue;
            };
            let ack = match execute(&chain, self.features) {
                Some(Command::Ignored) => OK,
                Some(Command::Offloads(offloads)) => {
                    outcome.guest_offloads = Some(offloads);
                    OK
                }
                None => ERR,
            };
            // The acknowledgement is the last device-writable byte.
            let _ = chain.write(ack_at, &[ack]);
            let written = u32::try_from(chain.writable_len()).unwrap_or(u32::MAX);
            self.queue.complete(chain, written);
        }
        self.queue.signal();
        outcome
    }
}

/// Valid command of the driver.
enum Command {
    /// Receive filter, which needs no action.
    Ignored,
    /// Offloads that the guest performs from now on.
    Offloads(Offloads),
}

/// Parses a command; `None` for an unknown or malformed command, whose answer is VIRTIO_NET_ERR.
fn execute(chain: &Chain, features: u64) -> Option<Command> {
    let mut command = [0; 2];
    chain.read(0, &mut command).ok()?;
    let [class, command] = command.map(u32::from);
    match (class, command) {
        // Filters are hints (section 5.1.6.5.1): every frame is delivered.
        (VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC | VIRTIO_NET_CTRL_RX_ALLMULTI)
        | (VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET) => Some(Command::Ignored),
        (VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET) => {
            let mut bits = [0; 8];
            chain.read(2, &mut bits).ok()?;
            Offloads::from_command(u64::from_le_bytes(bits), features).map(Command::Offloads)
        }
        _ => None,
    }
}
