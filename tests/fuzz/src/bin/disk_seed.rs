//! Creates a seed for the target `disk` from real images: `disk_seed [--read-only] FORMAT:FILE… > SEED`, the
//! uppermost image first, each `raw` or `qcow2`.

use oriel_fuzz::image;
use oriel_vmm_api::DiskFormat;
use std::io::Write;

/// Requests of 8 bytes each, in the target's encoding: reads, writes, discards, zeroes and flushes.
const REQUESTS: [[u8; 8]; 10] = [
    [0, 0, 0, 0, 0, 0, 1, 0],
    [2, 0, 0, 0, 0, 8, 0, 16],
    [2, 0, 0, 0, 1, 1, 0, 200],
    [5, 0, 0, 0, 0, 0, 0, 0],
    [3, 0, 0, 0, 0, 0, 0, 8],
    [4, 0, 0, 0, 0, 64, 0, 255],
    [12, 0, 0, 0, 0, 128, 1, 0],
    [2, 0, 0, 0, 0, 3, 0, 1],
    [5, 0, 0, 0, 0, 0, 0, 0],
    [1, 0, 0, 0, 0, 0, 1, 255],
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let read_only = arguments.iter().any(|argument| argument == "--read-only");
    let mut images = Vec::new();
    for argument in arguments.iter().filter(|argument| *argument != "--read-only") {
        let image = match argument.split_once(':') {
            Some(("raw", path)) => (DiskFormat::Raw, std::fs::read(path)?),
            Some(("qcow2", path)) => (DiskFormat::Qcow2, std::fs::read(path)?),
            _ => return Err(format!("{argument} is neither raw:FILE nor qcow2:FILE").into()),
        };
        images.push(image);
    }
    let seed = image::encode(read_only, &images).ok_or("these images do not fit into a seed")?;
    std::io::stdout().write_all(&seed)?;
    Ok(std::io::stdout().write_all(REQUESTS.as_flattened())?)
}
