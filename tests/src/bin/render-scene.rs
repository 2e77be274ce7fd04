//! Draws a scene of the bench guest on the host: `render-scene SCENE STEP WIDTH HEIGHT OUT.ppm`.

use oriel_scenes::{Renderer, Scene};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::ExitCode;

const USAGE: &str = "usage: render-scene SCENE STEP WIDTH HEIGHT OUT.ppm";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match draw(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("render-scene: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn draw(arguments: &[String]) -> Result<(), String> {
    let [scene, step, width, height, out] = arguments else { return Err(USAGE.into()) };
    let scene = Scene::parse(scene).ok_or("there is no such scene")?;
    let step: u64 = step.parse().map_err(|_| USAGE)?;
    let width: u32 = width.parse().map_err(|_| USAGE)?;
    let height: u32 = height.parse().map_err(|_| USAGE)?;
    let mut pixels = vec![0u32; width as usize * height as usize];
    Renderer::at_step(scene, width, height, step).step(&mut pixels);
    write_ppm(out, width, height, &pixels).map_err(|error| format!("{out} cannot be written: {error}"))
}

fn write_ppm(path: &str, width: u32, height: u32, pixels: &[u32]) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    write!(file, "P6\n{width} {height}\n255\n")?;
    for pixel in pixels {
        let [_, red, green, blue] = pixel.to_be_bytes();
        file.write_all(&[red, green, blue])?;
    }
    file.flush()
}
