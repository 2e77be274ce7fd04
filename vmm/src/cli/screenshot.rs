//! `oriel-vmm screenshot`: what the desktop shows, through the whole display pipeline.

use super::connect;
use oriel_display::Canvas;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long the picture may take to become exact.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn run(socket: &Path, out: &Path) -> Result<(), String> {
    let mut client = connect::viewer(socket)?;
    let deadline = Instant::now() + PATIENCE;
    while !client.is_exact() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err("The desktop did not come to rest: no exact picture within a minute.".into());
        }
        client.set_patience(Some(left)).map_err(|error| error.to_string())?;
        client.next_frame().map_err(|error| match error.is_timeout() {
            true => "The desktop shows nothing.".to_owned(),
            false => format!("The picture did not come: {error}."),
        })?;
    }
    let write = if out.extension().is_some_and(|ext| ext == "ppm") { write_ppm } else { write_png };
    File::create(out)
        .and_then(|file| write(BufWriter::new(file), client.canvas()))
        .map_err(|error| format!("{} cannot be written: {error}.", out.display()))
}

fn rgb(canvas: &Canvas) -> Vec<u8> {
    canvas.rgba().chunks_exact(4).flat_map(|pixel| pixel.iter().take(3)).copied().collect()
}

fn write_ppm(mut out: BufWriter<File>, canvas: &Canvas) -> io::Result<()> {
    let size = canvas.size();
    write!(out, "P6\n{} {}\n255\n", size.width, size.height)?;
    out.write_all(&rgb(canvas))?;
    out.flush()
}

fn write_png(out: BufWriter<File>, canvas: &Canvas) -> io::Result<()> {
    let size = canvas.size();
    let mut encoder = png::Encoder::new(out, size.width, size.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(io::Error::other)?;
    writer.write_image_data(&rgb(canvas)).map_err(io::Error::other)?;
    writer.finish().map_err(io::Error::other)
}
