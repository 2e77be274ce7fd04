//! Files that each hold a secret key of 256 bits, apart from the database.

use oriel_host::folder::write_durably;
use std::fs;
use std::io;
use std::path::Path;

/// Loads the key of a file. A missing file is made with a random key and mode 0600.
///
/// # Errors
/// One sentence that says what to do.
pub fn load_or_make_key(path: &Path) -> Result<[u8; 32], String> {
    match fs::read(path) {
        Ok(bytes) => bytes.try_into().map_err(|_| {
            format!("The key {} is damaged; remove the file, and a new one is made.", path.display())
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path).map_err(|error| {
            format!("The key {} cannot be made ({error}); check the state folder.", path.display())
        }),
        Err(error) => {
            Err(format!("The key {} cannot be read ({error}); check its permissions.", path.display()))
        }
    }
}

/// Makes a random key, and writes its file durably.
fn make(path: &Path) -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    let mut filled = 0;
    while let Some(rest) = key.get_mut(filled..)
        && !rest.is_empty()
    {
        filled += rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty())?;
    }
    write_durably(path, &key)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_made_once_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        let key = load_or_make_key(&path).unwrap();
        assert_ne!(key, [0; 32]);
        assert_eq!(load_or_make_key(&path).unwrap(), key);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_key_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        fs::write(&path, "short").unwrap();
        assert!(load_or_make_key(&path).unwrap_err().contains("a.key is damaged"));
    }
}
