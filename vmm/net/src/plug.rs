//! From a configuration to the other end of the cable.

use crate::connector::Connector;
use crate::mac::BadMac;
use crate::passt::{Passt, Spawner};
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

impl Cable {
    /// What `link` names.
    ///
    /// # Errors
    /// When the host does not have it.
    pub fn open(link: &Link) -> Result<Self, PlugError> {
        Ok(match link {
            Link::Passt => Self::Passt(Arc::new(Spawner::find().map_err(PlugError::Passt)?)),
            Link::Tap { name } => Self::Tap(open_tap(name)?),
            Link::Isolated => Self::Isolated,
        })
    }

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
