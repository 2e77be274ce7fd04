//! From a configuration to the other end of the cable.

use crate::connector::Connector;
use crate::mac::BadMac;
use crate::passt::{Passt, Program};
use crate::tap::{OpenTap, Tap, TapError, open_tap};
use oriel_virtio::net::{Backend, Unplugged};
use oriel_virtio::{Limit, Limiter};
use oriel_vmm_api::{Link, RateLimit};
use std::io;
use std::sync::Arc;

/// Why an interface cannot be had; one plain sentence.
#[derive(Debug, thiserror::Error)]
pub enum PlugError {
    /// Its address.
    #[error(transparent)]
    Mac(#[from] BadMac),
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
pub enum Cable {
    /// To passt, or to whatever the connector puts in its place.
    Passt(Arc<dyn Connector>),
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
pub fn open_link(link: &Link) -> Result<Option<OpenTap>, PlugError> {
    match link {
        Link::Passt => Program::find().map(|_| None).map_err(PlugError::Passt),
        Link::Tap { name } => Ok(Some(open_tap(name)?)),
        Link::Isolated => Ok(None),
    }
}

impl Cable {
    /// Makes its end.
    ///
    /// # Errors
    /// When there is nothing at the other end, or the host is out of descriptors.
    pub fn plug(self) -> Result<Box<dyn Backend>, PlugError> {
        Ok(match self {
            Self::Passt(connector) => Box::new(Passt::connect(connector).map_err(PlugError::Passt)?),
            Self::Tap(tap) => Box::new(Tap::of(tap)?),
            Self::Isolated => Box::new(Unplugged::new()?),
        })
    }
}

/// A limiter for one interface.
pub fn limit(rate: RateLimit) -> Limiter {
    Limiter::new(Limit { bytes: rate.bytes, operations: rate.operations })
}
