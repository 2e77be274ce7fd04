//! Owner of the state folder, whose identity a program that root started takes before it opens anything there.
//!
//! What the owner can write (links, manifests, the database) must not be read with root's rights. So root's
//! program starts itself anew as the owner: then also the environment and the files of the process in `/proc`
//! are the owner's.

use rustix::process::{Gid, Uid, geteuid, getuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// This program, whatever its path leads to by now.
const OWN_PROGRAM: &str = "/proc/self/exe";
/// Permission of a group or of everybody to write (inode(7)).
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// Restriction of a folder by which only owners rename and remove its entries (inode(7)).
const STICKY: u32 = 0o1000;

/// User as the program's identity.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    uid: u32,
    gid: u32,
    /// Supplementary groups.
    groups: Vec<u32>,
    /// Login name; `None` for a user without an entry in `/etc/passwd`.
    name: Option<String>,
    /// Home folder.
    home: PathBuf,
}

/// Starts this program anew as the owner of the state folder if root started it and the folder belongs to
/// another user; the call then does not return. Without the folder, or if it is root's own, the program stays
/// root. It must be called before any thread is started.
///
/// # Errors
/// One sentence: the identity cannot be taken, or the folder of root can be exchanged by other users.
pub fn become_owner(root: &Path, arguments: impl Iterator<Item = OsString>) -> Result<(), String> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let root = absolute(root)?;
    let facts = match fs::metadata(&root) {
        Ok(facts) => facts,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // It is about to be made, where nobody else may be faster.
            let above = root.ancestors().find(|folder| fs::symlink_metadata(folder).is_ok());
            return above.map_or(Ok(()), |above| check_path(&root, above).map(drop));
        }
        Err(error) => return Err(format!("The state folder {} cannot be used ({error}).", root.display())),
    };
    if facts.uid() == 0 {
        return check_root_s_folder(&root);
    }
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let group = fs::read_to_string("/etc/group").unwrap_or_default();
    let owner = Identity::of(facts.uid(), facts.gid(), &passwd, &group);
    let failed = |error: io::Error| {
        format!(
            "The state folder {} belongs to {}, and this program cannot go on as that user ({error}); run it as \
             that user.",
            root.display(),
            owner.shown()
        )
    };
    owner.take().map_err(failed)?;
    let mut again = Command::new(OWN_PROGRAM);
    again.args(arguments).env("HOME", &owner.home);
    if let Some(name) = &owner.name {
        again.env("USER", name).env("LOGNAME", name);
    }
    Err(failed(again.exec()))
}

/// Checks that no other user can exchange a state folder that belongs to root, or a folder above it.
///
/// # Errors
/// One sentence that names the folder.
fn check_root_s_folder(root: &Path) -> Result<(), String> {
    let real = check_path(root, root)?;
    // In a folder with the restriction others may still have made files before.
    let entries = fs::read_dir(&real).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries =
        entries.map_err(|error| format!("The state folder {} cannot be read ({error}).", root.display()))?;
    match entries.iter().find(|entry| entry.metadata().is_ok_and(|facts| facts.uid() != 0)) {
        Some(entry) => Err(not_root_s(root, &entry.path())),
        None => Ok(()),
    }
}

/// Checks that a path to a state folder, or to a folder above it, leads over folders and links of root that no
/// other user can exchange. Returns the path without links.
///
/// # Errors
/// One sentence that names the folder.
fn check_path(root: &Path, path: &Path) -> Result<PathBuf, String> {
    let real = fs::canonicalize(path)
        .map_err(|error| format!("The state folder {} cannot be used ({error}).", root.display()))?;
    // The path as it was given may lead over links, each of which must be root's as well.
    for folder in path.ancestors().chain(real.ancestors()) {
        let facts = fs::symlink_metadata(folder)
            .map_err(|error| format!("The folder {} cannot be looked at ({error}).", folder.display()))?;
        let shared = match facts.mode() & WRITABLE_BY_OTHERS {
            0 => false,
            // A folder of root's group is root's too.
            0o020 if facts.gid() == 0 => false,
            _ if facts.is_symlink() => false,
            _ => facts.mode() & STICKY == 0,
        };
        if facts.uid() != 0 || shared {
            return Err(not_root_s(root, folder));
        }
    }
    Ok(real)
}

/// Returns the sentence about a state folder of root with a part that is not root's alone.
fn not_root_s(root: &Path, part: &Path) -> String {
    format!(
        "The state folder {} is root's, and {} can be changed by another user; give the state folder to the user \
         who is to run Oriel (install -d -o USER, or chown -R), or choose another by --state-dir.",
        root.display(),
        part.display()
    )
}

/// Makes a path absolute.
fn absolute(path: &Path) -> Result<PathBuf, String> {
    std::path::absolute(path)
        .map_err(|error| format!("The state folder {} is no path: {error}.", path.display()))
}

impl Identity {
    /// Returns the identity of a user by the texts of `/etc/passwd` and `/etc/group` (passwd(5), group(5)). A
    /// user without an entry gets the given group and no others.
    fn of(uid: u32, gid: u32, passwd: &str, group: &str) -> Self {
        let entry = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| {
            fields.len() >= 6 && fields.get(2).and_then(|field| field.parse().ok()) == Some(uid)
        });
        let field = |index: usize| entry.as_ref().and_then(|fields| fields.get(index).copied());
        let name = field(0).map(str::to_owned);
        let gid = field(3).and_then(|field| field.parse().ok()).unwrap_or(gid);
        let mut groups: Vec<u32> = group
            .lines()
            .filter_map(|line| {
                let mut fields = line.split(':').skip(2);
                let (number, members) = (fields.next()?.parse().ok()?, fields.next()?);
                members.split(',').any(|member| Some(member) == name.as_deref()).then_some(number)
            })
            .collect();
        groups.push(gid);
        groups.sort_unstable();
        groups.dedup();
        Self { uid, gid, groups, name, home: field(5).unwrap_or("/").into() }
    }

    /// Takes the identity for good: groups first, while the program still may.
    ///
    /// # Errors
    /// The kernel refused one of the steps.
    fn take(&self) -> io::Result<()> {
        let groups: Vec<_> = self.groups.iter().map(|group| Gid::from_raw(*group)).collect();
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        set_thread_groups(&groups)?;
        set_thread_res_gid(gid, gid, gid)?;
        set_thread_res_uid(uid, uid, uid)?;
        if getuid() != uid || geteuid() != uid {
            return Err(io::Error::other("the kernel kept the identity of root"));
        }
        Ok(())
    }

    /// Returns the name for errors.
    fn shown(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("the user {}", self.uid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/bash\n\noriel:x:998:997:Oriel:/var/lib/oriel:/usr/sbin/nologin\n";
    const GROUP: &str =
        "root:x:0:\nkvm:x:104:qemu,oriel\nsudo:x:27:ada\noriel:x:997:\nrender:x:105:oriels\nbroken\n";

    #[test]
    fn an_owner_has_its_own_groups_and_no_others() {
        let owner = Identity::of(998, 1, PASSWD, GROUP);
        let expected = Identity {
            uid: 998,
            gid: 997,
            groups: vec![104, 997],
            name: Some("oriel".into()),
            home: "/var/lib/oriel".into(),
        };
        assert_eq!(owner, expected);
        let unknown = Identity::of(5000, 5001, PASSWD, GROUP);
        assert_eq!((unknown.gid, unknown.groups, unknown.name), (5001, vec![5001], None));
    }

    #[test]
    fn a_folder_of_root_that_others_can_exchange_is_refused() {
        if !geteuid().is_root() {
            eprintln!("not run: only root has such folders");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        fs::create_dir(&state).unwrap();
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        mode(&state, 0o700);
        check_root_s_folder(&state).unwrap();
        for (path, wrong) in [(state.as_path(), 0o777), (dir.path(), 0o777)] {
            let before = fs::metadata(path).unwrap().mode() & 0o7777;
            mode(path, wrong);
            let text = check_root_s_folder(&state).unwrap_err();
            assert!(text.contains("by another user"), "{text}");
            assert!(become_owner(&state.join("new"), std::iter::empty()).is_err());
            mode(path, before);
        }
        mode(&state, 0o1777);
        check_root_s_folder(&state).unwrap();
        fs::create_dir(state.join("images")).unwrap();
        std::os::unix::fs::chown(state.join("images"), Some(65534), None).unwrap();
        assert!(check_root_s_folder(&state).unwrap_err().contains("images"));
        fs::remove_dir(state.join("images")).unwrap();
        std::os::unix::fs::chown(dir.path(), Some(65534), None).unwrap();
        assert!(check_root_s_folder(&state).is_err());
        std::os::unix::fs::chown(dir.path(), Some(0), None).unwrap();
        let link = dir.path().join("link");
        symlink(&state, &link).unwrap();
        check_root_s_folder(&link).unwrap();
        std::os::unix::fs::lchown(&link, Some(65534), None).unwrap();
        assert!(check_root_s_folder(&link).is_err());
    }
}
