//! Commands of `oriel`, parsed by clap. A doc comment on an option or a command is its help text.

mod audit;
mod console;
mod desktops;
mod image;
mod log;
mod network;
mod network_pools;
mod pool;
mod pool_settings;
mod sessions;
mod user;
mod user_removal;

use crate::config::{self, Config};
use crate::state::become_owner;
use crate::{doctor, serve};
use clap::{Parser, Subcommand};
use network_pools::StateProcess;
use std::path::PathBuf;
use std::process::ExitCode;

/// Whole desktops on a server, shown in a browser.
#[derive(Parser)]
#[command(name = "oriel", version, max_term_width = 100)]
struct Arguments {
    /// The configuration file [default: /etc/oriel/oriel.toml if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of the database, images and disks, instead of the configured one
    #[arg(long, global = true, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve,
    /// Add, list and remove users
    #[command(subcommand)]
    User(user::UserCommand),
    /// Add, change, list and entitle pools: images with settings, for users
    #[command(subcommand)]
    Pool(pool::PoolCommand),
    /// Build, import, verify and remove images
    #[command(subcommand)]
    Image(image::ImageCommand),
    /// Shut all desktops of this host down
    #[command(subcommand)]
    Desktops(desktops::DesktopsCommand),
    /// Filter what desktops on TAP interfaces may reach
    #[command(subcommand)]
    Network(network::NetworkCommand),
    /// List, export and verify the audit log
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Check whether this host can run desktops
    Doctor {
        /// One JSON object instead of lines
        #[arg(long)]
        json: bool,
    },
    /// Show the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Print every key with its default and its explanation
    Print,
}

impl Command {
    /// Returns whether the command runs with the rights of its caller, because it changes the host's network.
    /// All others run as the owner of the state folder.
    fn changes_host(&self) -> bool {
        matches!(self, Self::Network(command) if command.changes_host())
    }
}

/// Parses the command line and runs the command.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    if matches!(arguments.command, Command::Config(ConfigCommand::Print)) {
        console::print(config::DEFAULTS);
        return ExitCode::SUCCESS;
    }
    let config = match config::load(arguments.config.as_deref()) {
        Ok(config) => config,
        Err(error) => return console::fail(&error.to_string()),
    };
    let config = Config { state_dir: arguments.state_dir.unwrap_or(config.state_dir.clone()), ..config };
    let state = StateProcess { config: arguments.config, state_dir: config.state_dir.clone() };
    // Before there is any thread, and before anything in the state folder is opened.
    if !arguments.command.changes_host()
        && let Err(sentence) = become_owner(&config.state_dir, std::env::args_os().skip(1))
    {
        return console::fail(&sentence);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return console::fail(&format!("The program cannot start: {error}.")),
    };
    match runtime.block_on(dispatch(arguments.command, config, &state)) {
        Ok(code) => code,
        Err(sentence) => console::fail(&sentence),
    }
}

/// Runs a command that needs the configuration.
async fn dispatch(command: Command, config: Config, state: &StateProcess) -> Result<ExitCode, String> {
    match command {
        Command::Serve => {
            log::start(&config.log);
            serve::serve(config, serve::until_signalled()?, announce).await?;
        }
        Command::User(command) => user::run(command, &config).await?,
        Command::Pool(command) => pool::run(command, &config).await?,
        Command::Image(command) => image::run(command, &config).await?,
        Command::Desktops(command) => desktops::run(command, &config).await?,
        Command::Network(command) => network::run(command, &config, state).await?,
        Command::Audit(command) => audit::run(command, &config).await?,
        Command::Doctor { json } => return Ok(doctor::run(&config, json).await),
        Command::Config(ConfigCommand::Print) => console::print(config::DEFAULTS),
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the addresses and the fingerprint of a server that is ready.
fn announce(ready: &serve::Ready) {
    console::line(&format!("Oriel {} is ready at {}", env!("CARGO_PKG_VERSION"), ready.url));
    if let Some(url) = &ready.plain_url {
        console::line(&format!("and, without TLS and from this machine only, at {url}"));
    }
    console::line(&format!("The certificate's SHA-256 is {}", ready.fingerprint));
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn only_what_changes_the_host_s_network_keeps_the_rights_of_root() {
        for (words, changes_host) in [
            ("serve", false),
            ("doctor", false),
            ("user list", false),
            ("pool list", false),
            ("image list", false),
            ("image build debian-xfce", false),
            ("network apply --print", false),
            ("network pools", false),
            ("network record apply", false),
            ("network apply", true),
            ("network remove", true),
        ] {
            let arguments = Arguments::try_parse_from(["oriel"].into_iter().chain(words.split(' '))).unwrap();
            assert_eq!(arguments.command.changes_host(), changes_host, "{words}");
        }
    }
}
