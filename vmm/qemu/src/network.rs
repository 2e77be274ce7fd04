//! Network interfaces: what QEMU is given of them, and what it is told of their links.
//!
//! QEMU holds no interface to a rate, and gives none a new far end once the old one is lost. So all
//! but a TAP interface without a limit lead through a relay of ours, which does both.

use crate::qmp::{Command, Qmp};
use oriel_net::{MacAddress, NetBackendConfig, NetBackendError, Relay, rate_limiter};
use oriel_vmm_api::{Network, RateLimit};
use parking_lot::Mutex;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;

/// What QEMU calls an interface.
pub(crate) fn name(index: usize) -> String {
    format!("nic{index}")
}

/// What is behind an interface, on QEMU's command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Netdev {
    /// A stream socket.
    Stream {
        /// The socket.
        fd: RawFd,
        /// The longest packet, where one is known.
        mtu: Option<u16>,
    },
    /// A TAP interface.
    Tap {
        /// /dev/net/tun, attached.
        fd: RawFd,
    },
    /// Nothing.
    None,
}

/// The same with the descriptor itself, until QEMU has it.
#[derive(Debug)]
pub(crate) enum NetdevFd {
    Stream(OwnedFd, Option<u16>),
    Tap(OwnedFd),
    None,
}

impl NetdevFd {
    /// For the command line.
    pub fn netdev(&self) -> Netdev {
        match self {
            Self::Stream(fd, mtu) => Netdev::Stream { fd: fd.as_raw_fd(), mtu: *mtu },
            Self::Tap(fd) => Netdev::Tap { fd: fd.as_raw_fd() },
            Self::None => Netdev::None,
        }
    }

    /// For the process to inherit.
    pub fn into_fd(self) -> Option<OwnedFd> {
        match self {
            Self::Stream(fd, _) | Self::Tap(fd) => Some(fd),
            Self::None => None,
        }
    }
}

/// The interfaces of one machine; frames pass for as long as this is here.
pub(crate) struct NetworkInterfaces {
    links: Arc<Mutex<Links>>,
    _relays: Vec<Relay>,
}

/// Which links are up, and who is to know.
struct Links {
    up: Vec<bool>,
    qmp: Option<Qmp>,
}

impl NetworkInterfaces {
    /// Makes an end of each of `net_backends`, which lead where `networks` say.
    ///
    /// # Errors
    /// When there is nothing at the other end of one of them, or an address is none.
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

    /// Tells QEMU how the links are, now and from now on.
    pub fn report_links_to(&self, qmp: &Qmp) {
        let mut links = self.links.lock();
        links.qmp = Some(qmp.clone());
        for (index, up) in links.up.clone().into_iter().enumerate().filter(|(_, up)| !up) {
            links.changed(index, up);
        }
    }
}

impl Links {
    fn changed(&mut self, index: usize, up: bool) {
        if let Some(slot) = self.up.get_mut(index) {
            *slot = up;
        }
        if let Some(qmp) = &self.qmp {
            qmp.execute_then(&Command::SetLink { name: name(index), up }, move |response| {
                if let Err(error) = response {
                    tracing::warn!(%error, index, up, "QEMU did not change an interface's link");
                }
            });
        }
    }
}
