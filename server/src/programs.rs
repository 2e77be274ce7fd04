//! Paths of the program, the web client and the recipes that are not in this program: configured, installed
//! next to it, or in the source tree in which it was built.

use crate::config::Config;
use std::path::{Path, PathBuf};

/// Returns the path of the machine program `oriel-vmm`: the configured one, or the one next to this program.
///
/// # Errors
/// One sentence: there is no file at the path.
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

/// Returns the path of the built web client.
///
/// # Errors
/// One sentence: the folder was not found.
pub fn web_root(config: &Config) -> Result<PathBuf, String> {
    find(config.web_root.as_deref(), "web-client", "web-client/dist", "index.html").ok_or_else(|| {
        "The web client was not found; build it with `make` or set `web_root` in the configuration.".into()
    })
}

/// Returns the path of the folder of image recipes.
///
/// # Errors
/// One sentence: the folder was not found.
pub fn recipes(config: &Config) -> Result<PathBuf, String> {
    find(config.recipes.as_deref(), "images", "deploy/images", "")
        .ok_or_else(|| "The image recipes were not found; name one with --from or set `recipes`.".into())
}

/// Returns the configured folder, or one that contains `witness`: next to the program, or in a folder above
/// it.
fn find(configured: Option<&Path>, installed: &str, in_source: &str, witness: &str) -> Option<PathBuf> {
    if let Some(path) = configured {
        return Some(path.to_owned());
    }
    let installed = beside(installed);
    let program = std::env::current_exe().ok()?;
    let in_source = program.ancestors().skip(1).map(|folder| folder.join(in_source));
    installed.into_iter().chain(in_source).find(|folder| folder.is_dir() && folder.join(witness).exists())
}

/// Returns a path in the folder of this program.
fn beside(name: &str) -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.parent()?.join(name))
}

/// Returns whether a program is in the PATH or in root's folders of programs.
pub fn is_installed(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin"].map(Into::into);
    std::env::split_paths(&path).chain(system).any(|folder| folder.join(tool).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_looked_for_where_root_has_them() {
        assert!(is_installed("sh"));
        assert!(!is_installed("no-such-tool-anywhere"));
    }
}
