//! Machine's side of the control socket: listening socket, peer check, handshake, requests, viewers.
//!
//! The supervisor binds the socket; the machine's process accepts connections in its jail. The messages
//! are types of `oriel_vmm_api` (`docs/control-api.md`); what requests do is in [`crate::machine`], and
//! viewer connections are served by `oriel_display`.

mod connection;
mod context;
mod handshake;
mod peer_auth;
mod requests;
mod socket;

pub use connection::serve;
pub use context::ControlContext;
pub use peer_auth::PeerAuth;
pub use socket::{ControlSocket, SocketError};
