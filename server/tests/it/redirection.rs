//! What a pool lets cross between a desktop and the computer that shows it, whatever page and
//! machine say.

use crate::client::Socket;
use crate::fixture::{House, desktop_of, unplug};
use crate::streams::{HELLO, next, open, send};
use futures_util::StreamExt;
use oriel_server::pools::{RedirectionPolicy, TransferPolicy};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// From the page: what the user copied (two), what the desktop copied, files to it (three) and
/// from it (two).
const UP: [u8; 8] = [0x8E, 0x90, 0x8F, 0x91, 0x92, 0x93, 0x97, 0x98];
/// From the machine: what the user copied, what the desktop copied (two), files to it and from it
/// (two).
const DOWN: [u8; 6] = [0x0C, 0x0B, 0x0D, 0x0E, 0x11, 0x12];
/// Always crosses: the end of a list.
const REFRESH: u8 = 0x8A;
/// Ping: the scripted machine sends what follows.
const SAY: u8 = 0x89;

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
    next(&mut socket, 0x01).await;
    act(&mut socket).await;
    let metrics = String::from_utf8(server.stranger().get("/metrics").await.body).unwrap();
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
            [0x07, REFRESH] => return (types, answered),
            [0x07, kind] => answered.push(kind),
            _ => types.push(bytes[0]),
        }
    }
}

/// Tries everything; what of [`UP`] reached the machine, and what of [`DOWN`] the page.
async fn passed(clipboard: TransferPolicy, files: TransferPolicy) -> (Vec<u8>, Vec<u8>) {
    let mut passed = (Vec::new(), Vec::new());
    let metrics = with_stream(RedirectionPolicy { clipboard, files }, async |socket| {
        for kind in UP {
            send(socket, &[kind, 1, 0, 0, 0, 0]).await;
        }
        for kind in DOWN {
            send(socket, &[SAY, kind, b'{', b'}']).await;
        }
        send(socket, &[REFRESH]).await;
        let (types, answered) = heard(socket).await;
        passed = (answered, types);
    })
    .await;
    let refused = UP.len() + DOWN.len() - passed.0.len() - passed.1.len();
    assert!(metrics.contains(&format!("oriel_stream_messages_refused_total {refused}\n")), "{metrics}");
    passed
}

#[tokio::test]
async fn everything_crosses_where_nothing_else_is_said() {
    assert_eq!(passed(TransferPolicy::Both, TransferPolicy::Both).await, (UP.to_vec(), DOWN.to_vec()));
}

#[tokio::test]
async fn what_the_user_copied_does_not_reach_a_desktop_that_only_gives() {
    let (up, down) = passed(TransferPolicy::FromDesktop, TransferPolicy::Both).await;
    assert_eq!(up, [0x8F, 0x91, 0x92, 0x93, 0x97, 0x98]);
    assert_eq!(down, [0x0B, 0x0D, 0x0E, 0x11, 0x12]);
}

#[tokio::test]
async fn what_a_desktop_copied_does_not_leave_one_that_only_takes() {
    let (up, down) = passed(TransferPolicy::ToDesktop, TransferPolicy::Both).await;
    assert_eq!(up, [0x8E, 0x90, 0x91, 0x92, 0x93, 0x97, 0x98]);
    assert_eq!(down, [0x0C, 0x0E, 0x11, 0x12]);
}

#[tokio::test]
async fn files_do_not_reach_a_desktop_that_only_gives() {
    let (up, down) = passed(TransferPolicy::Both, TransferPolicy::FromDesktop).await;
    assert_eq!(up, [0x8E, 0x90, 0x8F, 0x97, 0x98]);
    assert_eq!(down, [0x0C, 0x0B, 0x0D, 0x11, 0x12]);
}

#[tokio::test]
async fn files_do_not_leave_a_desktop_that_only_takes() {
    let (up, down) = passed(TransferPolicy::Both, TransferPolicy::ToDesktop).await;
    assert_eq!(up, [0x8E, 0x90, 0x8F, 0x91, 0x92, 0x93]);
    assert_eq!(down, [0x0C, 0x0B, 0x0D, 0x0E]);
}

#[tokio::test]
async fn a_file_that_may_not_leave_is_declined_in_the_page_s_place() {
    let metrics = with_stream(
        RedirectionPolicy { clipboard: TransferPolicy::Off, files: TransferPolicy::Off },
        async |socket| {
            send(socket, b"\x89\x11{\"offer\":5,\"name\":\"a\",\"size\":1}").await;
            // The machine answers each message that reaches it by its type.
            assert_eq!(next(socket, 0x07).await, [0x07, 0x97]);
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
        let agents: Value = serde_json::from_slice(&next(socket, 0x0A).await[1..]).unwrap();
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
    const UNKNOWN_TO_SERVER: [u8; 5] = [0x80, 0x99, 0xF0, 0xFF, 0x02];
    const UNKNOWN_TO_CLIENT: [u8; 5] = [0x00, 0x13, 0x7F, 0x83, 0xFF];
    let metrics = with_stream(RedirectionPolicy::default(), async |socket| {
        for number in UNKNOWN_TO_SERVER {
            send(socket, &[number, 1, 0, 0, 0, 0]).await;
        }
        // Not even a number.
        send(socket, &[]).await;
        for number in UNKNOWN_TO_CLIENT {
            send(socket, &[SAY, number, 1, 0, 0, 0]).await;
        }
        send(socket, &[REFRESH]).await;
        assert_eq!(heard(socket).await, (vec![], vec![]));
    })
    .await;
    let refused = UNKNOWN_TO_SERVER.len() + 1 + UNKNOWN_TO_CLIENT.len();
    assert!(metrics.contains(&format!("oriel_stream_messages_refused_total {refused}\n")), "{metrics}");
}
