//! What may cross between a desktop and the computer that shows it, as its pool says: by the types
//! of `display/PROTOCOL.md`, trusting neither the page nor the machine.

use crate::people::Sharing;
use bytes::Bytes;
use serde_json::{Map, Value};

const AGENTS: u8 = 0x0A;
const FILE_OFFER: u8 = 0x11;
const FILE_ANSWER: u8 = 0x97;
/// Nothing that a machine says in JSON about agents and files is longer.
const LONGEST_JSON: usize = 64 * 1024;

/// Whether a message, of whichever side, may pass.
pub fn may_cross(sharing: Sharing, message: &[u8]) -> bool {
    let Sharing { clipboard, files } = sharing;
    match message.first() {
        // What the person copied: offered, asked for, given.
        Some(0x8E | 0x0C | 0x90) => clipboard.to_desktop(),
        // What was copied in the desktop, likewise.
        Some(0x0B | 0x8F | 0x0D) => clipboard.from_desktop(),
        // FileStart, FileData, FileCancel, FileStatus.
        Some(0x91..=0x93 | 0x0E) => files.to_desktop(),
        // FileOffer, FileContent, FileAnswer, FileTaken.
        Some(&FILE_OFFER | 0x12 | &FILE_ANSWER | 0x98) => files.from_desktop(),
        _ => true,
    }
}

/// A message of the machine as the page is to see it: it is told what may cross along with what the
/// guest can do. `None`: it makes no sense, and a page that did not hear the rules would be told wrong.
pub fn told(sharing: Sharing, message: Bytes) -> Option<Bytes> {
    if message.first() != Some(&AGENTS) || sharing == Sharing::default() {
        return Some(message);
    }
    let mut agents = json(&message)?;
    for (ability, ways) in [("clipboard", sharing.clipboard), ("files", sharing.files)] {
        agents.insert(format!("{ability}_ways"), ways.as_str().into());
    }
    narrow(&mut agents, "clipboard", sharing.clipboard.to_desktop() || sharing.clipboard.from_desktop());
    // What the guest can do with files is take them.
    narrow(&mut agents, "files", sharing.files.to_desktop());
    let mut bytes = vec![AGENTS];
    // Maps with names always become JSON.
    serde_json::to_writer(&mut bytes, &agents).ok()?;
    Some(bytes.into())
}

fn narrow(agents: &mut Map<String, Value>, ability: &str, may: bool) {
    if !may {
        agents.insert(ability.to_owned(), false.into());
    }
}

/// What the machine is answered to a message that may not pass: whoever sends a file from a desktop
/// is told that nobody takes it, and does not wait for ever.
pub fn answer(message: &[u8]) -> Option<Bytes> {
    if message.first() != Some(&FILE_OFFER) {
        return None;
    }
    let offer = u32::try_from(json(message)?.get("offer")?.as_u64()?).ok()?;
    let mut answer = vec![FILE_ANSWER];
    answer.extend_from_slice(&offer.to_le_bytes());
    answer.push(0);
    Some(answer.into())
}

/// The object behind a message's type.
fn json(message: &[u8]) -> Option<Map<String, Value>> {
    let body = message.get(1..).filter(|body| body.len() <= LONGEST_JSON)?;
    serde_json::from_slice(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::Ways;

    const ALL: [Ways; 4] = [Ways::Both, Ways::ToDesktop, Ways::FromDesktop, Ways::Off];

    /// The types that may not pass.
    fn refused(clipboard: Ways, files: Ways) -> Vec<u8> {
        (0..=255).filter(|kind| !may_cross(Sharing { clipboard, files }, &[*kind, 0])).collect()
    }

    #[test]
    fn each_way_has_its_messages_and_nothing_else_is_touched() {
        use Ways::{Both, FromDesktop, Off, ToDesktop};
        assert_eq!(refused(Both, Both), Vec::<u8>::new());
        assert_eq!(refused(ToDesktop, Both), [0x0B, 0x0D, 0x8F]);
        assert_eq!(refused(FromDesktop, Both), [0x0C, 0x8E, 0x90]);
        assert_eq!(refused(Both, ToDesktop), [0x11, 0x12, 0x97, 0x98]);
        assert_eq!(refused(Both, FromDesktop), [0x0E, 0x91, 0x92, 0x93]);
        assert_eq!(refused(Off, Off).len(), 14);
        assert!(may_cross(Sharing { clipboard: Off, files: Off }, &[]));
    }

    #[test]
    fn the_page_is_told_what_may_cross_and_no_more_than_the_guest_can() {
        let agents = Bytes::from_static(b"\x0a{\"clipboard\":true,\"files\":true,\"sound\":true}");
        assert_eq!(told(Sharing::default(), agents.clone()), Some(agents.clone()));
        for clipboard in ALL {
            for files in ALL {
                let told = told(Sharing { clipboard, files }, agents.clone()).unwrap();
                let body = json(&told);
                let Some(body) = body.filter(|_| told != agents) else {
                    assert_eq!((clipboard, files), (Ways::Both, Ways::Both));
                    continue;
                };
                assert_eq!(body["clipboard"], clipboard != Ways::Off);
                assert_eq!(body["files"], files.to_desktop());
                assert_eq!(body["clipboard_ways"], clipboard.as_str());
                assert_eq!(body["files_ways"], files.as_str());
                assert_eq!(body["sound"], true);
            }
        }
        let off = Sharing { clipboard: Ways::Off, files: Ways::Off };
        let less = told(off, Bytes::from_static(b"\x0a{\"clipboard\":false}")).unwrap();
        assert_eq!(json(&less).unwrap()["clipboard"], false);
        for nonsense in [&b"\x0a"[..], b"\x0a[]", b"\x0a{", b"\x0a\"x\""] {
            assert_eq!(told(off, Bytes::from_static(nonsense)), None);
        }
        let frame = Bytes::from_static(&[0x02, 1, 2]);
        assert_eq!(told(off, frame.clone()), Some(frame));
    }

    #[test]
    fn a_file_that_may_not_come_is_declined() {
        assert_eq!(answer(b"\x11{\"offer\":258,\"name\":\"a\"}").unwrap()[..], [0x97, 2, 1, 0, 0, 0]);
        for other in [&b"\x11{}"[..], b"\x11{\"offer\":-1}", b"\x11{\"offer\":4294967296}", b"\x12\x01", b""]
        {
            assert_eq!(answer(other), None);
        }
    }
}
