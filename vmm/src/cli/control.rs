//! `oriel-vmm control`: one request on the control socket.

use super::connect;
use oriel_vmm::sentence::sentence;
use oriel_vmm_api::{Command, Outcome};
use std::path::Path;

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

fn print_json(facts: &impl serde::Serialize) -> Result<(), String> {
    println!("{}", serde_json::to_string_pretty(facts).map_err(|error| error.to_string())?);
    Ok(())
}

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
        ["balloon"] => return Err("Say how many MiB the guest is to do without, such as balloon 256.".into()),
        [] => return Err("Say one thing, such as describe or stop.".into()),
        [..] => return Err(format!("A desktop does not understand {}.", words.join(" "))),
    })
}

fn sizes_of(words: &[String]) -> Result<Vec<(u32, u32)>, String> {
    let size = |word: &String| {
        let (width, height) = word.split_once('x')?;
        Some((width.parse().ok()?, height.parse().ok()?))
    };
    let sizes: Option<Vec<_>> = words.iter().map(size).collect();
    sizes.filter(|sizes| !sizes.is_empty()).ok_or_else(|| {
        "Say how large the screen is to be, such as resize 1280x800, and so for each further one.".to_owned()
    })
}
