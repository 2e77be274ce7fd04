//! PEM files of a certificate chain and of a private key, with a sentence for each file that is something else.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Maximum length of a file in bytes; the longest chains have a few KiB.
const LONGEST: u64 = 1 << 20;

/// Reads a certificate chain, the server's own certificate first.
///
/// # Errors
/// One sentence that says what the file is and what to do.
pub(super) fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let file = path.display();
    let bytes = read(path, "certificate")?;
    let labels = labels(&bytes);
    if labels.iter().any(|label| label.ends_with("CERTIFICATE")) {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
        return match chain {
            Ok(chain) if !chain.is_empty() => Ok(chain),
            Ok(_) => Err(format!("The certificate {file} is damaged; copy the file again.")),
            Err(error) => Err(format!("The certificate {file} is damaged ({error}); copy the file again.")),
        };
    }
    Err(if labels.iter().any(|label| label.ends_with("PRIVATE KEY")) {
        format!(
            "{file} has a private key and no certificate; name the certificate's file by `certificate` in [tls], and \
             the key's by `key`."
        )
    } else if labels.iter().any(|label| label.ends_with("CERTIFICATE REQUEST")) {
        format!(
            "{file} is a request for a certificate and no certificate; give what the authority made of the request."
        )
    } else if is_pkcs12(&bytes) {
        pkcs12_refusal(path)
    } else if is_der(&bytes) {
        format!(
            "{file} is a certificate in DER; openssl x509 -inform der -in {file} -out {file}.pem makes a PEM file of it."
        )
    } else {
        format!("{file} is no PEM file with a certificate; name one by `certificate` in [tls].")
    })
}

/// Reads a private key.
///
/// # Errors
/// As for [`read_chain`].
pub(super) fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let file = path.display();
    let bytes = read(path, "private key")?;
    let labels = labels(&bytes);
    let encrypted = labels.iter().any(|label| label == "ENCRYPTED PRIVATE KEY")
        || bytes.windows(9).any(|bytes| bytes == b"ENCRYPTED");
    if encrypted {
        return Err(format!(
            "The private key {file} is protected by a password, which nobody could type at a start; openssl pkey -in \
             {file} -out {file}.open makes one without."
        ));
    }
    if labels.iter().any(|label| label.ends_with("PRIVATE KEY")) {
        return PrivateKeyDer::from_pem_slice(&bytes)
            .map_err(|error| format!("The private key {file} is damaged ({error}); copy the file again."));
    }
    Err(if labels.iter().any(|label| label.ends_with("CERTIFICATE")) {
        format!(
            "{file} has a certificate and no private key; name the certificate's file by `certificate` in [tls], and \
             the key's by `key`."
        )
    } else if is_pkcs12(&bytes) {
        pkcs12_refusal(path)
    } else if is_der(&bytes) {
        format!(
            "{file} is a private key in DER; openssl pkey -inform der -in {file} -out {file}.pem makes a PEM file of it."
        )
    } else {
        format!("{file} is no PEM file with a private key; name one by `key` in [tls].")
    })
}

/// Returns the sentence for a PKCS#12 file in the place of a PEM file.
fn pkcs12_refusal(path: &Path) -> String {
    let file = path.display();
    format!(
        "{file} is a PKCS#12 file; openssl pkcs12 -in {file} -nodes -out {file}.pem makes a PEM file of it, for \
         both keys of [tls]."
    )
}

/// Reads a file that has something; `what` names its contents in errors.
fn read(path: &Path, what: &str) -> Result<Vec<u8>, String> {
    let file = path.display();
    let unreadable = |error: std::io::Error| {
        format!("The {what} {file} cannot be read ({error}); check the path and its permissions.")
    };
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(format!("The {what} {file} is no file; name one in [tls]."));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > LONGEST {
        return Err(format!("{file} is longer than any {what}; name another file in [tls]."));
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(format!("{file} is empty; give a {what} in PEM."));
    }
    Ok(bytes)
}

/// Lists the labels of a PEM file's sections (RFC 7468, section 2).
fn labels(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let label = |line: &str| Some(line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----")?.to_owned());
    text.lines().filter_map(label).collect()
}

/// Returns whether bytes begin as DER does: with a sequence of a length in two bytes, as of a certificate, or
/// in one, as of a key on an elliptic curve.
fn is_der(bytes: &[u8]) -> bool {
    matches!(bytes, [0x30, 0x81..=0x84, ..])
        || matches!(bytes, [0x30, length, rest @ ..] if usize::from(*length) == rest.len())
}

/// Returns whether bytes begin as PKCS#12 does: a sequence with the version 3 (RFC 7292, section 4).
fn is_pkcs12(bytes: &[u8]) -> bool {
    matches!(bytes, [0x30, 0x82, _, _, 2, 1, 3, ..] | [0x30, 0x80, 2, 1, 3, ..])
}
