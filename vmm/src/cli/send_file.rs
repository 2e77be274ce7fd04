//! Command `oriel-vmm send-file`: sends one file to the guest's spice-vdagent, over a viewer connection.

use super::connect;
use oriel_display::{Client, ClientError};
use oriel_wire::{ClientMessage, FileState, FileStatus, MAX_CHUNK, ServerMessage};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest wait for the agent, and for each status of the transfer.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Largest number of sent bytes without acknowledgement (docs/protocol.md, FileData).
const CREDIT: u64 = 256 * 1024;
/// Number of the transfer; each connection sends one file.
const TRANSFER: u32 = 1;

/// Sends the file at the single path in `words`, and waits until the guest has received it.
///
/// # Errors
/// One sentence for users.
pub fn run(socket: &Path, words: &[String]) -> Result<(), String> {
    let [path] = words else { return Err("Give the path of one file.".into()) };
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
            let bytes = bytes.ok_or_else(|| format!("{path} became shorter during the transfer."))?.to_vec();
            sent += bytes.len() as u64;
            let data = ClientMessage::FileData { transfer: TRANSFER, bytes };
            client.send(&data).map_err(|error| broken(&error))?;
        }
        let status = next_status(&mut client)?;
        match status.state {
            FileState::Accepted | FileState::Progress => received = status.received.min(sent),
            FileState::Done => return Ok(()),
            FileState::Failed => {
                return Err(status.text.unwrap_or_else(|| "The guest did not accept the file.".into()));
            }
        }
    }
}

/// Waits until the guest's agent accepts files.
fn wait_for_agent(client: &mut Client) -> Result<(), String> {
    let deadline = Instant::now() + TIMEOUT;
    while !client.agents().files {
        connect::next_message(client, deadline)?
            .ok_or("The guest's agent does not accept files; check that spice-vdagent runs in the guest.")?;
    }
    Ok(())
}

/// Waits for the next status of the transfer.
fn next_status(client: &mut Client) -> Result<FileStatus, String> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        match connect::next_message(client, deadline)? {
            Some(ServerMessage::FileStatus(status)) if status.transfer == TRANSFER => return Ok(status),
            Some(_) => {}
            None => return Err("The guest stopped receiving the file.".into()),
        }
    }
}

/// Returns the sentence for a failed connection.
fn broken(error: &ClientError) -> String {
    format!("The desktop does not answer: {error}.")
}
