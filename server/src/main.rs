//! Entry point of the program `oriel`.

use std::process::ExitCode;

fn main() -> ExitCode {
    oriel_server::cli::run()
}
