//! Network interfaces of a machine under QEMU: their backends, and the state of their links.
//!
//! QEMU has no rate limits for network interfaces, and does not reconnect a lost backend. So every interface
//! except a TAP interface without a limit uses a [`Relay`], which does both.

use crate::qmp::{Command, Qmp};
use oriel_net::{MacAddress, NetBackendConfig, NetBackendError, Relay, rate_limiter};
use oriel_vmm_api::{Network, RateLimit};
use parking_lot::Mutex;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;

/// Returns QEMU's identifier of interface number `index`.
pub(crate) fn name(index: usize) -> String {
    format!("nic{index}")
}

/// Backend of an interface, as QEMU's command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Netdev {
    /// Stream socket with a frame protocol, to a [`Relay`].
    Stream {
        /// Number of the socket's descriptor.
        fd: RawFd,
        /// Maximum transmission unit in bytes, where known.
        mtu: Option<u16>,
    },
    /// TAP interface.
    Tap {
        /// Number of a descriptor of /dev/net/tun that is attached to the interface.
        fd: RawFd,
    },
    /// Isolated interface without a backend.
    None,
}

/// Backend of an interface with its open descriptor, until QEMU has inherited the descriptor.
#[derive(Debug)]
pub(crate) enum NetdevFd {
    /// Socket to a [`Relay`], and the maximum transmission unit in bytes where known.
    Stream(OwnedFd, Option<u16>),
    /// Descriptor of /dev/net/tun that is attached to a TAP interface.
    Tap(OwnedFd),
    /// Isolated interface without a backend.
    None,
}

impl NetdevFd {
    /// Returns the backend as the command line names it.
    pub fn netdev(&self) -> Netdev {
        match self {
            Self::Stream(fd, mtu) => Netdev::Stream { fd: fd.as_raw_fd(), mtu: *mtu },
            Self::Tap(fd) => Netdev::Tap { fd: fd.as_raw_fd() },
            Self::None => Netdev::None,
        }
    }

    /// Returns the descriptor that QEMU inherits.
    pub fn into_fd(self) -> Option<OwnedFd> {
        match self {
            Self::Stream(fd, _) | Self::Tap(fd) => Some(fd),
            Self::None => None,
        }
    }
}

/// Network interfaces of one machine. Dropping the value ends the relays, and with them the frames' path.
pub(crate) struct NetworkInterfaces {
    links: Arc<Mutex<Links>>,
    _relays: Vec<Relay>,
}

/// State of the links, and the QMP connection that is notified of changes.
struct Links {
    up: Vec<bool>,
    qmp: Option<Qmp>,
}

impl NetworkInterfaces {
    /// Connects each of `net_backends`, which belong to `networks` in order, and returns what QEMU uses.
    ///
    /// # Errors
    /// A [`NetBackendError`] when a backend cannot be connected or a MAC address is invalid.
    pub fn prepare(
        networks: &[Network],
        net_backends: Vec<NetBackendConfig>,
    ) -> Result<(Self, Vec<NetdevFd>), NetBackendError> {
        let links = Arc::new(Mutex::new(Links { up: vec![false; networks.len()], qmp: None }));
        let (mut ends, mut relays) = (Vec::new(), Vec::new());
        for (index, (network, backend)) in networks.iter().zip(net_backends).enumerate() {
            network.mac.parse::<MacAddress>()?;
            ends.push(match backend {
                NetBackendConfig::Isolated => NetdevFd::None,
                NetBackendConfig::Tap(tap) if network.limit == RateLimit::default() => {
                    links.lock().changed(index, true);
                    NetdevFd::Tap(tap.fd)
                }
                backend => {
                    let backend = backend.connect()?;
                    let mtu = backend.mtu();
                    links.lock().changed(index, backend.link_up());
                    let relay_links = Arc::clone(&links);
                    let on_link = move |up| relay_links.lock().changed(index, up);
                    let (relay, fd) = Relay::start(backend, rate_limiter(network.limit), on_link)?;
                    relays.push(relay);
                    NetdevFd::Stream(fd, mtu)
                }
            });
        }
        Ok((Self { links, _relays: relays }, ends))
    }

    /// Sends the links that are down to QEMU (`set_link`), and from then on every change.
    pub fn report_links_to(&self, qmp: &Qmp) {
        let mut links = self.links.lock();
        links.qmp = Some(qmp.clone());
        for (index, up) in links.up.clone().into_iter().enumerate().filter(|(_, up)| !up) {
            links.changed(index, up);
        }
    }
}

impl Links {
    /// Records the state of a link, and sends it to QEMU once there is a connection.
    fn changed(&mut self, index: usize, up: bool) {
        if let Some(slot) = self.up.get_mut(index) {
            *slot = up;
        }
        if let Some(qmp) = &self.qmp {
            qmp.execute_then(&Command::SetLink { name: name(index), up }, move |response| {
                if let Err(error) = response {
                    oriel_vmm_api::log_limited!(warn, %error, index, up, "QEMU did not change an interface's link");
                }
            });
        }
    }
}
