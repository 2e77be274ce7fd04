//! HTTP interface: the API of docs/http-api.md, and the files of the web client.
//!
//! `routes` has the table of routes, `guard` checks callers, `headers` checks hosts and adds headers. The
//! handlers are in `account`, `desktops`, `events` and `operations`; streams continue in [`crate::gateway`].

mod account;
mod app;
mod assets;
mod cookie;
mod desktops;
mod error;
mod events;
mod guard;
mod headers;
mod operations;
mod routes;
mod web_root;

pub use app::App;
pub use error::ApiError;
pub use guard::Access;
pub use routes::{Route, router, table};
pub use web_root::WebRoot;
