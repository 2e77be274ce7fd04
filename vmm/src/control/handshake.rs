//! Handshake of a connection, from the machine's side: first line and answer.
//!
//! The client's side is `oriel_vmm_api::client::session`.

use oriel_vmm_api::codec::{self, MAX_HANDSHAKE_LINE};
use oriel_vmm_api::{Open, Opened, Purpose, VersionRange};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Longest wait for the first line, and for each later write to the connection.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Accepted handshake.
pub struct Handshake {
    /// Purpose of the connection.
    pub purpose: Purpose,
    /// Number of unknown fields in the first line.
    pub unknown_fields: u64,
}

/// Reads the first line of `stream`, negotiates the version and sends the answer. Returns `None` when the
/// answer was a refusal.
///
/// # Errors
/// When the client closes the connection, sends no line within 5 s, or sends a line longer than
/// [`MAX_HANDSHAKE_LINE`].
pub fn perform(stream: &UnixStream) -> io::Result<Option<Handshake>> {
    let line = read_line(stream)?;
    let (answer, accepted) = answer_to(&line);
    answer_with(stream, &answer)?;
    Ok(accepted)
}

/// Returns the answer to a first line, and the handshake if the answer accepts the connection.
fn answer_to(line: &[u8]) -> (Opened, Option<Handshake>) {
    let open = match codec::decode::<Open>(line) {
        Ok(open) => open,
        Err(error) => {
            let text = format!("The first line is not valid ({error}); send one with versions and purpose.");
            return (Opened::Refused { text }, None);
        }
    };
    let Open { versions, purpose } = open.message;
    match versions.and_then(|versions| VersionRange::SUPPORTED.negotiate(versions)) {
        Some(version) => {
            (Opened::Accepted { version }, Some(Handshake { purpose, unknown_fields: open.unknown_fields }))
        }
        None => (Opened::UnsupportedVersion(VersionRange::SUPPORTED), None),
    }
}

/// Sends `opened` as the answer of the handshake. Sets the write timeout of the connection to 5 s.
///
/// # Errors
/// When the client has closed the connection, or does not read within the timeout.
pub fn answer_with(mut stream: &UnixStream, opened: &Opened) -> io::Result<()> {
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(&codec::encode(opened)?)
}

/// Reads the first line, byte by byte: bytes after the line belong to the next protocol.
fn read_line(mut stream: &UnixStream) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        stream.read_exact(&mut byte)?;
        if byte == *b"\n" {
            break;
        }
        if line.len() == MAX_HANDSHAKE_LINE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the first line is too long"));
        }
        line.extend(byte);
    }
    stream.set_read_timeout(None)?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use oriel_vmm_api::ViewerMode;

    #[test]
    fn a_newer_client_gets_the_version_of_this_machine() {
        let line = br#"{"open":"viewer","mode":"watch","versions":{"newest":9,"oldest":1},"colour":1}"#;
        let (answer, accepted) = answer_to(line);
        assert_eq!(answer, Opened::Accepted { version: 1 });
        let accepted = accepted.unwrap();
        assert_eq!(accepted.purpose, Purpose::Viewer { mode: ViewerMode::Watch });
        assert_eq!(accepted.unknown_fields, 1);
    }

    #[test]
    fn a_client_without_a_common_version_gets_the_versions_of_this_machine() {
        for line in [r#"{"open":"control"}"#, r#"{"open":"control","versions":{"newest":9,"oldest":8}}"#] {
            let (answer, accepted) = answer_to(line.as_bytes());
            assert_eq!(answer, Opened::UnsupportedVersion(VersionRange::SUPPORTED));
            assert!(accepted.is_none());
        }
    }

    #[test]
    fn what_is_no_first_line_is_refused_with_a_sentence() {
        for line in [&b""[..], b"GET / HTTP/1.1", b"{}", b"{\"open\":\"sesame\"}", b"\xFF"] {
            let (answer, accepted) = answer_to(line);
            assert!(matches!(answer, Opened::Refused { text } if text.ends_with('.')));
            assert!(accepted.is_none());
        }
    }
}
