//! Network backends over a passt process and a TAP interface of the host's kernel.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod dhcp;
mod passt;
mod relay;
mod tap;
mod throughput;

use oriel_virtio::net::Backend;
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(60);

/// Handles events of `backend` until `check` returns a value.
fn until<B: Backend + ?Sized, T>(
    what: &str,
    backend: &mut B,
    mut check: impl FnMut(&mut B) -> Option<T>,
) -> T {
    let start = Instant::now();
    backend.want_frames(true);
    loop {
        if let Some(found) = check(backend) {
            return found;
        }
        assert!(start.elapsed() < TIMEOUT, "no {what}");
        if readable(backend.fd(), 200) {
            backend.ready();
        }
    }
}

/// Waits for the next frame for which `wanted` returns a value; other frames are dropped.
fn frame<B: Backend + ?Sized, T>(what: &str, backend: &mut B, wanted: impl Fn(&[u8]) -> Option<T>) -> T {
    until(what, backend, |backend| {
        while let Some(frame) = backend.peek() {
            let found = wanted(frame.bytes);
            backend.consume();
            if found.is_some() {
                return found;
            }
        }
        None
    })
}

fn readable(fd: RawFd, timeout_ms: i32) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one valid pollfd.
    unsafe { libc::poll(&raw mut poll, 1, timeout_ms) == 1 }
}
