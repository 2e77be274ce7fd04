//! Folder of the built web client.

use std::path::{Path, PathBuf};

/// Folder of the built web client.
#[derive(Debug, Clone)]
pub struct WebRoot(PathBuf);

impl WebRoot {
    /// Checks that the folder has a built web client.
    ///
    /// # Errors
    /// One sentence: the folder has no `index.html`.
    pub fn open(folder: &Path) -> Result<Self, String> {
        if folder.join("index.html").is_file() {
            return Ok(Self(folder.to_owned()));
        }
        Err(format!(
            "There is no web client in {}; build it with `make` or set `web_root` in the configuration.",
            folder.display()
        ))
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.0
    }
}
