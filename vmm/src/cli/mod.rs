//! What `oriel-vmm` is told on its command line.

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
use std::path::{Path, PathBuf};

const USAGE: &str = "\
usage: oriel-vmm COMMAND

  run --config FILE [--require-jail]     run one desktop until it ends; with the option, only in a whole jail
  probe                                  print what this host offers, as JSON
  disk inspect --format auto|raw|qcow2 FILE
                                         print what a disk image is, as JSON
  disk check FILE                        look for damage in a qcow2 image, as JSON
  disk create-overlay --size BYTES --backing-name NAME --backing-format raw|qcow2 FILE
                                         make a qcow2 image of what differs from another one
  control --socket FILE REQUEST          one request: describe, watch, shut-down, press-power, reset, stop, pause,
                                         resume, balloon MIB, freeze or thaw (the file systems), or facts (of the
                                         guest)
  control --socket FILE resize WxH...    ask the guest for screens of these sizes
  screenshot --socket FILE --out FILE.png
                                         save the first screen, once it is exact (or FILE.ppm)
  send-key --socket FILE KEY[+KEY...]... send keys, such as KEY_LEFTCTRL+KEY_C KEY_ENTER
  send-text --socket FILE TEXT           send the keys of a text, as on a US keyboard
  click --socket FILE X Y [BUTTON]       click at a pixel: left, middle or right
  record-audio --socket FILE --seconds N --out FILE.wav
                                         save the guest's sound until it is silent, and print facts about it
  set-clipboard --socket FILE --seconds N TYPE
                                         offer standard input to the guest for so long, as text/plain or image/png
  get-clipboard --socket FILE TYPE       print the guest's clipboard, once the guest offers it
  send-file --socket FILE FILE           copy a file into the guest
  receive-file --socket FILE --into DIRECTORY
                                         save the next file that the guest sends, and print its path";

/// Options and words of one command.
struct Arguments {
    words: Vec<String>,
}

impl Arguments {
    /// Takes `--name VALUE` out of the words.
    fn option(&mut self, name: &str) -> Result<String, String> {
        let missing = || format!("{name} is missing.\n{USAGE}");
        let at = self.words.iter().position(|word| word == name).ok_or_else(missing)?;
        self.words.remove(at);
        if at < self.words.len() { Ok(self.words.remove(at)) } else { Err(missing()) }
    }

    /// Takes `--name` out of the words, if it is there.
    fn flag(&mut self, name: &str) -> bool {
        let at = self.words.iter().position(|word| word == name);
        at.map(|at| self.words.remove(at)).is_some()
    }

    fn path(&mut self, name: &str) -> Result<PathBuf, String> {
        self.option(name).map(PathBuf::from)
    }

    /// The words that are left; none may look like an option.
    fn rest(self) -> Result<Vec<String>, String> {
        match self.words.iter().find(|word| word.starts_with("--")) {
            Some(word) => Err(format!("{word} is not understood.\n{USAGE}")),
            None => Ok(self.words),
        }
    }
}

/// Does what the words say.
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
            arguments.rest()?;
            let log = std::env::var("ORIEL_LOG").unwrap_or_else(|_| "info".to_owned());
            log_to_stderr(&log);
            let mut config = config_file::read(&config)?;
            config.require_jail |= require_jail;
            supervisor::run(&config, Path::new(supervisor::OWN_PROGRAM), &log)
        }
        // Not for people: how the supervisor starts the machine's process.
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

fn log_to_stderr(wanted: &str) {
    let filter = tracing_subscriber::EnvFilter::new(wanted);
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
