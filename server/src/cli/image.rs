//! `oriel image`.

use super::console;
use crate::config::Config;
use crate::images::{ImageStore, NewImage, RunsAt, build};
use crate::programs;
use crate::state::StateDir;
use clap::{Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Subcommand)]
pub(super) enum ImageCommand {
    /// Build an image by its recipe; needs root
    Build {
        /// The recipe, such as debian-xfce
        name: String,
        /// The recipe's own folder, with a build.sh
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
    },
    /// List images
    List,
    /// Make an image of files
    Add {
        /// Its name
        name: String,
        /// A Linux bzImage or an ELF with a PVH note
        #[arg(long)]
        kernel: PathBuf,
        /// Initial RAM disk
        #[arg(long)]
        initrd: Option<PathBuf>,
        /// Raw disk
        #[arg(long)]
        disk: Option<PathBuf>,
        /// Kernel command line
        #[arg(long, default_value = "")]
        cmdline: String,
        /// Where the guest spends its life
        #[arg(long, value_enum, default_value_t = Where::Kernel)]
        runs_at: Where,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Where {
    /// In a kernel, as operating systems do
    Kernel,
    /// In user mode alone
    User,
}

pub(super) async fn run(command: ImageCommand, config: &Config) -> Result<(), String> {
    let state = StateDir::open(&config.state_dir)?;
    let store = ImageStore::new(state.images());
    match command {
        ImageCommand::Build { name, from } => {
            let out = store.path_of(&name).map_err(|error| error.to_string())?;
            let recipe = match from {
                Some(folder) => folder,
                None => programs::recipes(config)?.join(&name),
            };
            if !recipe.join("build.sh").is_file() {
                return Err(format!("There is no recipe {}; name another with --from.", recipe.display()));
            }
            let recipe =
                std::path::absolute(&recipe).map_err(|error| format!("{}: {error}.", recipe.display()))?;
            build(&recipe, &out, |line| console::progress(line.percent, line.what)).await?;
            let image = store.get(&name).map_err(|error| error.to_string())?;
            console::line(&format!("The image {name} is in {}", image.dir.display()));
        }
        ImageCommand::List => {
            let images = store.list().map_err(|error| format!("{}: {error}.", state.images().display()))?;
            for (name, image) in images {
                match image {
                    Ok(image) => {
                        let built =
                            image.manifest.built.map(|when| format!(", built {when}")).unwrap_or_default();
                        console::line(&format!("{name}: {}{built}", image.manifest.description));
                    }
                    Err(error) => console::line(&format!("{name}: {error}")),
                }
            }
        }
        ImageCommand::Add { name, kernel, initrd, disk, cmdline, runs_at } => {
            let runs_at = match runs_at {
                Where::Kernel => RunsAt::Kernel,
                Where::User => RunsAt::User,
            };
            let new = NewImage { name, kernel, initrd, disk, cmdline, runs_at };
            tokio::task::spawn_blocking(move || store.add(&new))
                .await
                .map_err(|error| format!("The image was not added: {error}."))?
                .map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}
