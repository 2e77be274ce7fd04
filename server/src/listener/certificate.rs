//! Certificate of the server: configured, or made at the first start and renewed later.

use super::names::own_names;
use super::pem_file::{read_chain, read_key};
use crate::config::{Config, Tls};
use crate::state::StateDir;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{Error, ServerConfig, crypto::ring};

/// Validity of a self-signed certificate; some browsers refuse longer ones.
const GOOD_FOR: Duration = Duration::days(820);
/// Age at which a self-signed certificate is replaced at the next start.
const RENEW_AFTER: Duration = Duration::days(730);

/// TLS certificate and key of the server.
pub struct Certificate {
    /// TLS configuration for the listener.
    pub config: Arc<ServerConfig>,
    /// SHA-256 of the certificate in the notation of browsers.
    pub fingerprint: String,
    /// An administrator configured the certificate; `false`: the server made one.
    pub given: bool,
}

/// Loads the configured certificate or the self-signed one, which is made for this computer's names and
/// addresses if it is missing or old.
///
/// # Errors
/// One sentence that says what to do.
pub fn certificate_for(config: &Config, state: &StateDir) -> Result<Certificate, String> {
    let mut addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let listen = config.listen.ip();
    if !listen.is_unspecified() && !addresses.contains(&listen) {
        addresses.push(listen);
    }
    load_or_make(&config.tls, state, &own_names(), &addresses)
}

/// Loads the configured certificate, or makes and loads a self-signed one for the names and addresses.
fn load_or_make(
    tls: &Tls,
    state: &StateDir,
    names: &[String],
    addresses: &[IpAddr],
) -> Result<Certificate, String> {
    if let (Some(certificate), Some(key)) = (&tls.certificate, &tls.key) {
        return load(certificate, key, true);
    }
    let (certificate, key) = (state.certificate(), state.key());
    if !is_fresh(&certificate) || !key.exists() {
        make(&certificate, &key, names, addresses).map_err(|error| {
            format!(
                "A certificate could not be made in {} ({error}); check the state folder.",
                state.root().display()
            )
        })?;
    }
    load(&certificate, &key, false)
}

/// Returns whether a certificate's file is younger than [`RENEW_AFTER`].
fn is_fresh(path: &Path) -> bool {
    let made = fs::metadata(path).and_then(|metadata| metadata.modified());
    made.is_ok_and(|made| OffsetDateTime::now_utc() - OffsetDateTime::from(made) < RENEW_AFTER)
}

/// Makes a key and a self-signed certificate, and writes both files.
fn make(
    certificate: &Path,
    key: &Path,
    names: &[String],
    addresses: &[IpAddr],
) -> Result<(), Box<dyn std::error::Error>> {
    let subjects = names.iter().cloned().chain(addresses.iter().map(IpAddr::to_string)).collect::<Vec<_>>();
    let mut params = CertificateParams::new(subjects)?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "Oriel");
    params.distinguished_name = name;
    params.not_before = OffsetDateTime::now_utc() - Duration::days(1);
    params.not_after = params.not_before + GOOD_FOR;
    let pair = KeyPair::generate()?;
    let made = params.self_signed(&pair)?;
    // The key comes first: a new certificate with an old key would be taken for a valid pair.
    write_private(key, pair.serialize_pem().as_bytes())?;
    write_private(certificate, made.pem().as_bytes())?;
    Ok(())
}

/// Writes a file with mode 0600: synchronises a temporary file and renames it into place.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut file: File =
        File::options().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(unfinished, path)
}

/// Loads a certificate and its key from PEM files.
fn load(certificate: &Path, key: &Path, given: bool) -> Result<Certificate, String> {
    let chain = read_chain(certificate)?;
    let fingerprint = chain.first().map(fingerprint).unwrap_or_default();
    let key_der = read_key(key)?;
    let unusable = |error: Error| match error {
        Error::InconsistentKeys(_) => format!(
            "The private key {} does not belong to the certificate {}; give the two that were made together.",
            key.display(),
            certificate.display()
        ),
        error => format!(
            "The certificate {} cannot be used with the key {} ({error}); give another pair.",
            certificate.display(),
            key.display()
        ),
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key_der)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Certificate { config: Arc::new(config), fingerprint, given })
}

/// Returns a certificate's SHA-256 as pairs of hexadecimal digits with colons.
fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let hash = Sha256::digest(certificate);
    hash.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;
    use tokio_rustls::rustls::pki_types::pem::PemObject;

    fn state() -> (tempfile::TempDir, StateDir) {
        let root = tempfile::tempdir().unwrap();
        let state = StateDir::open(root.path()).unwrap();
        (root, state)
    }

    #[test]
    fn a_certificate_is_made_once_and_its_key_is_private() {
        let (_root, state) = state();
        let names = ["localhost".to_owned()];
        let first = load_or_make(&Tls::default(), &state, &names, &[]).unwrap();
        let again = load_or_make(&Tls::default(), &state, &names, &[]).unwrap();
        assert_eq!(first.fingerprint, again.fingerprint);
        assert_eq!(first.fingerprint.len(), 32 * 3 - 1);
        assert_eq!(fs::metadata(state.key()).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_given_certificate_is_used_and_a_broken_one_is_named() {
        let (_root, state) = state();
        load_or_make(&Tls::default(), &state, &["localhost".to_owned()], &[]).unwrap();
        let mut tls = Tls { certificate: Some(state.certificate()), key: Some(state.key()) };
        assert!(load_or_make(&tls, &state, &[], &[]).unwrap().given);
        fs::write(state.root().join("broken.pem"), "nothing").unwrap();
        tls.key = Some(state.root().join("broken.pem"));
        let text = load_or_make(&tls, &state, &[], &[]).err().unwrap();
        assert!(text.contains("broken.pem"), "{text}");
    }

    /// Loads a certificate and a key that hold the given bytes, and returns the error.
    fn refusal(certificate: &[u8], key: &[u8]) -> String {
        let (_root, state) = state();
        let tls = Tls {
            certificate: Some(state.root().join("given-certificate")),
            key: Some(state.root().join("given-key")),
        };
        fs::write(state.root().join("given-certificate"), certificate).unwrap();
        fs::write(state.root().join("given-key"), key).unwrap();
        load_or_make(&tls, &state, &[], &[]).err().unwrap()
    }

    #[test]
    fn what_was_given_in_place_of_a_certificate_or_a_key_is_named_with_what_to_do() {
        let (_root, state) = state();
        load_or_make(&Tls::default(), &state, &["localhost".to_owned()], &[]).unwrap();
        let (pem, key) = (fs::read(state.certificate()).unwrap(), fs::read(state.key()).unwrap());
        let (_other_root, other) = self::state();
        load_or_make(&Tls::default(), &other, &["localhost".to_owned()], &[]).unwrap();
        let other_key = fs::read(other.key()).unwrap();
        let der = CertificateDer::from_pem_slice(&pem).unwrap().to_vec();
        let key_der = PrivateKeyDer::from_pem_slice(&key).unwrap().secret_der().to_vec();
        let encrypted = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let request = b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n";
        for (what, certificate, key, says) in [
            ("a key for the certificate", &key[..], &key[..], "has a private key and no certificate"),
            ("a certificate for the key", &pem, &pem, "has a certificate and no private key"),
            ("an empty certificate", b"", &key, "given-certificate is empty"),
            ("an empty key", &pem, b"", "given-key is empty"),
            ("a certificate in DER", &der, &key, "openssl x509 -inform der"),
            ("a key in DER", &pem, &key_der, "openssl pkey -inform der"),
            ("a key with a password", &pem, encrypted, "is protected by a password"),
            ("a request", request, &key, "is a request for a certificate"),
            ("another key", &pem, &other_key, "does not belong to the certificate"),
            ("a text", b"hello", &key, "is no PEM file"),
        ] {
            let text = refusal(certificate, key);
            assert!(text.contains(says), "{what}: {text}");
            assert!(text.ends_with('.') && text.lines().count() == 1, "{what}: {text}");
        }
    }
}
