//! Agents that Debian packages as the peers of the clients. A test whose programs are missing prints their
//! names and is skipped; `deploy/setup/packages.sh test` installs them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod desktop;
mod guest;
mod rig;
