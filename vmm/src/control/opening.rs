//! The first line of a connection and its answer.

use oriel_vmm_api::{Open, Opened};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);
const MAX_LINE: usize = 4096;

/// Reads what the peer wants, byte by byte: what follows the line belongs to another protocol.
///
/// # Errors
/// When the line does not come, or is none of ours.
pub fn read_open(mut stream: &UnixStream) -> io::Result<Open> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        stream.read_exact(&mut byte)?;
        if byte == *b"\n" {
            break;
        }
        if line.len() == MAX_LINE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the first line is too long"));
        }
        line.extend(byte);
    }
    stream.set_read_timeout(None)?;
    serde_json::from_slice(&line).map_err(io::Error::other)
}

/// Answers.
///
/// # Errors
/// When the peer is gone.
pub fn answer(mut stream: &UnixStream, opened: &Opened) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(opened)?;
    line.push(b'\n');
    stream.write_all(&line)
}
