//! Ports of the server: accept loop, TLS and certificate; plain HTTP is on loopback only.
//!
//! A connection's requests go to the router of [`crate::web`] with the [`ConnectionInfo`] that describes the
//! connection.

mod accept;
mod certificate;
mod connections;
mod limited_stream;
mod names;
mod pem_file;

pub use accept::{ConnectionInfo, Listening, Server};
pub use certificate::{Certificate, certificate_for};
pub use connections::{ConnectionSlot, Connections};
pub use names::own_names;
