//! The desktop's Unix socket: requests and events for the server, pictures and input for viewers.

mod connection;
mod handshake;
mod peer;
mod requests;
mod socket;

pub use connection::{Desktop, serve};
pub use peer::PeerAuth;
pub use socket::{ControlSocket, SocketError};
