//! The handshake of a connection, from the machine's side: the first line and its answer.

use oriel_vmm_api::codec::{self, MAX_HANDSHAKE_LINE};
use oriel_vmm_api::{Open, Opened, Purpose, VersionRange};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Outcome of a handshake.
pub struct Handshake {
    /// What the connection is for.
    pub purpose: Purpose,
    /// Fields of the first line that no version here knows.
    pub unknown_fields: u64,
}

/// Reads the first line of `stream`, agrees on a version and answers; `None` when the client was
/// refused, and told why.
///
/// # Errors
/// When the client is gone, or does not send a line in time.
pub fn perform(stream: &UnixStream) -> io::Result<Option<Handshake>> {
    let line = read_line(stream)?;
    let (answer, accepted) = answer_to(&line);
    answer_with(stream, &answer)?;
    Ok(accepted)
}

fn answer_to(line: &[u8]) -> (Opened, Option<Handshake>) {
    let open = match codec::decode::<Open>(line) {
        Ok(open) => open,
        Err(error) => {
            let text =
                format!("The first line of a connection says what it is for; this one did not: {error}.");
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

/// Sends the answer to a first line.
///
/// # Errors
/// When the client is gone.
pub fn answer_with(mut stream: &UnixStream, opened: &Opened) -> io::Result<()> {
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(&codec::encode(opened)?)
}

/// Reads byte by byte: what follows the line belongs to another protocol.
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
    fn a_client_of_no_common_version_is_told_what_this_machine_speaks() {
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
