//! What a pool lets cross between a desktop and the computer that shows it, whatever page and
//! machine say.

use crate::client::Socket;
use crate::fixture::{House, desktop_of, unplug};
use crate::streams::{HELLO, next, open, send};
use futures_util::StreamExt;
use oriel_server::pools::{RedirectionPolicy, TransferPolicy};
use oriel_wire::{Direction, MessageClass, MessageKind as K};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// Request that always passes: the end of a list.
const REFRESH: u8 = K::Refresh.number();
/// Request to the scripted machine to send what follows it.
const SAY: u8 = K::Ping.number();
const PONG: u8 = K::Pong.number();

/// Numbers of some messages.
fn numbers(kinds: impl IntoIterator<Item = K>) -> Vec<u8> {
    kinds.into_iter().map(K::number).collect()
}

/// Kinds of one direction that `chosen` chooses.
fn kinds(direction: Direction, chosen: impl Fn(K) -> bool) -> Vec<K> {
    K::ALL.iter().copied().filter(|kind| kind.direction() == direction && chosen(*kind)).collect()
}

fn is_redirection(kind: K) -> bool {
    matches!(kind.class(), MessageClass::Clipboard | MessageClass::Files)
}

/// Kinds that a test can send and receive: Hello and Ping are orders to the scripted machine, and Closed ends
/// the stream.
fn is_plain(kind: K) -> bool {
    !matches!(kind, K::Hello | K::Ping | K::Closed)
}

/// Does something with a stream of a desktop whose pool shares so much; gives the server's metrics
/// at the end.
async fn with_stream(policy: RedirectionPolicy, act: impl AsyncFnOnce(&mut Socket)) -> String {
    let house = House::new("").await;
    house.set_redirection(policy).await;
    let server = house.open().await;
    let ada = server.user("ada").await;
    let desktop = desktop_of(&ada).await;
    let mut socket = open(&ada, &desktop, "interact").await;
    send(&mut socket, HELLO).await;
    next(&mut socket, K::Welcome.number()).await;
    act(&mut socket).await;
    let metrics = server.metrics().await;
    unplug(&ada, &desktop).await;
    server.close().await;
    metrics
}

/// The types of all messages up to the machine's answer to [`REFRESH`], and of those answers what
/// they answer.
async fn heard(socket: &mut Socket) -> (Vec<u8>, Vec<u8>) {
    let (mut types, mut answered) = (Vec::new(), Vec::new());
    loop {
        let Some(Ok(message)) = socket.next().await else { panic!("the stream ended") };
        let Message::Binary(bytes) = message else { continue };
        match bytes[..] {
            [PONG, REFRESH] => return (types, answered),
            [PONG, kind] => answered.push(kind),
            _ => types.push(bytes[0]),
        }
    }
}

/// Sends the chosen kinds of both directions; gives those that reached the machine, and the page.
async fn passed(policy: RedirectionPolicy, chosen: impl Fn(K) -> bool) -> (Vec<u8>, Vec<u8>) {
    let (up, down) = (kinds(Direction::ToServer, &chosen), kinds(Direction::ToClient, &chosen));
    let mut passed = (Vec::new(), Vec::new());
    let metrics = with_stream(policy, async |socket| {
        for kind in &up {
            send(socket, &[kind.number(), 1, 0, 0, 0, 0]).await;
        }
        for kind in &down {
            send(socket, &[SAY, kind.number(), b'{', b'}']).await;
        }
        send(socket, &[REFRESH]).await;
        let (types, answered) = heard(socket).await;
        passed = (answered, types);
    })
    .await;
    let refused = up.len() + down.len() - passed.0.len() - passed.1.len();
    assert!(metrics.contains(&format!("oriel_stream_messages_refused_total {refused}\n")), "{metrics}");
    passed
}

/// Redirection that passes a pool's policy, sorted by number, in both directions.
async fn redirection_passed(clipboard: TransferPolicy, files: TransferPolicy) -> (Vec<u8>, Vec<u8>) {
    passed(RedirectionPolicy { clipboard, files }, is_redirection).await
}

/// Numbers of the redirection in both directions without the kinds of `refused`.
fn all_but(refused: &[K]) -> (Vec<u8>, Vec<u8>) {
    let allowed = |kind| is_redirection(kind) && !refused.contains(&kind);
    (numbers(kinds(Direction::ToServer, allowed)), numbers(kinds(Direction::ToClient, allowed)))
}

#[tokio::test]
async fn everything_crosses_where_nothing_else_is_said() {
    let passed = redirection_passed(TransferPolicy::Both, TransferPolicy::Both).await;
    assert_eq!(passed, all_but(&[]));
}

#[tokio::test]
async fn what_the_user_copied_does_not_reach_a_desktop_that_only_gives() {
    let passed = redirection_passed(TransferPolicy::FromDesktop, TransferPolicy::Both).await;
    let refused = [K::ClipboardOfferToServer, K::ClipboardDataToServer, K::ClipboardRequestToClient];
    assert_eq!(passed, all_but(&refused));
}

#[tokio::test]
async fn what_a_desktop_copied_does_not_leave_one_that_only_takes() {
    let passed = redirection_passed(TransferPolicy::ToDesktop, TransferPolicy::Both).await;
    let refused = [K::ClipboardRequestToServer, K::ClipboardOfferToClient, K::ClipboardDataToClient];
    assert_eq!(passed, all_but(&refused));
}

#[tokio::test]
async fn files_do_not_reach_a_desktop_that_only_gives() {
    let passed = redirection_passed(TransferPolicy::Both, TransferPolicy::FromDesktop).await;
    assert_eq!(passed, all_but(&[K::FileStart, K::FileData, K::FileCancel, K::FileStatus]));
}

#[tokio::test]
async fn files_do_not_leave_a_desktop_that_only_takes() {
    let passed = redirection_passed(TransferPolicy::Both, TransferPolicy::ToDesktop).await;
    assert_eq!(passed, all_but(&[K::FileAnswer, K::FileTaken, K::FileOffer, K::FileContent]));
}

#[tokio::test]
async fn where_everything_is_off_all_messages_pass_but_those_of_clipboard_and_files() {
    let off = RedirectionPolicy { clipboard: TransferPolicy::Off, files: TransferPolicy::Off };
    // The list ends with the answer to Refresh, so that it cannot be in the list.
    let chosen = |kind| is_plain(kind) && kind != K::Refresh;
    let allowed = |kind| chosen(kind) && !is_redirection(kind);
    let expected =
        (numbers(kinds(Direction::ToServer, allowed)), numbers(kinds(Direction::ToClient, allowed)));
    assert_eq!(passed(off, chosen).await, expected);
}

#[tokio::test]
async fn a_file_that_may_not_leave_is_declined_in_the_page_s_place() {
    let metrics = with_stream(
        RedirectionPolicy { clipboard: TransferPolicy::Off, files: TransferPolicy::Off },
        async |socket| {
            send(socket, b"\x89\x11{\"offer\":5,\"name\":\"a\",\"size\":1}").await;
            // The machine answers each message that reaches it by its type.
            assert_eq!(next(socket, PONG).await, [PONG, K::FileAnswer.number()]);
        },
    )
    .await;
    assert!(metrics.contains("oriel_stream_messages_refused_total 1\n"), "{metrics}");
}

#[tokio::test]
async fn the_page_is_told_what_may_cross() {
    let policy =
        RedirectionPolicy { clipboard: TransferPolicy::ToDesktop, files: TransferPolicy::FromDesktop };
    with_stream(policy, async |socket| {
        send(socket, b"\x89\x0A{\"clipboard\":true,\"files\":true,\"sound\":true}").await;
        let agents: Value = serde_json::from_slice(&next(socket, K::Agents.number()).await[1..]).unwrap();
        let expected = json!({
            "clipboard": true, "clipboard_policy": "to-desktop", "files": false, "files_policy": "from-desktop",
            "sound": true,
        });
        assert_eq!(agents, expected);
    })
    .await;
}

#[tokio::test]
async fn what_the_protocol_does_not_know_is_refused_in_both_directions_and_counted() {
    let unknown = |direction| (0..=255).filter(move |number| K::from_number(direction, *number).is_none());
    let mut sent = 0;
    let metrics = with_stream(RedirectionPolicy::default(), async |socket| {
        for number in unknown(Direction::ToServer) {
            send(socket, &[number, 1, 0, 0, 0, 0]).await;
            sent += 1;
        }
        // A message without even a number.
        send(socket, &[]).await;
        sent += 1;
        for number in unknown(Direction::ToClient) {
            send(socket, &[SAY, number, 1, 0, 0, 0]).await;
            sent += 1;
        }
        send(socket, &[REFRESH]).await;
        assert_eq!(heard(socket).await, (vec![], vec![]));
    })
    .await;
    assert!(sent > 256, "{sent} messages");
    assert!(metrics.contains(&format!("oriel_stream_messages_refused_total {sent}\n")), "{metrics}");
}
