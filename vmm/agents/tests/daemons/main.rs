//! The agents that Debian packages, as the other end. A test whose programs are missing says so and
//! is skipped; `deploy/setup/packages.sh test` installs them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod desktop;
mod guest;
mod rig;
