//! The desktop's Unix socket: requests and events for the server, pictures and input for viewers.

mod connection;
mod handshake;
mod peer_auth;
mod requests;
mod socket;

pub use connection::{ControlContext, serve};
pub use peer_auth::PeerAuth;
pub use socket::{ControlSocket, SocketError};
