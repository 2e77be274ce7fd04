//! Requests and responses in descriptor chains of the control queue.

use super::wire::{Direction, HEADER_LEN, MAX_REQUEST_LEN, Request, Status, direction, pcm_info};
use crate::queue::Chain;
use oriel_display::audio::CHANNELS;

/// Payload of a successful response, or the error status.
pub type Outcome = Result<Vec<u8>, Status>;

/// Parses the request in `chain`; `None` if the chain has no room for a response header.
pub fn read(chain: &Chain) -> Option<Result<Request, Status>> {
    let mut room = [0; MAX_REQUEST_LEN];
    let request = room.get_mut(..chain.readable_len().min(MAX_REQUEST_LEN))?;
    chain.read(0, request).ok()?;
    (chain.writable_len() >= HEADER_LEN).then(|| Request::parse(request))
}

/// Returns `struct virtio_snd_pcm_info` of `count` streams from number `start` on.
pub fn pcm_infos(start: u32, count: u32) -> Vec<u8> {
    let streams = (start..start.saturating_add(count)).filter_map(direction);
    streams.flat_map(|direction: Direction| pcm_info(direction, CHANNELS as u8)).collect()
}

/// Writes a response into `chain`; returns the number of bytes written.
pub fn write_response(chain: &Chain, outcome: &Outcome) -> u32 {
    let (status, body) = match outcome {
        Ok(body) if HEADER_LEN + body.len() <= chain.writable_len() => (Status::Ok, body.as_slice()),
        Ok(_) => (Status::BadMessage, &[][..]),
        Err(status) => (*status, &[][..]),
    };
    let bytes = [&(status as u32).to_le_bytes(), body].concat();
    if chain.write(0, &bytes).is_ok() { bytes.len() as u32 } else { 0 }
}
