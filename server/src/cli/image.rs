//! `oriel image`: builds, imports, lists, verifies and removes images.

use super::{audit, console};
use crate::config::Config;
use crate::desktops::DesktopTable;
use crate::pools::Pools;
use crate::programs;
use crate::state::{StateDir, open_database};
use clap::{Args, Subcommand, ValueEnum};
use oriel_host::DesktopId;
use oriel_host::images::{
    DiskTool, ImageError, ImageStore, Imported, NewImage, Progress, RunsAt, Version, build, import,
    take_folder, verify,
};
use oriel_vmm_api::DiskFormat;
use sqlx::SqlitePool;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[derive(Subcommand)]
pub(super) enum ImageCommand {
    /// Build an image with its recipe, as the owner of the state folder
    Build {
        /// The recipe, such as debian-xfce
        name: String,
        /// The recipe's own folder, with a build.sh
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
    },
    /// Import files as an image, or as a new version of an image
    #[command(alias = "add")]
    Import(ImportOptions),
    /// List images and their versions
    List,
    /// Read images and compare the contents with their digests
    Verify {
        /// The image's name; all images if omitted
        name: Option<String>,
    },
    /// Remove an image that no pool and no desktop uses
    Remove {
        /// The image's name
        name: String,
    },
}

#[derive(Args)]
pub(super) struct ImportOptions {
    /// The image's name
    name: String,
    /// Raw or qcow2 disk, told apart by its contents
    #[arg(long)]
    disk: Option<PathBuf>,
    /// The disk's format, for a raw disk without a partition table or a known file system
    #[arg(long, value_enum, requires = "disk")]
    format: Option<Format>,
    /// A Linux bzImage or an ELF with a PVH note; without one, QEMU boots the disk by its firmware
    #[arg(long)]
    kernel: Option<PathBuf>,
    /// Initial RAM disk
    #[arg(long)]
    initrd: Option<PathBuf>,
    /// Kernel command line
    #[arg(long, default_value = "")]
    cmdline: String,
    /// Privilege level at which the guest runs
    #[arg(long, value_enum, default_value_t = Where::Kernel)]
    runs_at: Where,
}

/// Format of a disk, as an option.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Format {
    /// The file's bytes are the disk's
    Raw,
    /// QEMU's format with copy on write
    Qcow2,
}

/// Privilege level at which a guest runs, as an option.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Where {
    /// An operating system with a kernel
    Kernel,
    /// User mode only
    User,
}

/// Runs an image command.
///
/// # Errors
/// One sentence that says what to do.
pub(super) async fn run(command: ImageCommand, config: &Config) -> Result<(), String> {
    let state = StateDir::open(&config.state_dir)?;
    let db = open_database(&state).await?;
    let store = ImageStore::open(state.host_dir()).map_err(sentence)?;
    let cancelled = interrupted()?;
    match command {
        ImageCommand::Build { name, from } => {
            ImageStore::check_name(&name).map_err(sentence)?;
            let recipe = match from {
                Some(folder) => folder,
                None => programs::recipes(config)?.join(&name),
            };
            if !recipe.join("build.sh").is_file() {
                return Err(format!("There is no recipe {}; name another with --from.", recipe.display()));
            }
            let recipe =
                std::path::absolute(&recipe).map_err(|error| format!("{}: {error}.", recipe.display()))?;
            let out = store.building().join(&name);
            tokio::select! {
                built = build(&recipe, &out, |line| console::progress(line.percent, line.what)) => built?,
                // The recipe receives the same signal and cleans up.
                () = cancelled.cancelled() => return Err(sentence(ImageError::Cancelled)),
            }
            let taken = blocking(move || take_folder(&store, &out, &name)).await?;
            tell(&db, "image.build", &taken).await?;
        }
        ImageCommand::Import(options) => {
            let new = NewImage {
                name: options.name,
                disk: options.disk,
                disk_format: options.format.map(|format| match format {
                    Format::Raw => DiskFormat::Raw,
                    Format::Qcow2 => DiskFormat::Qcow2,
                }),
                kernel: options.kernel,
                initrd: options.initrd,
                cmdline: options.cmdline,
                runs_at: match options.runs_at {
                    Where::Kernel => RunsAt::Kernel,
                    Where::User => RunsAt::User,
                },
            };
            let progress: Progress = Arc::new(|percent| console::progress(percent, "copying"));
            let disks = DiskTool::new(match &new.disk {
                Some(_) => programs::vmm(config)?,
                None => PathBuf::new(),
            });
            let imported = import(&store, &disks, new, progress, cancelled).await.map_err(sentence)?;
            tell(&db, "image.import", &imported).await?;
        }
        ImageCommand::List => list(&store)?,
        ImageCommand::Verify { name } => {
            let verdicts = blocking(move || verify(&store, name.as_deref(), &cancelled)).await?;
            let mut damaged = 0;
            for verdict in verdicts {
                let Version { name, version, .. } = verdict.version;
                match verdict.problem {
                    None => console::line(&format!("{name}: version {version} is whole")),
                    Some(problem) => {
                        damaged += 1;
                        console::line(&format!("{name}: version {version} is damaged: {problem}"));
                    }
                }
            }
            if damaged > 0 {
                return Err("Images are damaged; build or import them again, which mends them.".into());
            }
        }
        ImageCommand::Remove { name } => {
            audit::perform(&db, "image.remove", &name, "", remove(&db, store, &name)).await?;
        }
    }
    db.close().await;
    Ok(())
}

/// Prints all images with their versions.
fn list(store: &ImageStore) -> Result<(), String> {
    let users = store.users().map_err(sentence)?;
    for name in store.names().map_err(sentence)? {
        let versions = match store.versions(&name) {
            Ok(versions) => versions,
            Err(error) => {
                console::line(&format!("{name}: {error}"));
                continue;
            }
        };
        for version in versions.iter().rev() {
            let on = users
                .iter()
                .filter(|user| user.holds)
                .filter(|user| (&user.version.name, user.version.version) == (&name, version.version))
                .count();
            console::line(&format!("{name}: {}", describe(version, on)));
        }
    }
    Ok(())
}

/// Describes a version and the number of desktops that hold it.
fn describe(version: &Version, desktops: usize) -> String {
    let mut text = format!("version {}", version.version);
    if let Some(disk) = &version.disk {
        let format = serde_json::to_value(disk.format).unwrap_or_default();
        text.push_str(&format!(
            ", disk of {} MiB ({})",
            disk.virtual_size >> 20,
            format.as_str().unwrap_or_default()
        ));
    }
    match &version.built {
        Some(when) => text.push_str(&format!(", built {when}")),
        None => text.push_str(&format!(", imported {}", version.imported)),
    }
    text.push_str(&format!(", {desktops} desktops on it"));
    if !version.description.is_empty() {
        text.push_str(&format!(": {}", version.description));
    }
    text
}

/// Removes an image, unless a pool or a desktop uses it.
async fn remove(db: &SqlitePool, store: ImageStore, name: &str) -> Result<(), String> {
    let pools = Pools::new(db.clone()).list().await.map_err(|error| error.to_string())?;
    let users: Vec<_> = pools
        .iter()
        .filter(|(pool, _)| pool.settings.image == name)
        .map(|(pool, _)| pool.name.as_str())
        .collect();
    if !users.is_empty() && store.newest(name).is_ok() {
        let by = format!(
            "the pool {} starts its desktops from it; give that another with `oriel pool set --image`",
            users.join(" and the pool ")
        );
        return Err(sentence(ImageError::InUse { name: name.to_owned(), by }));
    }
    let records = DesktopTable::new(db.clone())
        .all()
        .await
        .map_err(|error| format!("The database failed: {error}."))?;
    let names: HashMap<String, String> = records
        .into_iter()
        .map(|record| (record.id, format!("{}'s desktop of the pool {}", record.user_name, record.pool.name)))
        .collect();
    let name = name.to_owned();
    blocking(move || {
        let lock = store.lock()?;
        store.remove(&lock, &name, |id: &DesktopId| {
            names.get(id.as_str()).cloned().unwrap_or_else(|| format!("the desktop {id}"))
        })
    })
    .await
}

/// Prints and audits the result of an import.
async fn tell(db: &SqlitePool, action: &str, imported: &Imported) -> Result<(), String> {
    let Version { name, version, .. } = &imported.version;
    let what = if imported.new { "is now" } else { "was already" };
    console::line(&format!("{name} {what} version {version}"));
    let digests: Vec<_> = imported.version.blobs().map(|(digest, _)| digest.to_string()).collect();
    audit::record(db, action, name, &format!("version {version}: {}", digests.join(" "))).await
}

/// Returns a token that SIGINT and SIGTERM cancel.
fn interrupted() -> Result<CancellationToken, String> {
    let listen = |kind| signal(kind).map_err(|error| format!("Signals cannot be received: {error}."));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let cancelled = CancellationToken::new();
    let token = cancelled.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        token.cancel();
    });
    Ok(cancelled)
}

/// Runs blocking work on a thread for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ImageError> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| format!("The work was interrupted: {error}."))?
        .map_err(sentence)
}

fn sentence(error: ImageError) -> String {
    error.to_string()
}
