//! Bringing a machine up: the disk, the configuration, the process, the connection.

use super::admission::Admitted;
use super::control::{ControlLink, Events};
use super::directory::World;
use super::machine_config::machine_config;
use super::process;
use super::table::Record;
use crate::images::{CopyError, Image, Manifest, copy_sparse};
use crate::state::DesktopDir;
use oriel_vmm_api::{Description, LastWords};
use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::process::Child;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A machine that does not open its socket within this time is not coming.
const LONGEST_START: Duration = Duration::from_secs(60);
/// How often a new machine's socket is tried.
const TRY_EVERY: Duration = Duration::from_millis(25);
/// A socket's path has at most so many bytes (unix(7), less the final zero).
const LONGEST_SOCKET_PATH: usize = 107;

/// A machine that answers.
pub(super) struct Up {
    pub link: ControlLink,
    pub events: Events,
    pub description: Description,
}

/// Why there is none.
pub(super) enum PrepareError {
    /// Someone stopped the desktop meanwhile.
    CalledOff,
    /// One sentence.
    Failed(String),
}

impl From<String> for PrepareError {
    fn from(text: String) -> Self {
        Self::Failed(text)
    }
}

/// Does all of it. What fails leaves nothing half made.
pub(super) async fn prepare(
    world: Arc<World>,
    record: Record,
    admitted: Admitted,
    progress: watch::Sender<String>,
    called_off: CancellationToken,
) -> Result<Up, PrepareError> {
    let dir = world.state.desktop(&record.id);
    if dir.socket().as_os_str().len() > LONGEST_SOCKET_PATH {
        return Err(PrepareError::Failed(format!(
            "The path {} is too long for a socket; move the state folder to a shorter one.",
            dir.socket().display()
        )));
    }
    let image = own_image(&dir, &admitted.image, &progress, &called_off).await?;
    let settings = world
        .settings
        .get(&record.person_id)
        .await
        .map_err(|error| format!("The database failed: {error}."))?;
    let config = machine_config(&record, &dir, &image, &admitted.choice, &settings);
    write_config(&dir, &config).map_err(|error| {
        format!("The desktop's folder {} cannot be written ({error}); check the disk.", dir.root().display())
    })?;
    if called_off.is_cancelled() {
        return Err(PrepareError::CalledOff);
    }
    progress.send_replace("Starting the machine.".into());
    let child = process::spawn(world.probe.vmm(), &dir).await.map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => {
            "The desktop's earlier machine has not ended yet; try again in a moment.".to_owned()
        }
        _ => format!(
            "The machine program {} cannot be run ({error}); set `vmm` in the configuration.",
            world.probe.vmm().display()
        ),
    })?;
    let pid = child.id();
    world.table.set_pid(&record.id, pid).await.map_err(|error| format!("The database failed: {error}."))?;
    let up = await_socket(&dir, child, &called_off).await;
    if let (Err(_), Some(pid)) = (&up, pid)
        && process::is_alive(&dir).await
    {
        process::kill_group(pid);
    }
    up
}

fn write_config(dir: &DesktopDir, config: &oriel_vmm_api::MachineConfig) -> io::Result<()> {
    // What an earlier machine left behind would be taken for the new one's.
    for stale in [dir.socket(), dir.last_words()] {
        match fs::remove_file(stale) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let text = serde_json::to_vec_pretty(config)?;
    let file =
        fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(dir.machine_config())?;
    io::Write::write_all(&mut &file, &text)
}

async fn await_socket(
    dir: &DesktopDir,
    mut child: Child,
    called_off: &CancellationToken,
) -> Result<Up, PrepareError> {
    let connect = async {
        loop {
            if let Ok((link, events, description)) = ControlLink::connect(&dir.socket()).await {
                return Up { link, events, description };
            }
            tokio::time::sleep(TRY_EVERY).await;
        }
    };
    let outcome = tokio::select! {
        up = tokio::time::timeout(LONGEST_START, connect) => match up {
            Ok(up) => Ok(up),
            Err(_) => Err(PrepareError::Failed(format!(
                "The desktop's machine did not answer for a minute; see {}.", dir.vmm_log().display()
            ))),
        },
        status = child.wait() => Err(PrepareError::Failed(match read_last_words(dir) {
            Some(words) => words.text,
            None => format!(
                "The desktop's machine ended at once ({}); see {}.",
                status.map_or_else(|error| error.to_string(), |status| status.to_string()),
                dir.vmm_log().display()
            ),
        })),
        () = called_off.cancelled() => Err(PrepareError::CalledOff),
    };
    // The process is found by its lock and its socket; this task only takes away its remains.
    tokio::spawn(async move { child.wait().await });
    outcome
}

/// What the machine's process left behind, if it did.
pub(super) fn read_last_words(dir: &DesktopDir) -> Option<LastWords> {
    serde_json::from_slice(&fs::read(dir.last_words()).ok()?).ok()
}

/// The desktop's own copy of its image, made now if there is none. An image without a disk has
/// nothing to own and is used where it lies.
async fn own_image(
    dir: &DesktopDir,
    image: &Image,
    progress: &watch::Sender<String>,
    called_off: &CancellationToken,
) -> Result<Image, PrepareError> {
    dir.make().map_err(|error| format!("The folder {} cannot be made: {error}.", dir.root().display()))?;
    if image.manifest.disk.is_none() || image.dir == dir.image() {
        return Ok(image.clone());
    }
    let (dir, from) = (dir.clone(), image.clone());
    let (progress, called_off) = (progress.clone(), called_off.clone());
    let copy = move || {
        let unfinished = dir.unfinished_image();
        let result = copy_image(&from, &unfinished, &progress, &called_off)
            .and_then(|()| Ok(fs::rename(&unfinished, dir.image())?));
        if result.is_err() {
            // Half a copy is worth nothing, and the failure to tell of is the copy's.
            let _ = fs::remove_dir_all(&unfinished);
        }
        result.map_err(|error| match error {
            CopyError::CalledOff => PrepareError::CalledOff,
            CopyError::NoRoom => PrepareError::Failed(format!(
                "There is no room on the disk for this desktop's copy of the image {}; free some below {} and start it again.",
                from.manifest.name,
                dir.root().display()
            )),
            CopyError::Io(error) => PrepareError::Failed(format!(
                "The image {} could not be copied for this desktop ({error}); check the disk.",
                from.manifest.name
            )),
        })?;
        Image::open(&dir.image(), &from.manifest.name)
            .map_err(|error| PrepareError::Failed(error.to_string()))
    };
    tokio::task::spawn_blocking(copy)
        .await
        .map_err(|error| PrepareError::Failed(format!("The copy of the image failed: {error}.")))?
}

/// Copies disk, kernel and initrd together: a kernel must fit the modules on its disk even after
/// the image was built anew.
fn copy_image(
    from: &Image,
    to: &Path,
    progress: &watch::Sender<String>,
    called_off: &CancellationToken,
) -> Result<(), CopyError> {
    match fs::remove_dir_all(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => fs::create_dir(to)?,
    }
    let mut last = None;
    let mut go_on = |percent: u8| {
        if last != Some(percent) {
            last = Some(percent);
            progress.send_replace(format!("Making this desktop's own disk: {percent} percent."));
        }
        !called_off.is_cancelled()
    };
    let files: Vec<PathBuf> = from.manifest.files().map(Path::to_owned).collect();
    for file in files {
        let target = to.join(&file);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        let is_disk = from.manifest.disk.as_ref() == Some(&file);
        copy_sparse(&from.dir.join(&file), &target, &mut |percent| !is_disk || go_on(percent))?;
    }
    let manifest: &Manifest = &from.manifest;
    let text = toml::to_string(manifest).map_err(|error| CopyError::Io(io::Error::other(error)))?;
    fs::write(to.join("image.toml"), text)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::{ImageStore, NewImage, RunsAt};
    use crate::state::StateDir;

    fn fixture() -> (tempfile::TempDir, DesktopDir, Image) {
        let root = tempfile::tempdir().unwrap();
        let state = StateDir::open(root.path()).unwrap();
        for name in ["kernel", "disk"] {
            fs::write(root.path().join(name), name).unwrap();
        }
        let new = NewImage {
            name: "small".into(),
            kernel: root.path().join("kernel"),
            initrd: None,
            disk: Some(root.path().join("disk")),
            cmdline: "quiet".into(),
            runs_at: RunsAt::Kernel,
        };
        let image = ImageStore::new(state.images()).add(&new).unwrap();
        let dir = state.desktop("d1");
        (root, dir, image)
    }

    async fn copied(dir: &DesktopDir, image: &Image) -> Result<Image, PrepareError> {
        own_image(dir, image, &watch::channel(String::new()).0, &CancellationToken::new()).await
    }

    #[tokio::test]
    async fn a_desktop_gets_a_disk_of_its_own_with_the_kernel_that_fits_it() {
        let (_root, dir, image) = fixture();
        let own = copied(&dir, &image).await.ok().unwrap();
        assert_eq!(own.dir, dir.image());
        assert_eq!(own.manifest.cmdline, "quiet");
        fs::write(own.dir.join("disk.raw"), "written").unwrap();
        assert_eq!(fs::read(image.dir.join("disk.raw")).unwrap(), b"disk");
        assert!(!dir.unfinished_image().exists());
    }

    #[tokio::test]
    async fn a_copy_that_fails_leaves_nothing() {
        let (_root, dir, image) = fixture();
        fs::remove_file(image.dir.join("disk.raw")).unwrap();
        assert!(matches!(copied(&dir, &image).await, Err(PrepareError::Failed(_))));
        assert!(!dir.image().exists() && !dir.unfinished_image().exists());
    }

    #[tokio::test]
    async fn what_a_killed_server_left_is_cleared_away() {
        let (_root, dir, image) = fixture();
        fs::create_dir_all(dir.unfinished_image().join("junk")).unwrap();
        assert!(copied(&dir, &image).await.is_ok());
        assert!(!dir.image().join("junk").exists());
    }
}
