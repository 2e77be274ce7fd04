//! Redirection policy of the gateway: decides for each message, by class and direction, whether it passes.
//!
//! The decision trusts neither the page nor the machine. A message that the protocol's table does not contain
//! is refused.

use crate::pools::RedirectionPolicy;
use bytes::Bytes;
use oriel_vmm_api::ViewerMode;
use oriel_wire::{ClientMessage, Direction, MessageClass, MessageKind};
use serde_json::{Map, Value};

/// Maximum length in bytes of a JSON body that the gateway parses; machines send shorter ones.
const MAX_JSON: usize = 64 * 1024;

/// Decision about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The message passes.
    Pass(MessageKind),
    /// The pool's policy, or the protocol's table, does not let the message pass.
    Refuse,
    /// The viewer only watches, and may not send messages of this class.
    Drop,
}

/// Decides about a message that travels in `direction` to or from a viewer of `mode`.
pub fn decide(policy: RedirectionPolicy, mode: ViewerMode, direction: Direction, message: &[u8]) -> Verdict {
    let Some(kind) = MessageKind::of(direction, message) else { return Verdict::Refuse };
    if !redirection_allows(policy, kind) {
        return Verdict::Refuse;
    }
    match (direction, mode) {
        (Direction::ToServer, ViewerMode::Watch) if acts(kind.class()) => Verdict::Drop,
        (Direction::ToServer | Direction::ToClient, ViewerMode::Watch | ViewerMode::Interact) => {
            Verdict::Pass(kind)
        }
    }
}

/// Returns whether messages of the class, sent by a client, affect the guest. Watchers may not send such
/// messages; other viewers use the desktop by them.
pub fn acts(class: MessageClass) -> bool {
    match class {
        MessageClass::Input | MessageClass::Clipboard | MessageClass::Files | MessageClass::Audio => true,
        MessageClass::Session | MessageClass::Display | MessageClass::GuestText | MessageClass::Presence => {
            false
        }
    }
}

/// Returns whether a message shows that its user is there: keys, pointer and touch do; sound, a request for
/// another size and the release of keys, which a page sends by itself, do not.
pub fn is_activity(kind: MessageKind) -> bool {
    kind.class() == MessageClass::Input
        && kind.direction() == Direction::ToServer
        && !matches!(kind, MessageKind::LayoutRequest | MessageKind::ReleaseAll)
}

/// Returns whether a pool's policy allows messages of the kind.
fn redirection_allows(policy: RedirectionPolicy, kind: MessageKind) -> bool {
    match kind.class() {
        MessageClass::Clipboard => match flow(kind) {
            Some(Direction::ToServer) => policy.clipboard.to_desktop(),
            Some(Direction::ToClient) => policy.clipboard.from_desktop(),
            None => false,
        },
        MessageClass::Files => match flow(kind) {
            Some(Direction::ToServer) => policy.files.to_desktop(),
            Some(Direction::ToClient) => policy.files.from_desktop(),
            None => false,
        },
        MessageClass::Session | MessageClass::Input | MessageClass::Audio | MessageClass::Display => true,
        // No message has these classes yet, and no pool allows them.
        MessageClass::GuestText | MessageClass::Presence => false,
    }
}

/// Returns the direction of the contents that a redirection message offers, requests, carries or
/// acknowledges; `None` for a message that is no redirection.
fn flow(kind: MessageKind) -> Option<Direction> {
    match kind {
        MessageKind::ClipboardOfferToServer
        | MessageKind::ClipboardRequestToClient
        | MessageKind::ClipboardDataToServer
        | MessageKind::FileStart
        | MessageKind::FileData
        | MessageKind::FileCancel
        | MessageKind::FileStatus => Some(Direction::ToServer),
        MessageKind::ClipboardOfferToClient
        | MessageKind::ClipboardRequestToServer
        | MessageKind::ClipboardDataToClient
        | MessageKind::FileOffer
        | MessageKind::FileContent
        | MessageKind::FileAnswer
        | MessageKind::FileTaken => Some(Direction::ToClient),
        MessageKind::Welcome
        | MessageKind::Frame
        | MessageKind::CursorShape
        | MessageKind::CursorMove
        | MessageKind::Leds
        | MessageKind::Notice
        | MessageKind::Pong
        | MessageKind::Closed
        | MessageKind::Audio
        | MessageKind::Agents
        | MessageKind::Screens
        | MessageKind::FrameHash
        | MessageKind::Hello
        | MessageKind::Ack
        | MessageKind::Key
        | MessageKind::PointerTo
        | MessageKind::Button
        | MessageKind::Wheel
        | MessageKind::ReleaseAll
        | MessageKind::Settings
        | MessageKind::Ping
        | MessageKind::Refresh
        | MessageKind::VideoFailed
        | MessageKind::PointerBy
        | MessageKind::LayoutRequest
        | MessageKind::Sound
        | MessageKind::Recording
        | MessageKind::ResumeHashes => None,
    }
}

/// Adds the pool's policy to an Agents message, and clears the guest's capabilities that the policy does not
/// allow; `None` if the message is not a JSON object, because the page would then not learn the policy.
pub fn filter_agents(policy: RedirectionPolicy, message: Bytes) -> Option<Bytes> {
    if policy == RedirectionPolicy::default() {
        return Some(message);
    }
    let mut agents = json(&message)?;
    for (capability, transfer) in [("clipboard", policy.clipboard), ("files", policy.files)] {
        agents.insert(format!("{capability}_policy"), transfer.as_str().into());
    }
    let clipboard = policy.clipboard.to_desktop() || policy.clipboard.from_desktop();
    withhold(&mut agents, "clipboard", clipboard);
    // The guest's capability for files is to take uploads.
    withhold(&mut agents, "files", policy.files.to_desktop());
    let mut bytes = vec![MessageKind::Agents.number()];
    // Maps with names always become JSON.
    serde_json::to_writer(&mut bytes, &agents).ok()?;
    Some(bytes.into())
}

/// Clears a capability that the policy does not allow.
fn withhold(agents: &mut Map<String, Value>, capability: &str, allowed: bool) {
    if !allowed {
        agents.insert(capability.to_owned(), false.into());
    }
}

/// Returns the reply to the machine in the client's place for a refused message: a FileOffer is declined, so
/// that its sender in the guest does not wait without end.
pub fn decline(message: &[u8]) -> Option<Bytes> {
    if MessageKind::of(Direction::ToClient, message) != Some(MessageKind::FileOffer) {
        return None;
    }
    let offer = u32::try_from(json(message)?.get("offer")?.as_u64()?).ok()?;
    Some(ClientMessage::FileAnswer { offer, accept: false }.encode().into())
}

/// Parses the JSON object after a message's number.
fn json(message: &[u8]) -> Option<Map<String, Value>> {
    let body = message.get(1..).filter(|body| body.len() <= MAX_JSON)?;
    serde_json::from_slice(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pools::TransferPolicy;
    use MessageKind as K;

    const ALL: [TransferPolicy; 4] =
        [TransferPolicy::Both, TransferPolicy::ToDesktop, TransferPolicy::FromDesktop, TransferPolicy::Off];
    const MODES: [ViewerMode; 2] = [ViewerMode::Watch, ViewerMode::Interact];

    /// What a policy for the clipboard refuses of it, by number; the same for files.
    fn refused_clipboard(policy: TransferPolicy) -> Vec<K> {
        let to_desktop = [K::ClipboardRequestToClient, K::ClipboardOfferToServer, K::ClipboardDataToServer];
        let from_desktop = [K::ClipboardOfferToClient, K::ClipboardDataToClient, K::ClipboardRequestToServer];
        match policy {
            TransferPolicy::Both => vec![],
            TransferPolicy::ToDesktop => from_desktop.to_vec(),
            TransferPolicy::FromDesktop => to_desktop.to_vec(),
            TransferPolicy::Off => [to_desktop, from_desktop].concat(),
        }
    }

    fn refused_files(policy: TransferPolicy) -> Vec<K> {
        let to_desktop = [K::FileStatus, K::FileStart, K::FileData, K::FileCancel];
        let from_desktop = [K::FileOffer, K::FileContent, K::FileAnswer, K::FileTaken];
        match policy {
            TransferPolicy::Both => vec![],
            TransferPolicy::ToDesktop => from_desktop.to_vec(),
            TransferPolicy::FromDesktop => to_desktop.to_vec(),
            TransferPolicy::Off => [to_desktop, from_desktop].concat(),
        }
    }

    /// What those who only watch cannot send, whatever the pool's policy.
    const WATCHERS_MAY_NOT: [K; 16] = [
        K::Key,
        K::PointerTo,
        K::Button,
        K::Wheel,
        K::ReleaseAll,
        K::PointerBy,
        K::LayoutRequest,
        K::ClipboardOfferToServer,
        K::ClipboardRequestToServer,
        K::ClipboardDataToServer,
        K::FileStart,
        K::FileData,
        K::FileCancel,
        K::Recording,
        K::FileAnswer,
        K::FileTaken,
    ];

    #[test]
    fn every_kind_is_decided_for_every_policy_and_mode() {
        for (clipboard, files) in ALL.into_iter().flat_map(|one| ALL.map(|other| (one, other))) {
            let policy = RedirectionPolicy { clipboard, files };
            let refused = [refused_clipboard(clipboard), refused_files(files)].concat();
            for (kind, mode) in K::ALL.iter().flat_map(|kind| MODES.map(|mode| (*kind, mode))) {
                let expected = if refused.contains(&kind) {
                    Verdict::Refuse
                } else if mode == ViewerMode::Watch && WATCHERS_MAY_NOT.contains(&kind) {
                    Verdict::Drop
                } else {
                    Verdict::Pass(kind)
                };
                let decided = decide(policy, mode, kind.direction(), &[kind.number(), 0]);
                assert_eq!(decided, expected, "{kind:?} for {policy:?}, {mode:?}");
            }
        }
    }

    #[test]
    fn where_everything_is_off_each_message_of_clipboard_and_files_is_refused_and_no_other() {
        let off = RedirectionPolicy { clipboard: TransferPolicy::Off, files: TransferPolicy::Off };
        for (kind, mode) in K::ALL.iter().flat_map(|kind| MODES.map(|mode| (*kind, mode))) {
            let refused = match kind.class() {
                MessageClass::Clipboard
                | MessageClass::Files
                | MessageClass::GuestText
                | MessageClass::Presence => true,
                MessageClass::Session | MessageClass::Input | MessageClass::Audio | MessageClass::Display => {
                    false
                }
            };
            let decided = decide(off, mode, kind.direction(), &[kind.number(), 0]);
            assert_eq!(decided == Verdict::Refuse, refused, "{kind:?} {}", kind.direction().name());
        }
    }

    #[test]
    fn each_message_of_clipboard_and_files_has_a_flow_and_no_other_has() {
        for kind in K::ALL {
            let is_redirection = matches!(kind.class(), MessageClass::Clipboard | MessageClass::Files);
            assert_eq!(flow(*kind).is_some(), is_redirection, "{kind:?}");
        }
    }

    #[test]
    fn what_the_table_does_not_name_is_refused_in_both_directions() {
        for (direction, mode) in Direction::ALL.into_iter().flat_map(|way| MODES.map(|mode| (way, mode))) {
            let unknown = (0..=255).filter(|number| K::from_number(direction, *number).is_none());
            for number in unknown {
                let decided = decide(RedirectionPolicy::default(), mode, direction, &[number, 0]);
                assert_eq!(decided, Verdict::Refuse, "{number:#x} {}", direction.name());
            }
            assert_eq!(decide(RedirectionPolicy::default(), mode, direction, &[]), Verdict::Refuse);
        }
    }

    #[test]
    fn the_page_is_told_the_policy_and_no_more_than_the_guest_can() {
        let agents = Bytes::from_static(b"\x0a{\"clipboard\":true,\"files\":true,\"sound\":true}");
        assert_eq!(filter_agents(RedirectionPolicy::default(), agents.clone()), Some(agents.clone()));
        for (clipboard, files) in ALL.into_iter().flat_map(|one| ALL.map(|other| (one, other))) {
            let filtered = filter_agents(RedirectionPolicy { clipboard, files }, agents.clone()).unwrap();
            let body = json(&filtered);
            let Some(body) = body.filter(|_| filtered != agents) else {
                assert_eq!((clipboard, files), (TransferPolicy::Both, TransferPolicy::Both));
                continue;
            };
            assert_eq!(body["clipboard"], clipboard != TransferPolicy::Off);
            assert_eq!(body["files"], files.to_desktop());
            assert_eq!(body["clipboard_policy"], clipboard.as_str());
            assert_eq!(body["files_policy"], files.as_str());
            assert_eq!(body["sound"], true);
        }
        let off = RedirectionPolicy { clipboard: TransferPolicy::Off, files: TransferPolicy::Off };
        let less = filter_agents(off, Bytes::from_static(b"\x0a{\"clipboard\":false}")).unwrap();
        assert_eq!(json(&less).unwrap()["clipboard"], false);
        for nonsense in [&b"\x0a"[..], b"\x0a[]", b"\x0a{", b"\x0a\"x\""] {
            assert_eq!(filter_agents(off, Bytes::from_static(nonsense)), None);
        }
    }

    #[test]
    fn a_file_that_may_not_leave_is_declined() {
        assert_eq!(decline(b"\x11{\"offer\":258,\"name\":\"a\"}").unwrap()[..], [0x97, 2, 1, 0, 0, 0]);
        for other in [&b"\x11{}"[..], b"\x11{\"offer\":-1}", b"\x11{\"offer\":4294967296}", b"\x12\x01", b""]
        {
            assert_eq!(decline(other), None);
        }
    }
}
