//! Command `oriel-vmm disk`: creates and inspects disk images.
//!
//! The server runs this command instead of parsing images itself, so that a hostile image does not reach
//! a process with secrets. Image formats are in `oriel_disk`.

use super::{Arguments, USAGE};
use oriel_disk::{BackingFile, ImageError, check, create_overlay, inspect};
use oriel_vmm_api::DiskFormat;
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Executes the subcommand in `arguments`: `inspect`, `check` or `create-overlay`.
///
/// # Errors
/// One sentence for users.
pub fn run(mut arguments: Arguments) -> Result<(), String> {
    if arguments.words.is_empty() {
        return Err(USAGE.to_owned());
    }
    let subcommand = arguments.words.remove(0);
    match subcommand.as_str() {
        "inspect" => {
            let format = format(&arguments.option("--format")?)?;
            let (file, path) = match arguments.words.first().is_some_and(|word| word == "--stdin") {
                true => inherited(arguments.path("--stdin")?)?,
                false => {
                    let path = only_file(arguments)?;
                    (open(&path)?, path)
                }
            };
            print(&inspect(file, format).map_err(|error| sentence(&path, &error))?)
        }
        "check" => {
            let path = only_file(arguments)?;
            print(&check(open(&path)?).map_err(|error| sentence(&path, &error))?)
        }
        "create-overlay" => {
            let size = arguments.option("--size")?;
            let size = size.parse().map_err(|_| format!("{size} is not a number of bytes."))?;
            let (name, format_name) =
                (arguments.option("--backing-name")?, arguments.option("--backing-format")?);
            let backing = BackingFile { name: &name, format: format(&format_name)? };
            create(&only_file(arguments)?, size, backing)
        }
        other => Err(format!("disk {other} is not a command.\n{USAGE}")),
    }
}

/// Creates an overlay of `size` bytes at `path`; removes the file on failure.
fn create(path: &Path, size: u64, backing: BackingFile) -> Result<(), String> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let file =
        file.map_err(|error| format!("The disk image {} cannot be created: {error}.", path.display()))?;
    create_overlay(file, size, Some(backing)).map_err(|error| {
        let _ = std::fs::remove_file(path);
        sentence(path, &error)
    })
}

/// Opens the image at `path` for reading.
fn open(path: &Path) -> Result<File, String> {
    File::open(path).map_err(|error| sentence(path, &error.into()))
}

/// Returns the image that standard input is, with its name for errors: the server opens an image once, and
/// hands over what it opened.
fn inherited(name: PathBuf) -> Result<(File, PathBuf), String> {
    match std::io::stdin().as_fd().try_clone_to_owned() {
        Ok(file) => Ok((file.into(), name)),
        Err(error) => Err(sentence(&name, &error.into())),
    }
}

/// Returns the single remaining word as a path.
fn only_file(arguments: Arguments) -> Result<PathBuf, String> {
    match arguments.rest()?.as_slice() {
        [path] => Ok(path.into()),
        _ => Err(format!("The command takes one FILE.\n{USAGE}")),
    }
}

/// Parses the name of an image format.
fn format(name: &str) -> Result<DiskFormat, String> {
    match name {
        "raw" => Ok(DiskFormat::Raw),
        "qcow2" => Ok(DiskFormat::Qcow2),
        other => Err(format!("{other} is not a format of disk images; raw and qcow2 are.")),
    }
}

/// Returns the sentence for a failed operation on the image at `path`.
fn sentence(path: &Path, error: &ImageError) -> String {
    format!("The disk image {} cannot be used: {error}.", path.display())
}

/// Prints `facts` as one line of JSON.
fn print(facts: &impl Serialize) -> Result<(), String> {
    println!("{}", serde_json::to_string(facts).map_err(|error| error.to_string())?);
    Ok(())
}
