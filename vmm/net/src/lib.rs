//! Backends of a desktop's network interfaces, which transfer frames between the guest and a network.
//!
//! - [`Passt`] sends frames to a passt process, which translates them to ordinary connections without
//!   privileges. When the process ends, the link goes down until a new process runs.
//! - [`EgressFilter`] stands before passt and drops what the egress rules of the interface do not allow.
//! - [`Tap`] sends frames to a TAP interface of the host, which the administrator has created.
//! - [`Relay`] transfers frames between a backend and QEMU.
//! - [`NetBackendConfig`] contains all that a jailed process needs to connect a backend.
//!
//! The crate is independent of the machine and its transport; the device interface is `oriel-virtio`'s
//! [`Backend`](oriel_virtio::net::Backend).

mod backend;
mod connector;
mod egress;
mod mac;
mod passt;
mod poll;
mod relay;
mod stream;
mod tap;

pub use backend::{NetBackendConfig, NetBackendError, open_net_backend, rate_limiter};
pub use connector::BackendConnector;
pub use egress::{EgressFilter, EgressPolicy, HostRoutes};
pub use mac::{MacAddress, MacParseError};
#[cfg(any(test, feature = "test-driver"))]
pub use passt::UnjailedPasst;
pub use passt::{Passt, Program as PasstProgram, installed_passt};
pub use relay::Relay;
pub use tap::{OpenTap, Tap, TapError, open_tap};
