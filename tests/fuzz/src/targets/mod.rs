//! Fuzz targets. Every result is valid except a crash, a hang, or unbounded memory.

mod balloon;
mod block;
mod boot;
mod client_message;
mod console;
mod desktop_agent;
mod disk;
mod gpu;
mod guest_agent;
mod guest_files;
mod input;
mod net;
mod ports;
mod redirection;
mod rng;
mod server_message;
mod sound;

/// Name of a target, and its function of a byte string.
pub type Target = (&'static str, fn(&[u8]));

/// List of all targets.
pub const ALL: [Target; 17] = [
    ("balloon", balloon::run),
    ("block", block::run),
    ("boot", boot::run),
    ("client_message", client_message::run),
    ("console", console::run),
    ("desktop_agent", desktop_agent::run),
    ("disk", disk::run),
    ("redirection", redirection::run),
    ("gpu", gpu::run),
    ("guest_agent", guest_agent::run),
    ("guest_files", guest_files::run),
    ("input", input::run),
    ("net", net::run),
    ("ports", ports::run),
    ("rng", rng::run),
    ("server_message", server_message::run),
    ("sound", sound::run),
];
