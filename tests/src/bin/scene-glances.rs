//! Writes what is needed to tell which step of a scene a picture shows, to standard output:
//! `scene-glances SCENE FIRST COUNT WIDTH HEIGHT STRIDE ROW...`. A step is a glance: the green of every
//! STRIDE-th pixel of each ROW, a byte each.

use oriel_scenes::{Renderer, Scene};
use std::io::{BufWriter, Write, stdout};
use std::process::ExitCode;

const USAGE: &str = "usage: scene-glances SCENE FIRST COUNT WIDTH HEIGHT STRIDE ROW...";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match write_glances(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("scene-glances: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn write_glances(arguments: &[String]) -> Result<(), String> {
    let [scene, numbers @ ..] = arguments else { return Err(USAGE.into()) };
    let scene = Scene::parse(scene).ok_or("there is no such scene")?;
    let numbers: Vec<u32> =
        numbers.iter().map(|text| text.parse()).collect::<Result<_, _>>().map_err(|_| USAGE)?;
    let [first, count, width, height, stride, rows @ ..] = numbers.as_slice() else {
        return Err(USAGE.into());
    };
    let (width_pixels, stride) = (*width as usize, (*stride).max(1) as usize);
    let mut pixels = vec![0u32; width_pixels * *height as usize];
    let mut renderer = Renderer::at_step(scene, *width, *height, u64::from(*first));
    let mut out = BufWriter::new(stdout().lock());
    for _ in 0..*count {
        renderer.step(&mut pixels);
        for row in rows {
            let start = *row as usize * width_pixels;
            let row = pixels.get(start..start + width_pixels).ok_or("there is no such row")?;
            let greens: Vec<u8> = row.iter().step_by(stride).map(|pixel| (pixel >> 8) as u8).collect();
            out.write_all(&greens).map_err(|error| error.to_string())?;
        }
    }
    out.flush().map_err(|error| error.to_string())
}
