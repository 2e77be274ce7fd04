//! Command line program `oriel-vmm`; its commands are in `cli`, and `oriel-vmm help` lists them.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("oriel-vmm: {text}");
            ExitCode::FAILURE
        }
    }
}
