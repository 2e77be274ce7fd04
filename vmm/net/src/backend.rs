//! Configuration and connection of a network interface's backend.

use crate::connector::BackendConnector;
use crate::mac::MacParseError;
use crate::passt::{Passt, Program};
use crate::tap::{OpenTap, Tap, TapError, open_tap};
use oriel_virtio::RateLimiter;
use oriel_virtio::net::{Backend, NullBackend};
use oriel_vmm_api::{Link, RateLimit};
use std::io;
use std::sync::Arc;

/// Reason for which a network interface has no backend; each is one plain sentence.
#[derive(Debug, thiserror::Error)]
pub enum NetBackendError {
    /// The interface's MAC address is invalid.
    #[error(transparent)]
    Mac(#[from] MacParseError),
    /// Error of starting passt, which is not installed or ended.
    #[error("the network cannot be started: {0}")]
    Passt(io::Error),
    /// Error of opening the TAP interface.
    #[error(transparent)]
    Tap(#[from] TapError),
    /// The host is out of descriptors or memory.
    #[error("the host is out of descriptors or memory for a network interface: {0}")]
    Host(#[from] io::Error),
}

/// Backend of a network interface, opened so far that a jailed process can connect it.
pub enum NetBackendConfig {
    /// Connector that returns a stream socket for frames, to passt or a test's peer.
    Passt(Arc<dyn BackendConnector>),
    /// TAP interface of the host.
    Tap(OpenTap),
    /// Isolated interface whose link stays down.
    Isolated,
}

/// Opens the host resources for the backend of `link` before the machine is jailed: the TAP interface, if the
/// link has one. passt is only searched for, since it starts when the machine connects.
///
/// # Errors
/// When passt is not installed or the TAP interface cannot be opened.
pub fn open_net_backend(link: &Link) -> Result<Option<OpenTap>, NetBackendError> {
    match link {
        Link::Passt { .. } => Program::find().map(|_| None).map_err(NetBackendError::Passt),
        Link::Tap { name } => Ok(Some(open_tap(name)?)),
        Link::Isolated => Ok(None),
    }
}

impl NetBackendConfig {
    /// Connects the backend for a network device.
    ///
    /// # Errors
    /// A [`NetBackendError`] when passt does not start, the TAP interface is invalid, or the host is out of
    /// descriptors.
    pub fn connect(self) -> Result<Box<dyn Backend>, NetBackendError> {
        Ok(match self {
            Self::Passt(connector) => Box::new(Passt::connect(connector).map_err(NetBackendError::Passt)?),
            Self::Tap(tap) => Box::new(Tap::new(tap)?),
            Self::Isolated => Box::new(NullBackend::new()?),
        })
    }
}

/// Creates the rate limiter of an interface: bytes and frames per second, in both directions together.
pub fn rate_limiter(rate: RateLimit) -> RateLimiter {
    RateLimiter::new(rate)
}
