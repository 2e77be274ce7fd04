//! Command `oriel-vmm receive-file`: receives one file from the guest, over a viewer connection.

use super::connect;
use oriel_display::redirection::clean_file_name;
use oriel_display::{Client, ClientError};
use oriel_wire::{Chunk, ClientMessage, FILE_CREDIT, FileOffer, ServerMessage};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest wait for an offer of the guest, and for each piece of the file.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Accepts the next file that the guest offers, saves it in `directory`, and prints its path.
///
/// # Errors
/// One sentence for users; the incomplete file is removed.
pub fn run(socket: &Path, directory: &Path) -> Result<(), String> {
    let mut client = connect::acting_viewer(socket)?;
    let offer = next_offer(&mut client)?;
    let path = free_path(directory, &offer.name)?;
    let unwritable = |error| format!("{} cannot be written: {error}.", path.display());
    let mut file = File::create_new(&path).map_err(unwritable)?;
    answer(&mut client, offer.offer, true)?;
    let outcome = save(&mut client, &offer, &mut file);
    let outcome = outcome.and_then(|()| file.sync_all().map_err(unwritable));
    if let Err(text) = outcome {
        // An incomplete file must not look like a received one.
        let _ = fs::remove_file(&path);
        answer(&mut client, offer.offer, false)?;
        return Err(text);
    }
    acknowledge(&mut client, offer.offer, offer.size)?;
    println!("{}", path.display());
    Ok(())
}

/// Waits for the next offer of the guest.
fn next_offer(client: &mut Client) -> Result<FileOffer, String> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        match connect::next_message(client, deadline)? {
            Some(ServerMessage::FileOffer(offer)) => return Ok(offer),
            Some(_) => {}
            None => return Err("The guest offered no file within a minute.".into()),
        }
    }
}

/// Returns the path of the new file in `directory`; the guest's `name` is checked first.
///
/// # Errors
/// When the name is not valid, or the path exists already.
fn free_path(directory: &Path, name: &str) -> Result<PathBuf, String> {
    let name = clean_file_name(name).map_err(|error| error.to_string())?;
    let path = directory.join(name);
    if path.exists() {
        Err(format!("{} exists already; move it or choose another directory.", path.display()))
    } else {
        Ok(path)
    }
}

/// Writes the pieces of the file, and acknowledges them to the machine in steps of half the credit.
fn save(client: &mut Client, offer: &FileOffer, file: &mut File) -> Result<(), String> {
    let (mut received, mut acknowledged) = (0_u64, 0);
    loop {
        let Chunk { last, failed, bytes, .. } = next_piece(client, offer.offer)?;
        if failed {
            return Err("The guest stopped sending the file.".into());
        }
        received = received.saturating_add(bytes.len() as u64);
        if received > offer.size {
            return Err("The guest sent more bytes than it offered.".into());
        }
        file.write_all(&bytes).map_err(|error| format!("The file cannot be written: {error}."))?;
        if last {
            return if received == offer.size {
                Ok(())
            } else {
                Err("The guest sent fewer bytes than it offered.".into())
            };
        }
        if received - acknowledged >= FILE_CREDIT / 2 && received < offer.size {
            acknowledged = received;
            acknowledge(client, offer.offer, acknowledged)?;
        }
    }
}

/// Waits for the next piece of the file of `offer`.
fn next_piece(client: &mut Client, offer: u32) -> Result<Chunk, String> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        match connect::next_message(client, deadline)? {
            Some(ServerMessage::FileContent(piece)) if piece.request == offer => return Ok(piece),
            Some(_) => {}
            None => return Err("The guest stopped sending the file.".into()),
        }
    }
}

/// Accepts or refuses an offer; refusing an accepted offer cancels the file.
fn answer(client: &mut Client, offer: u32, accept: bool) -> Result<(), String> {
    client.send(&ClientMessage::FileAnswer { offer, accept }).map_err(|error| broken(&error))
}

/// Sends the number of received bytes, which lets the machine send more.
fn acknowledge(client: &mut Client, offer: u32, received: u64) -> Result<(), String> {
    client.send(&ClientMessage::FileTaken { offer, received }).map_err(|error| broken(&error))
}

/// Returns the sentence for a failed connection.
fn broken(error: &ClientError) -> String {
    format!("The desktop does not answer: {error}.")
}
