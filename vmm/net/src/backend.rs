//! From a configuration to a connected backend of a network interface.

use crate::connector::BackendConnector;
use crate::mac::MacParseError;
use crate::passt::{Passt, Program};
use crate::tap::{OpenTap, Tap, TapError, open_tap};
use oriel_virtio::RateLimiter;
use oriel_virtio::net::{Backend, NullBackend};
use oriel_vmm_api::{Link, RateLimit};
use std::io;
use std::sync::Arc;

/// Why an interface cannot be had; one plain sentence.
#[derive(Debug, thiserror::Error)]
pub enum NetBackendError {
    /// Its address.
    #[error(transparent)]
    Mac(#[from] MacParseError),
    /// passt is not there or does not start.
    #[error("the network cannot be started: {0}")]
    Passt(io::Error),
    /// The TAP interface.
    #[error(transparent)]
    Tap(#[from] TapError),
    /// Descriptors, mostly.
    #[error("the host is out of descriptors or memory for a network interface: {0}")]
    Host(#[from] io::Error),
}

/// Where a link leads, opened: a process that opens nothing can make an end of it.
pub enum NetBackendConfig {
    /// To passt, or to whatever the connector puts in its place.
    Passt(Arc<dyn BackendConnector>),
    /// To an interface of the host.
    Tap(OpenTap),
    /// Nowhere.
    Isolated,
}

/// Opens what `link` needs of this host beforehand. A passt is only looked for: it is connected
/// when the machine asks for it.
///
/// # Errors
/// When the host does not have it.
pub fn open_net_backend(link: &Link) -> Result<Option<OpenTap>, NetBackendError> {
    match link {
        Link::Passt => Program::find().map(|_| None).map_err(NetBackendError::Passt),
        Link::Tap { name } => Ok(Some(open_tap(name)?)),
        Link::Isolated => Ok(None),
    }
}

impl NetBackendConfig {
    /// Makes its end.
    ///
    /// # Errors
    /// When there is nothing at the other end, or the host is out of descriptors.
    pub fn connect(self) -> Result<Box<dyn Backend>, NetBackendError> {
        Ok(match self {
            Self::Passt(connector) => Box::new(Passt::connect(connector).map_err(NetBackendError::Passt)?),
            Self::Tap(tap) => Box::new(Tap::new(tap)?),
            Self::Isolated => Box::new(NullBackend::new()?),
        })
    }
}

/// A limiter for one interface.
pub fn rate_limiter(rate: RateLimit) -> RateLimiter {
    RateLimiter::new(rate)
}
