//! Command line of `oriel-vmm`: parsing of arguments, and one module per command.
//!
//! `run` is the supervisor, `machine` the machine's process, `probe` and `disk` serve the server. The other
//! commands are clients of a control socket, for tests and administrators. Errors are sentences for users.

mod clipboard;
mod connect;
mod control;
mod disk;
mod input;
mod key_names;
mod probe;
mod receive_file;
mod record_audio;
mod screenshot;
mod send_file;

use oriel_vmm::{config_file, machine_process, supervisor};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// Usage text of all commands.
const USAGE: &str = "\
usage: oriel-vmm COMMAND

  run --config FILE [--require-jail] [--log FILE]
                                         run one desktop until it ends; only in a whole jail; with the log in a
                                         file of bounded size instead of standard error
  probe                                  print the facts of this host, as JSON
  disk inspect --format raw|qcow2 FILE   print the facts of a disk image, as JSON; with --stdin NAME in place of
                                         FILE, of the image that standard input is
  disk check FILE                        check a qcow2 image for damage, as JSON
  disk create-overlay --size BYTES --backing-name NAME --backing-format raw|qcow2 FILE
                                         create a qcow2 overlay on another image
  control --socket FILE REQUEST          one request: describe, watch, shut-down, press-power, reset, stop, pause,
                                         resume, balloon MIB, freeze or thaw (the file systems), or facts (of the
                                         guest)
  control --socket FILE resize WxH...    request screens of these sizes from the guest
  screenshot --socket FILE --out FILE.png
                                         save the first screen, once it is exact (or FILE.ppm)
  send-key --socket FILE KEY[+KEY...]... send keys, such as KEY_LEFTCTRL+KEY_C KEY_ENTER
  send-text --socket FILE TEXT           send the keys of a text, as on a US keyboard
  click --socket FILE X Y [BUTTON]       click at a pixel: left, middle or right
  record-audio --socket FILE --seconds N --out FILE.wav
                                         save the guest's sound until silence, and print facts of the sound
  set-clipboard --socket FILE --seconds N TYPE
                                         offer standard input to the guest for N seconds, as text/plain or
                                         image/png
  get-clipboard --socket FILE TYPE       print the guest's clipboard, once the guest offers it
  send-file --socket FILE FILE           copy a file into the guest
  receive-file --socket FILE --into DIRECTORY
                                         save the next file that the guest sends, and print its path";

/// Remaining arguments of a command: options and words.
struct Arguments {
    words: Vec<String>,
}

impl Arguments {
    /// Removes the option `--name VALUE` and returns the value.
    ///
    /// # Errors
    /// When the option or its value is missing.
    fn option(&mut self, name: &str) -> Result<String, String> {
        let missing = || format!("{name} is missing.\n{USAGE}");
        let at = self.words.iter().position(|word| word == name).ok_or_else(missing)?;
        self.words.remove(at);
        if at < self.words.len() { Ok(self.words.remove(at)) } else { Err(missing()) }
    }

    /// Removes the flag `--name` and returns whether it was present.
    fn flag(&mut self, name: &str) -> bool {
        let at = self.words.iter().position(|word| word == name);
        at.map(|at| self.words.remove(at)).is_some()
    }

    /// Removes the option `--name PATH`, if it is present, and returns the path.
    ///
    /// # Errors
    /// When the option's value is missing.
    fn optional_path(&mut self, name: &str) -> Result<Option<PathBuf>, String> {
        if self.words.iter().any(|word| word == name) { self.path(name).map(Some) } else { Ok(None) }
    }

    /// Removes the option `--name PATH` and returns the path.
    fn path(&mut self, name: &str) -> Result<PathBuf, String> {
        self.option(name).map(PathBuf::from)
    }

    /// Returns the remaining words.
    ///
    /// # Errors
    /// When a word begins with `--`: an unknown option.
    fn rest(self) -> Result<Vec<String>, String> {
        match self.words.iter().find(|word| word.starts_with("--")) {
            Some(word) => Err(format!("{word} is not an option of this command.\n{USAGE}")),
            None => Ok(self.words),
        }
    }
}

/// Executes the command in `words`, the arguments without the program's name.
///
/// # Errors
/// One sentence for users, followed by the usage text when the arguments are not valid.
pub fn run(words: impl Iterator<Item = String>) -> Result<(), String> {
    let mut arguments = Arguments { words: words.collect() };
    if arguments.words.is_empty() {
        return Err(USAGE.to_owned());
    }
    let command = arguments.words.remove(0);
    match command.as_str() {
        "run" => {
            let config = arguments.path("--config")?;
            let require_jail = arguments.flag("--require-jail");
            let log_file = arguments.optional_path("--log")?;
            arguments.rest()?;
            let log = std::env::var("ORIEL_LOG").unwrap_or_else(|_| "info".to_owned());
            let mut config = config_file::read(&config)?;
            config.require_jail |= require_jail;
            let process_log = log_file.map(|path| supervisor::ProcessLog::open(&path)).transpose()?;
            match &process_log {
                Some(process_log) => log_to(process_log.writer(), &log),
                None => log_to_stderr(&log),
            }
            supervisor::run(&config, Path::new(supervisor::OWN_PROGRAM), &log)
        }
        // Internal, not in the usage text: the supervisor starts the machine's process with this command.
        supervisor::MACHINE_COMMAND => machine_process::run(log_to_stderr),
        "probe" => {
            arguments.rest()?;
            probe::run()
        }
        "disk" => disk::run(arguments),
        "control" => control::run(&arguments.path("--socket")?, &arguments.rest()?),
        "screenshot" => {
            let (socket, out) = (arguments.path("--socket")?, arguments.path("--out")?);
            arguments.rest()?;
            screenshot::run(&socket, &out)
        }
        "send-key" => input::send_key(&arguments.path("--socket")?, &arguments.rest()?),
        "send-text" => input::send_text(&arguments.path("--socket")?, &arguments.words),
        "click" => input::click(&arguments.path("--socket")?, &arguments.rest()?),
        "record-audio" => {
            let (socket, out) = (arguments.path("--socket")?, arguments.path("--out")?);
            let seconds = arguments.option("--seconds")?;
            arguments.rest()?;
            record_audio::run(&socket, &seconds, &out)
        }
        "set-clipboard" => {
            let (socket, seconds) = (arguments.path("--socket")?, arguments.option("--seconds")?);
            clipboard::set(&socket, &seconds, &arguments.rest()?)
        }
        "get-clipboard" => clipboard::get(&arguments.path("--socket")?, &arguments.rest()?),
        "send-file" => send_file::run(&arguments.path("--socket")?, &arguments.rest()?),
        "receive-file" => receive_file::run(&arguments.path("--socket")?, &arguments.path("--into")?),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        other => Err(format!("{other} is not a command.\n{USAGE}")),
    }
}

/// Starts logging to standard error, with colours on a terminal; `directives` is a filter of
/// `tracing_subscriber::EnvFilter`.
fn log_to_stderr(directives: &str) {
    let filter = tracing_subscriber::EnvFilter::new(directives);
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
}

/// Starts logging to the log of a supervisor.
fn log_to(writer: supervisor::LogWriter, directives: &str) {
    let filter = tracing_subscriber::EnvFilter::new(directives);
    let writer = move || writer.clone();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(writer).init();
}
