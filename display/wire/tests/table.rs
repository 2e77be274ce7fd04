//! The web client has the numbers of the table of messages.

use oriel_wire::{Direction, MessageKind};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Set to write the web client's constants instead of comparing them.
const UPDATE: &str = "ORIEL_UPDATE_CONSTANTS";

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The constants of one direction as TypeScript.
fn constants(direction: Direction, name: &str, doc: &str) -> String {
    let mut text = format!("/** {doc} */\nexport const {name} = {{\n");
    for kind in MessageKind::ALL.iter().filter(|kind| kind.direction() == direction) {
        writeln!(text, "  {}: 0x{:02x},", kind.name(), kind.number()).unwrap();
    }
    text + "} as const;\n"
}

#[test]
fn the_web_client_has_the_same_numbers() {
    let text = [
        "// Made from the table in display/wire/src/kind.rs; do not edit. To make it anew:\n\
         // ORIEL_UPDATE_CONSTANTS=1 cargo test --release -p oriel-wire --test table\n",
        &constants(Direction::ToClient, "ServerMessageKind", "Numbers of the messages from the server."),
        &constants(Direction::ToServer, "ClientMessageKind", "Numbers of the messages from the client."),
    ]
    .join("\n");
    let path = repository("web-client/src/protocol/message-kinds.ts");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "{} differs from the table; its head tells how to make it anew", path.display());
}
