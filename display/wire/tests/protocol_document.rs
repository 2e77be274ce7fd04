//! `docs/protocol.md` and `MessageKind` have the same messages: each with the same number, name, direction and class.

use oriel_wire::{Direction, MessageClass, MessageKind};
use std::collections::BTreeSet;

const DOCUMENT: &str = include_str!("../../../docs/protocol.md");

/// Message as the table of the document, or the table of the code, describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Message {
    number: String,
    name: String,
    direction: String,
    class: String,
}

/// Messages of the code's table.
fn kinds() -> Vec<Message> {
    let message = |kind: &MessageKind| Message {
        number: format!("0x{:02X}", kind.number()),
        name: kind.name().to_owned(),
        direction: kind.direction().name().to_owned(),
        class: kind.class().name().to_owned(),
    };
    MessageKind::ALL.iter().map(message).collect()
}

/// Rows of the tables under a heading of the document, without their headers.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let lines = DOCUMENT.lines().skip_while(|line| *line != heading).skip(1);
    let table = lines.take_while(|line| !line.starts_with('#')).filter(|line| line.starts_with('|'));
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    let mut rows: Vec<_> = table.map(cells).collect();
    // A table begins with its header, and a line between header and rows.
    while let Some(line) = rows.iter().position(|row| row.iter().all(|cell| *cell == "---")) {
        rows.drain(line.saturating_sub(1)..=line);
    }
    rows
}

/// Messages of the document's table.
fn documented() -> Vec<Message> {
    let message = |row: Vec<&str>| match row[..] {
        [number, name, direction, class] => Some(Message {
            number: number.to_owned(),
            name: name.to_owned(),
            direction: direction.to_owned(),
            class: class.to_owned(),
        }),
        _ => None,
    };
    rows("## Messages").into_iter().filter_map(message).collect()
}

/// Differences of the two tables, each in one sentence.
fn differences(documented: &[Message], kinds: &[Message]) -> Vec<String> {
    let mut found = Vec::new();
    for kind in kinds {
        let Message { number, name, direction, class } = kind;
        let rows: Vec<_> = documented.iter().filter(|row| row.number == *number).collect();
        let [row] = rows[..] else {
            found.push(format!(
                "docs/protocol.md has {} rows for message {number} {name} of MessageKind; it needs one.",
                rows.len()
            ));
            continue;
        };
        let columns = [
            ("name", &row.name, name),
            ("direction", &row.direction, direction),
            ("class", &row.class, class),
        ];
        for (column, written, meant) in columns.into_iter().filter(|(_, written, meant)| written != meant) {
            found.push(format!(
                "The {column} of message {number} is \"{written}\" in docs/protocol.md and \"{meant}\" in MessageKind."
            ));
        }
    }
    for row in documented.iter().filter(|row| kinds.iter().all(|kind| kind.number != row.number)) {
        found.push(format!(
            "docs/protocol.md has message {} {}, which MessageKind does not have.",
            row.number, row.name
        ));
    }
    found
}

#[test]
fn the_document_has_the_messages_of_the_code() {
    let found = differences(&documented(), &kinds());
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert_eq!(documented(), kinds(), "docs/protocol.md lists messages in another order than MessageKind");
}

#[test]
fn every_difference_is_found() {
    for at in 0..kinds().len() {
        let one_sentence = |change: &dyn Fn(&mut Vec<Message>)| {
            let mut changed = kinds();
            change(&mut changed);
            let found = differences(&changed, &kinds());
            assert_eq!(found.len(), 1, "{found:?}");
            found.concat()
        };
        let number = kinds().swap_remove(at).number;
        let missing = one_sentence(&|rows| drop(rows.remove(at)));
        assert!(missing.contains(&format!("0 rows for message {number}")), "{missing}");
        let twice = one_sentence(&|rows| rows.push(rows[at].clone()));
        assert!(twice.contains(&format!("2 rows for message {number}")), "{twice}");
        for (column, sentence) in [
            ("name", one_sentence(&|rows| rows[at].name.push('s'))),
            ("direction", one_sentence(&|rows| rows[at].direction = "both".to_owned())),
            ("class", one_sentence(&|rows| rows[at].class = "none".to_owned())),
        ] {
            assert!(sentence.starts_with(&format!("The {column} of message {number} is ")), "{sentence}");
        }
    }
    let unknown = Message { number: "0x7F".to_owned(), ..kinds().swap_remove(0) };
    let found = differences(&[kinds(), vec![unknown]].concat(), &kinds());
    assert_eq!(found, ["docs/protocol.md has message 0x7F Welcome, which MessageKind does not have."]);
}

#[test]
fn each_message_s_body_is_described_in_the_section_of_its_direction() {
    for direction in Direction::ALL {
        let heading = format!("## Messages {}", direction.name().replace("to ", "to the "));
        let described: Vec<_> = rows(&heading).into_iter().map(|row| row[0]).collect();
        let names: Vec<_> = MessageKind::ALL
            .iter()
            .filter(|kind| kind.direction() == direction)
            .map(|kind| kind.name())
            .collect();
        assert_eq!(described, names, "messages of the section \"{heading}\" of docs/protocol.md");
    }
}

#[test]
fn each_class_is_described_and_says_whether_a_message_has_it() {
    let used: BTreeSet<_> = MessageKind::ALL.iter().map(|kind| kind.class().name()).collect();
    let described = rows("### Classes");
    let names: Vec<_> = described.iter().map(|row| row[0]).collect();
    assert_eq!(names, MessageClass::ALL.map(MessageClass::name), "classes of docs/protocol.md");
    for row in described {
        let unused = row[1].ends_with("no message has this class yet");
        assert_eq!(unused, !used.contains(row[0]), "docs/protocol.md on messages of the class {}", row[0]);
    }
}
