//! Command line program `oriel-vmm`; its commands are in `cli`, and `oriel-vmm help` lists them.

mod cli;

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            // With a log of its own, the program has written the text there, and this output may be closed.
            let _ = writeln!(std::io::stderr(), "oriel-vmm: {text}");
            ExitCode::FAILURE
        }
    }
}
