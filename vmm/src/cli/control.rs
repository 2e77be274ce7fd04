//! Command `oriel-vmm control`: one request on the control socket.

use super::connect;
use oriel_vmm_api::sentence;
use oriel_vmm_api::{Command, Outcome};
use std::path::Path;

/// Sends the request in `words` and prints its result, as JSON where there is one. After `watch`, prints
/// events until the machine ends.
///
/// # Errors
/// One sentence for users.
pub fn run(socket: &Path, words: &[String]) -> Result<(), String> {
    let command = command_of(words)?;
    let watches = command == Command::Watch;
    let text = |error| sentence(&error);
    let mut client = connect::control(socket)?;
    match client.request(command).map_err(text)? {
        Outcome::Done | Outcome::Error(_) => {}
        Outcome::Description(description) => print_json(&description)?,
        Outcome::FileSystems(count) => println!("{count} file systems"),
        Outcome::GuestFacts(facts) => print_json(&facts)?,
    }
    if watches {
        while let Some(event) = client.next_event().map_err(text)? {
            println!("{}", serde_json::to_string(&event).map_err(|error| error.to_string())?);
        }
    }
    Ok(())
}

/// Prints `facts` as indented JSON.
fn print_json(facts: &impl serde::Serialize) -> Result<(), String> {
    println!("{}", serde_json::to_string_pretty(facts).map_err(|error| error.to_string())?);
    Ok(())
}

/// Parses the words of a request.
fn command_of(words: &[String]) -> Result<Command, String> {
    if let [word, sizes @ ..] = words
        && word == "resize"
    {
        return Ok(Command::Resize { screens: sizes_of(sizes)? });
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Ok(match words[..] {
        ["describe"] => Command::Describe,
        ["watch"] => Command::Watch,
        ["shut-down"] => Command::ShutDown,
        ["press-power"] => Command::PressPower,
        ["reset"] => Command::Reset,
        ["stop"] => Command::Stop,
        ["pause"] => Command::Pause,
        ["resume"] => Command::Resume,
        ["freeze"] => Command::Freeze,
        ["thaw"] => Command::Thaw,
        ["facts"] => Command::GuestFacts,
        ["balloon", mib] => {
            let target_mib = mib.parse().map_err(|_| format!("{mib} is not a number of MiB."))?;
            Command::Balloon { target_mib }
        }
        ["balloon"] => return Err("Give the size of the balloon in MiB, such as balloon 256.".into()),
        [] => return Err("Give one request, such as describe or stop.".into()),
        [..] => {
            return Err(format!("{} is not a request; oriel-vmm help lists all requests.", words.join(" ")));
        }
    })
}

/// Parses sizes of screens in pixels, such as `1280x800`; at least one.
fn sizes_of(words: &[String]) -> Result<Vec<(u32, u32)>, String> {
    let size = |word: &String| {
        let (width, height) = word.split_once('x')?;
        Some((width.parse().ok()?, height.parse().ok()?))
    };
    let sizes: Option<Vec<_>> = words.iter().map(size).collect();
    sizes
        .filter(|sizes| !sizes.is_empty())
        .ok_or_else(|| "Give the size of each screen in pixels, such as resize 1280x800 1024x768.".to_owned())
}
