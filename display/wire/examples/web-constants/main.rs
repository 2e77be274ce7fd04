//! Writes the constants that JavaScript code has of the table of messages: for the web client and for the tests.
//!
//! `cargo run --release -p oriel-wire --example web-constants`

mod constants;

use std::path::Path;

fn main() -> std::io::Result<()> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for file in constants::FILES {
        std::fs::write(repository.join(file.path), file.text())?;
        println!("{}", file.path);
    }
    Ok(())
}
