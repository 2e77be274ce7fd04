//! Taking connections: TLS, or plain HTTP on loopback.

mod accept;
mod certificate;
mod names;

pub use accept::{Arrival, Listening, Server};
pub use certificate::{Certificate, certificate_for};
pub use names::own_names;
