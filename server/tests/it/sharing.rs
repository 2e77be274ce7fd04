//! What a pool lets cross between a desktop and the computer that shows it, whatever page and
//! machine say.

use crate::client::Socket;
use crate::fixture::{House, desktop_of, unplug};
use crate::streams::{HELLO, next, open, send};
use futures_util::StreamExt;
use oriel_server::people::{Sharing, Ways};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// From the page: what the person copied (two), what the desktop copied, files to it (three) and
/// from it (two).
const UP: [u8; 8] = [0x8E, 0x90, 0x8F, 0x91, 0x92, 0x93, 0x97, 0x98];
/// From the machine: what the person copied, what the desktop copied (two), files to it and from it
/// (two).
const DOWN: [u8; 6] = [0x0C, 0x0B, 0x0D, 0x0E, 0x11, 0x12];
/// Always crosses: the end of a list.
const REFRESH: u8 = 0x8A;
/// The machine says what follows.
const SAY: u8 = 0xF0;

/// Does something with a stream of a desktop whose pool shares so much; gives the server's metrics
/// at the end.
async fn with_stream(sharing: Sharing, act: impl AsyncFnOnce(&mut Socket)) -> String {
    let house = House::new("").await;
    house.share(sharing).await;
    let server = house.open().await;
    let ada = server.person("ada").await;
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
async fn crossing(clipboard: Ways, files: Ways) -> (Vec<u8>, Vec<u8>) {
    let mut crossed = (Vec::new(), Vec::new());
    let metrics = with_stream(Sharing { clipboard, files }, async |socket| {
        for kind in UP {
            send(socket, &[kind, 1, 0, 0, 0, 0]).await;
        }
        for kind in DOWN {
            send(socket, &[SAY, kind, b'{', b'}']).await;
        }
        send(socket, &[REFRESH]).await;
        let (types, answered) = heard(socket).await;
        crossed = (answered, types);
    })
    .await;
    let refused = UP.len() + DOWN.len() - crossed.0.len() - crossed.1.len();
    assert!(metrics.contains(&format!("oriel_stream_messages_refused_total {refused}\n")), "{metrics}");
    crossed
}

#[tokio::test]
async fn everything_crosses_where_nothing_else_is_said() {
    assert_eq!(crossing(Ways::Both, Ways::Both).await, (UP.to_vec(), DOWN.to_vec()));
}

#[tokio::test]
async fn what_the_person_copied_does_not_reach_a_desktop_that_only_gives() {
    let (up, down) = crossing(Ways::FromDesktop, Ways::Both).await;
    assert_eq!(up, [0x8F, 0x91, 0x92, 0x93, 0x97, 0x98]);
    assert_eq!(down, [0x0B, 0x0D, 0x0E, 0x11, 0x12]);
}

#[tokio::test]
async fn what_a_desktop_copied_does_not_leave_one_that_only_takes() {
    let (up, down) = crossing(Ways::ToDesktop, Ways::Both).await;
    assert_eq!(up, [0x8E, 0x90, 0x91, 0x92, 0x93, 0x97, 0x98]);
    assert_eq!(down, [0x0C, 0x0E, 0x11, 0x12]);
}

#[tokio::test]
async fn files_do_not_reach_a_desktop_that_only_gives() {
    let (up, down) = crossing(Ways::Both, Ways::FromDesktop).await;
    assert_eq!(up, [0x8E, 0x90, 0x8F, 0x97, 0x98]);
    assert_eq!(down, [0x0C, 0x0B, 0x0D, 0x11, 0x12]);
}

#[tokio::test]
async fn files_do_not_leave_a_desktop_that_only_takes() {
    let (up, down) = crossing(Ways::Both, Ways::ToDesktop).await;
    assert_eq!(up, [0x8E, 0x90, 0x8F, 0x91, 0x92, 0x93]);
    assert_eq!(down, [0x0C, 0x0B, 0x0D, 0x0E]);
}

#[tokio::test]
async fn a_file_that_may_not_leave_is_declined_in_the_page_s_place() {
    let metrics = with_stream(Sharing { clipboard: Ways::Off, files: Ways::Off }, async |socket| {
        send(socket, b"\xF0\x11{\"offer\":5,\"name\":\"a\",\"size\":1}").await;
        // The machine answers each message that reaches it by its type.
        assert_eq!(next(socket, 0x07).await, [0x07, 0x97]);
    })
    .await;
    assert!(metrics.contains("oriel_stream_messages_refused_total 1\n"), "{metrics}");
}

#[tokio::test]
async fn the_page_is_told_what_may_cross() {
    let sharing = Sharing { clipboard: Ways::ToDesktop, files: Ways::FromDesktop };
    with_stream(sharing, async |socket| {
        send(socket, b"\xF0\x0A{\"clipboard\":true,\"files\":true,\"sound\":true}").await;
        let agents: Value = serde_json::from_slice(&next(socket, 0x0A).await[1..]).unwrap();
        let expected = json!({
            "clipboard": true, "clipboard_ways": "to-desktop", "files": false, "files_ways": "from-desktop",
            "sound": true,
        });
        assert_eq!(agents, expected);
    })
    .await;
}
