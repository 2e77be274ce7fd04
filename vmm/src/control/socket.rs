//! The listening socket and its file.

use rustix::fs::Mode;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Why the socket could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another process answers there.
    #[error("the control socket {0} is in use by another machine; stop that one first")]
    InUse(PathBuf),
    /// Something that is no socket lies there.
    #[error("{0} is no socket; remove it or name another control socket")]
    NotASocket(PathBuf),
    /// The system said no.
    #[error("the control socket {path} cannot be made: {error}")]
    Failed {
        /// The file.
        path: PathBuf,
        /// Its word.
        error: io::Error,
    },
}

/// A listening socket that takes its file along when it goes.
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl ControlSocket {
    /// Makes the socket at `path`, for its owner only; one that nobody answers on is replaced. To be
    /// called before any thread is started: files that those make meanwhile would be private, too.
    ///
    /// # Errors
    /// When it cannot be made there.
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        let failed = |error| SocketError::Failed { path: path.to_owned(), error };
        if let Ok(metadata) = std::fs::symlink_metadata(path) {
            if !metadata.file_type().is_socket() {
                return Err(SocketError::NotASocket(path.to_owned()));
            }
            if UnixStream::connect(path).is_ok() {
                return Err(SocketError::InUse(path.to_owned()));
            }
            std::fs::remove_file(path).map_err(failed)?;
        }
        // For its owner only from its first moment on.
        let before = rustix::process::umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
        let bound = UnixListener::bind(path);
        rustix::process::umask(before);
        Ok(Self { listener: bound.map_err(failed)?, path: path.to_owned() })
    }

    /// For accepting.
    ///
    /// # Errors
    /// When the host is out of descriptors.
    pub fn listener(&self) -> io::Result<UnixListener> {
        self.listener.try_clone()
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_is_private_replaces_the_dead_respects_the_living_and_tidies_up() {
        let dir = std::env::temp_dir().join(format!("oriel-socket-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("control");
        let socket = ControlSocket::bind(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(ControlSocket::bind(&path), Err(SocketError::InUse(_))));
        drop(socket);
        assert!(!path.exists());
        drop(UnixListener::bind(&path).unwrap());
        drop(ControlSocket::bind(&path).unwrap());
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(ControlSocket::bind(&path), Err(SocketError::NotASocket(_))));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
