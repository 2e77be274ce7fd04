//! From a configuration to the other end of the cable.

use crate::mac::BadMac;
use crate::passt::{Passt, Spawner};
use crate::tap::{Tap, TapError, open_tap};
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

/// Makes the other end of `link`'s cable.
///
/// # Errors
/// When the host does not have it.
pub fn plug(link: &Link) -> Result<Box<dyn Backend>, PlugError> {
    Ok(match link {
        Link::Passt => {
            let spawner = Spawner::find().map_err(PlugError::Passt)?;
            Box::new(Passt::connect(Arc::new(spawner)).map_err(PlugError::Passt)?)
        }
        Link::Tap { name } => {
            let tap = open_tap(name)?;
            Box::new(Tap::from_fd(tap).map_err(|error| TapError::Host { name: name.clone(), error })?)
        }
        Link::Isolated => Box::new(Unplugged::new()?),
    })
}

/// A limiter for one interface.
pub fn limit(rate: RateLimit) -> Limiter {
    Limiter::new(Limit { bytes: rate.bytes, operations: rate.operations })
}
