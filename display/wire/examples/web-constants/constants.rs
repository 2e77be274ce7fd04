//! Text of the generated files. The test `web_constants` includes this module and compares it with the files.

use oriel_wire::{Direction, MessageKind};

/// Command that writes the files.
pub const COMMAND: &str = "cargo run --release -p oriel-wire --example web-constants";

/// Generated file.
pub struct File {
    /// Path of the file from the repository's root.
    pub path: &'static str,
    /// End of each object: TypeScript needs a word for literal types.
    end: &'static str,
}

/// All generated files.
pub const FILES: [File; 2] = [
    File { path: "web-client/src/protocol/message-kind.ts", end: "} as const;" },
    File { path: "tests/message-kind.mjs", end: "};" },
];

impl File {
    /// Text that the file must have.
    pub fn text(&self) -> String {
        let objects =
            [(Direction::ToClient, "ServerMessageKind"), (Direction::ToServer, "ClientMessageKind")];
        let header = format!(
            "// Generated from the table MessageKind (display/wire/src/kind.rs); do not edit. To generate it again:\n\
             // {COMMAND}\n"
        );
        objects
            .map(|(direction, name)| self.object(direction, name))
            .iter()
            .fold(header, |all, one| all + one)
    }

    /// Object with the number of each message of one direction by the message's name.
    fn object(&self, direction: Direction, name: &str) -> String {
        let head = format!(
            "\n/** Numbers of the messages {}. */\nexport const {name} = {{\n",
            direction.name().replace("to ", "to the ")
        );
        let kinds = MessageKind::ALL.iter().filter(|kind| kind.direction() == direction);
        let lines = kinds.map(|kind| format!("  {}: 0x{:02x},\n", kind.name(), kind.number()));
        lines.fold(head, |all, line| all + &line) + self.end + "\n"
    }
}
