//! `oriel-vmm send-file`: a file into the guest, by the agent of its desktop.

use super::connect;
use oriel_display::{Client, ClientError};
use oriel_wire::{ClientMessage, FileState, FileStatus, MAX_CHUNK, ServerMessage};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long nothing may become of the file.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes that may be on the way and not yet told as received (docs/protocol.md, FileData).
const CREDIT: u64 = 256 * 1024;
/// The number of our only file.
const TRANSFER: u32 = 1;

pub fn run(socket: &Path, words: &[String]) -> Result<(), String> {
    let [path] = words else { return Err("Say which file, and one at a time.".into()) };
    let unreadable = |error| format!("{path} cannot be read: {error}.");
    let mut file = File::open(path).map_err(unreadable)?;
    let facts = file.metadata().map_err(unreadable)?;
    let name = Path::new(path).file_name().and_then(|name| name.to_str());
    let (true, Some(name)) = (facts.is_file(), name) else { return Err(format!("{path} is not a file.")) };
    let mut client = connect::acting_viewer(socket)?;
    wait_for_agent(&mut client)?;
    let start = ClientMessage::FileStart { transfer: TRANSFER, size: facts.len(), name: name.to_owned() };
    client.send(&start).map_err(|error| broken(&error))?;
    let (mut sent, mut received) = (0, 0);
    let mut piece = vec![0; MAX_CHUNK];
    loop {
        while sent < facts.len() && sent - received + MAX_CHUNK as u64 <= CREDIT {
            let length = file.read(&mut piece).map_err(unreadable)?;
            let bytes = piece.get(..length).filter(|bytes| !bytes.is_empty());
            let bytes = bytes.ok_or_else(|| format!("{path} has become shorter."))?.to_vec();
            sent += bytes.len() as u64;
            let data = ClientMessage::FileData { transfer: TRANSFER, bytes };
            client.send(&data).map_err(|error| broken(&error))?;
        }
        let status = next_status(&mut client)?;
        match status.state {
            FileState::Accepted | FileState::Progress => received = status.received.min(sent),
            FileState::Done => return Ok(()),
            FileState::Failed => {
                return Err(status.text.unwrap_or_else(|| "The guest did not take it.".into()));
            }
        }
    }
}

fn wait_for_agent(client: &mut Client) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    while !client.agents().files {
        connect::told_until(client, deadline)?.ok_or("This desktop takes no files now.")?;
    }
    Ok(())
}

fn next_status(client: &mut Client) -> Result<FileStatus, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match connect::told_until(client, deadline)? {
            Some(ServerMessage::FileStatus(status)) if status.transfer == TRANSFER => return Ok(status),
            Some(_) => {}
            None => return Err("The guest stopped taking the file.".into()),
        }
    }
}

fn broken(error: &ClientError) -> String {
    format!("The desktop does not answer: {error}.")
}
