//! Verification of images: reads every blob and compares its contents with its digest.

use super::digest::Digest;
use super::error::ImageError;
use super::sparse::{CopyError, digest_of};
use super::store::ImageStore;
use super::version::Version;
use crate::folder::open_own_file;
use std::collections::HashMap;
use tokio_util::sync::CancellationToken;

/// Result of the verification of one version.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Version that was verified.
    pub version: Version,
    /// First problem that was found; `None` for an intact version.
    pub problem: Option<String>,
}

/// Verifies all versions of one image, or of all images. A blob that several versions share is read once.
///
/// # Errors
/// A manifest cannot be read, or the verification was cancelled.
pub fn verify(
    store: &ImageStore,
    name: Option<&str>,
    cancelled: &CancellationToken,
) -> Result<Vec<Verdict>, ImageError> {
    let names = match name {
        Some(name) => vec![store.newest(name)?.name],
        None => store.names()?,
    };
    let mut known: HashMap<Digest, Option<String>> = HashMap::new();
    let mut verdicts = Vec::new();
    for name in names {
        for version in store.versions(&name)? {
            let mut problem = None;
            for (digest, _) in version.blobs() {
                let found = match known.get(&digest) {
                    Some(found) => found.clone(),
                    None => {
                        let found = look(store, &digest, cancelled)?;
                        known.insert(digest, found.clone());
                        found
                    }
                };
                problem = problem.or(found);
            }
            verdicts.push(Verdict { version, problem });
        }
    }
    Ok(verdicts)
}

/// Compares a blob's contents with its digest; `Some` has the problem.
///
/// # Errors
/// [`ImageError::Cancelled`].
fn look(
    store: &ImageStore,
    digest: &Digest,
    cancelled: &CancellationToken,
) -> Result<Option<String>, ImageError> {
    let path = store.blob(digest);
    let read = open_own_file(&path)
        .map_err(CopyError::from)
        .and_then(|file| digest_of(&file, &mut |_| !cancelled.is_cancelled()));
    match read {
        Ok(found) if found == *digest => Ok(None),
        Ok(_) => Ok(Some(format!("{} was changed", path.display()))),
        Err(CopyError::Cancelled) => Err(ImageError::Cancelled),
        Err(error) => Ok(Some(format!("{}: {error}", path.display()))),
    }
}
