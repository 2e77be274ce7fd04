//! Command `oriel-vmm screenshot`: saves the first screen as a viewer receives it.
//!
//! The picture passes the whole display pipeline, encoding and decoding included, so that tests can check it.

use super::connect;
use oriel_display::Canvas;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest wait until the picture is exact.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Waits until the picture is exact, and saves it at `out`: PPM with the extension `ppm`, else PNG.
///
/// # Errors
/// One sentence for users, as when the picture does not become exact within 60 s.
pub fn run(socket: &Path, out: &Path) -> Result<(), String> {
    let mut client = connect::viewer(socket)?;
    let deadline = Instant::now() + TIMEOUT;
    while !client.is_exact() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(
                "The picture did not become exact within a minute; the screen may be changing constantly."
                    .into(),
            );
        }
        client.set_timeout(Some(left)).map_err(|error| error.to_string())?;
        client.next_frame().map_err(|error| match error.is_timeout() {
            true => "The desktop shows nothing.".to_owned(),
            false => format!("The picture could not be received: {error}."),
        })?;
    }
    let write = if out.extension().is_some_and(|ext| ext == "ppm") { write_ppm } else { write_png };
    File::create(out)
        .and_then(|file| write(BufWriter::new(file), client.canvas()))
        .map_err(|error| format!("{} cannot be written: {error}.", out.display()))
}

/// Returns the pixels as RGB, 24 bits per pixel.
fn rgb(canvas: &Canvas) -> Vec<u8> {
    canvas.rgba().chunks_exact(4).flat_map(|pixel| pixel.iter().take(3)).copied().collect()
}

/// Writes a binary PPM file (P6).
fn write_ppm(mut out: BufWriter<File>, canvas: &Canvas) -> io::Result<()> {
    let size = canvas.size();
    write!(out, "P6\n{} {}\n255\n", size.width, size.height)?;
    out.write_all(&rgb(canvas))?;
    out.flush()
}

/// Writes a PNG file with 24 bits per pixel.
fn write_png(out: BufWriter<File>, canvas: &Canvas) -> io::Result<()> {
    let size = canvas.size();
    let mut encoder = png::Encoder::new(out, size.width, size.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(io::Error::other)?;
    writer.write_image_data(&rgb(canvas)).map_err(io::Error::other)?;
    writer.finish().map_err(io::Error::other)
}
