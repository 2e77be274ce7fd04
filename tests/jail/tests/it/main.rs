//! The jail from inside: an intruder in a machine's place, started by the same supervisor as machines
//! are, tries to get out. Parts of the jail stand behind one another, so some are left out to see
//! that the others hold by themselves.
//!
//! Everything is tried as root and as an ordinary user, as far as the host permits; what cannot be
//! tried is said and skipped.

// Test helpers fail by panicking, as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod belongings;
mod calls;
mod egress;
mod files;
mod lives;
mod network;
mod processes;
mod report;
mod rights;
mod support;
