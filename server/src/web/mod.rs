//! HTTP interface: the API of docs/http-api.md, and the files of the web client.
//!
//! `routes` has the table of routes, `guard` checks callers, `headers` checks hosts and adds headers. The
//! handlers are in `account`, `desktops`, `events` and `operations`; streams continue in [`crate::gateway`].

mod account;
mod action_rate;
mod app;
mod assets;
mod cookie;
mod desktops;
mod error;
mod events;
mod forwarded;
mod guard;
mod headers;
mod metrics_token;
mod operations;
mod public_address;
mod routes;
mod session_sockets;
mod web_root;

pub use action_rate::ActionRate;
pub use app::App;
pub use error::ApiError;
pub use guard::Access;
pub use metrics_token::MetricsToken;
pub use routes::{Route, check_public_paths, router, table};
pub use session_sockets::SessionSockets;
pub use web_root::WebRoot;
