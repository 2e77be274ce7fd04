//! virtio-console with two named ports: their bytes, openings and closings, and programs on the host that
//! write, read or disconnect.

use crate::Guest;
use oriel_virtio::{Console, DeviceCounters, NamedPort};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// Runs the target with one input.
pub fn run(script: &[u8]) {
    let (Ok((first, one)), Ok((second, other))) = (port("first"), port("second")) else { return };
    let counters = Arc::new(DeviceCounters::default());
    let Ok(mut console) = Console::new(Box::new(std::io::sink()), vec![first, second], counters) else {
        return;
    };
    let mut guest = Guest::new(&mut console);
    guest.perform(&mut console, script, |bytes| {
        let Some((act, bytes)) = bytes.split_first() else { return };
        let end = if act & 1 == 0 { &one } else { &other };
        program(end, act >> 1, bytes);
    });
}

/// Creates a port, and the end of its socket for a program on the host.
fn port(name: &'static str) -> std::io::Result<(NamedPort, UnixStream)> {
    let (stream, end) = UnixStream::pair()?;
    end.set_nonblocking(true)?;
    Ok((NamedPort { name, stream, on_open: Box::new(|_| ()) }, end))
}

/// Performs an action of a program on the host; errors are valid results.
fn program(mut end: &UnixStream, act: u8, bytes: &[u8]) {
    match act % 8 {
        0..=3 => drop(end.write(bytes)),
        4 => {
            // Some of these writes fill the socket.
            let much = bytes.repeat(2000);
            while matches!(end.write(&much), Ok(written) if written > 0) {}
        }
        5 | 6 => while matches!(end.read(&mut [0; 4096]), Ok(read) if read > 0) {},
        _ => drop(end.shutdown(Shutdown::Both)),
    }
}
