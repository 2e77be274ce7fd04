//! `oriel-vmm tell`: one request on the control socket.

use super::connect;
use oriel_vmm_api::control::Outcome;
use oriel_vmm_api::{Command, Open, Reply, Request};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

pub fn run(socket: &Path, words: &[String]) -> Result<(), String> {
    let command = command_of(words)?;
    let watches = command == Command::Watch;
    let broken = |error: std::io::Error| format!("The desktop does not answer: {error}.");
    let mut stream = connect::open(socket, &Open::Control)?;
    let mut line = serde_json::to_vec(&Request { id: 1, command }).map_err(|error| error.to_string())?;
    line.push(b'\n');
    stream.write_all(&line).map_err(broken)?;
    let mut lines = BufReader::new(stream).lines();
    let answer = lines.next().ok_or("The desktop ended without an answer.")?.map_err(broken)?;
    let reply: Reply = serde_json::from_str(&answer)
        .map_err(|error| format!("The desktop gave an answer that is none: {error}."))?;
    match reply.outcome {
        Outcome::Done => {}
        Outcome::Description(description) => {
            let text = serde_json::to_string_pretty(&description).map_err(|error| error.to_string())?;
            println!("{text}");
        }
        Outcome::FileSystems(count) => println!("{count} file systems"),
        Outcome::GuestFacts(facts) => {
            println!("{}", serde_json::to_string_pretty(&facts).map_err(|error| error.to_string())?);
        }
        Outcome::Error(text) => return Err(text),
    }
    if watches {
        for event in lines {
            println!("{}", event.map_err(broken)?);
        }
    }
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
