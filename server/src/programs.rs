//! Where the parts lie that are not in this program: configured, installed beside it, or in the
//! source tree that it was built in.

use crate::config::Config;
use std::path::{Path, PathBuf};

/// `oriel-vmm`.
///
/// # Errors
/// A sentence that says where it was looked for.
pub fn vmm(config: &Config) -> Result<PathBuf, String> {
    let path = match &config.vmm {
        Some(path) => path.clone(),
        None => beside("oriel-vmm").unwrap_or_else(|| "oriel-vmm".into()),
    };
    if path.is_file() {
        return Ok(path);
    }
    Err(format!(
        "The machine program {} is not there; install it beside oriel or set `vmm` in the configuration.",
        path.display()
    ))
}

/// The built web client.
///
/// # Errors
/// A sentence.
pub fn web_root(config: &Config) -> Result<PathBuf, String> {
    find(config.web_root.as_deref(), "web-client", "web-client/dist", "index.html").ok_or_else(|| {
        "The web client was not found; build it with `make` or set `web_root` in the configuration.".into()
    })
}

/// The folder of image recipes.
///
/// # Errors
/// A sentence.
pub fn recipes(config: &Config) -> Result<PathBuf, String> {
    find(config.recipes.as_deref(), "images", "deploy/images", "")
        .ok_or_else(|| "The image recipes were not found; name one with --from or set `recipes`.".into())
}

/// The configured folder as it is; or one that holds `witness`, beside the program or up the tree.
fn find(configured: Option<&Path>, installed: &str, in_source: &str, witness: &str) -> Option<PathBuf> {
    if let Some(path) = configured {
        return Some(path.to_owned());
    }
    let installed = beside(installed);
    let program = std::env::current_exe().ok()?;
    let in_source = program.ancestors().skip(1).map(|folder| folder.join(in_source));
    installed.into_iter().chain(in_source).find(|folder| folder.is_dir() && folder.join(witness).exists())
}

fn beside(name: &str) -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.parent()?.join(name))
}
