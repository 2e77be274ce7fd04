//! `oriel-vmm` from outside, as the server and its viewers use it. These tests need /dev/kvm and
//! are skipped, with a line that says so, where there is none.

// Test helpers fail by panicking, as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod bad_starts;
mod bench_guest;
mod memory;
mod network;
mod power;
mod screens;
mod sound;
mod support;
mod time;
mod tiny_guest;
