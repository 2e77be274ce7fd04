//! `oriel-vmm receive-file`: a file out of the guest.

use super::connect;
use oriel_display::redirection::clean_file_name;
use oriel_display::{Client, ClientError};
use oriel_wire::{Chunk, ClientMessage, FILE_CREDIT, FileOffer, ServerMessage};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a guest may take to send something, and again to go on.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn run(socket: &Path, directory: &Path) -> Result<(), String> {
    let mut client = connect::acting_viewer(socket)?;
    let offer = next_offer(&mut client)?;
    let path = place(directory, &offer.name)?;
    let unwritable = |error| format!("{} cannot be written: {error}.", path.display());
    let mut file = File::create_new(&path).map_err(unwritable)?;
    answer(&mut client, offer.offer, true)?;
    let outcome = save(&mut client, &offer, &mut file);
    let outcome = outcome.and_then(|()| file.sync_all().map_err(unwritable));
    if let Err(text) = outcome {
        // What is there of it is of no use to anyone.
        let _ = fs::remove_file(&path);
        answer(&mut client, offer.offer, false)?;
        return Err(text);
    }
    taken(&mut client, offer.offer, offer.size)?;
    println!("{}", path.display());
    Ok(())
}

fn next_offer(client: &mut Client) -> Result<FileOffer, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match connect::told_until(client, deadline)? {
            Some(ServerMessage::FileOffer(offer)) => return Ok(offer),
            Some(_) => {}
            None => return Err("The guest sends nothing.".into()),
        }
    }
}

/// A name that nothing in the directory has yet.
fn place(directory: &Path, name: &str) -> Result<PathBuf, String> {
    let name = clean_file_name(name).map_err(|error| error.to_string())?;
    let path = directory.join(name);
    if path.exists() { Err(format!("{} is there already.", path.display())) } else { Ok(path) }
}

fn save(client: &mut Client, offer: &FileOffer, file: &mut File) -> Result<(), String> {
    let (mut received, mut told) = (0_u64, 0);
    loop {
        let Chunk { last, failed, bytes, .. } = next_piece(client, offer.offer)?;
        if failed {
            return Err("The guest stopped sending the file.".into());
        }
        received = received.saturating_add(bytes.len() as u64);
        if received > offer.size {
            return Err("The file is longer than it was said to be.".into());
        }
        file.write_all(&bytes).map_err(|error| format!("The file cannot be written: {error}."))?;
        if last {
            return if received == offer.size { Ok(()) } else { Err("The file is not whole.".into()) };
        }
        if received - told >= FILE_CREDIT / 2 && received < offer.size {
            told = received;
            taken(client, offer.offer, told)?;
        }
    }
}

fn next_piece(client: &mut Client, offer: u32) -> Result<Chunk, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match connect::told_until(client, deadline)? {
            Some(ServerMessage::FileContent(piece)) if piece.request == offer => return Ok(piece),
            Some(_) => {}
            None => return Err("The guest stopped sending the file.".into()),
        }
    }
}

fn answer(client: &mut Client, offer: u32, accept: bool) -> Result<(), String> {
    client.send(&ClientMessage::FileAnswer { offer, accept }).map_err(|error| broken(&error))
}

fn taken(client: &mut Client, offer: u32, received: u64) -> Result<(), String> {
    client.send(&ClientMessage::FileTaken { offer, received }).map_err(|error| broken(&error))
}

fn broken(error: &ClientError) -> String {
    format!("The desktop does not answer: {error}.")
}
