//! The whole server from outside: real sockets, a real database, and a machine that behaves as
//! each test needs it (see [`machine`]); the real machine is tested from the browser.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]

mod audit;
mod client;
mod command_line;
mod connections;
mod disks;
mod fixture;
mod full_disk;
mod idle;
mod images;
mod lifecycle;
mod login;
mod machine;
mod networks;
mod owner_identity;
mod redirection;
mod reverse_proxy;
mod rights;
mod serving;
mod state_folder;
mod strangers;
mod streams;
mod throttling;
