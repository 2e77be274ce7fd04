//! Listening control socket and its file; the supervisor creates both before it starts the machine.

use rustix::fs::Mode;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Error of creating the control socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another process listens on the socket.
    #[error("the control socket {0} is in use by another machine; stop that one first")]
    InUse(PathBuf),
    /// The path is that of a file other than a socket.
    #[error("{0} is not a socket; remove it or name another control socket")]
    NotASocket(PathBuf),
    /// A system call failed.
    #[error("the control socket {path} cannot be created: {error}; check its folder")]
    Failed {
        /// Path of the socket.
        path: PathBuf,
        /// Error of the system call.
        error: io::Error,
    },
}

/// Listening control socket; dropping it removes the socket's file.
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl ControlSocket {
    /// Creates the socket at `path` with mode 0600, and replaces a socket on which no process listens. Must
    /// be called before other threads start, since it changes the umask of the process for a moment.
    ///
    /// # Errors
    /// When another process listens at `path`, the file is not a socket, or a system call fails.
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
        // The umask makes the mode 0600 from the creation on; chmod(2) would leave a gap.
        let before = rustix::process::umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
        let bound = UnixListener::bind(path);
        rustix::process::umask(before);
        Ok(Self { listener: bound.map_err(failed)?, path: path.to_owned() })
    }

    /// Returns a copy of the listening socket, for the process that accepts connections.
    ///
    /// # Errors
    /// When no more descriptors can be opened.
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
    fn the_socket_is_private_replaces_only_unused_sockets_and_is_removed() {
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
