//! The `oriel` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    oriel_server::cli::run()
}
