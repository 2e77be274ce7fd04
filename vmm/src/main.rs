//! `oriel-vmm`: see `oriel-vmm help`.

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
