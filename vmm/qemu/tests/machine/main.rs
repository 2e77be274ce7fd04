//! A real QEMU, with firmware and with the bench guest.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod bench;
mod guest;
mod network;
mod power;
mod refusals;
mod screens;
