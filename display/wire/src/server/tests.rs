use super::*;
use crate::files::FileState;

fn round_trip(message: ServerMessage) {
    assert_eq!(ServerMessage::decode(&message.encode()), Ok(Decoded::Known(message)));
}

#[test]
fn every_message_survives_the_trip() {
    round_trip(ServerMessage::Welcome(Welcome { version: 1, width: 1920, height: 1080, watching: false }));
    round_trip(ServerMessage::CursorShape(None));
    round_trip(ServerMessage::CursorShape(Some(CursorImage {
        size: Size::new(3, 2),
        hot_x: 1,
        hot_y: 0,
        rgba: (0..24).collect(),
    })));
    round_trip(ServerMessage::CursorMove { x: 7, y: 65535 });
    round_trip(ServerMessage::Leds(5));
    round_trip(ServerMessage::Notice { kind: "idle".into(), text: "It stops soon.".into() });
    round_trip(ServerMessage::Pong(1 << 40));
    round_trip(ServerMessage::Audio(AudioPacket { sequence: 7, time_us: 1 << 50, opus: vec![0xFC, 9] }));
    round_trip(ServerMessage::Closed { code: CloseCode::Stopped, text: "It was shut down.".into() });
    let screens = vec![Rect::new(0, 0, 1920, 1080), Rect::default()];
    round_trip(ServerMessage::Screens(Screens { max: 2, screens }));
    round_trip(ServerMessage::Agents(Abilities { clipboard: true, ..Abilities::default() }));
    round_trip(ServerMessage::ClipboardOffer(vec![]));
    round_trip(ServerMessage::ClipboardRequest { request: 1, content: ContentType::Text });
    let piece = Chunk { request: 2, last: true, failed: false, bytes: vec![7; 9] };
    round_trip(ServerMessage::ClipboardData(piece.clone()));
    round_trip(ServerMessage::FileContent(piece));
    round_trip(ServerMessage::FileOffer(FileOffer { offer: 4, name: "größe.pdf".into(), size: 1 << 40 }));
    let status = FileStatus { transfer: 3, state: FileState::Failed, received: 4, text: Some("No.".into()) };
    round_trip(ServerMessage::FileStatus(status));
    let hashes = TileHashes::new(Size::new(70, 10), vec![1, 2]).unwrap();
    round_trip(ServerMessage::FrameHash { frame_id: 5, hashes });
}

#[test]
fn codes_are_those_of_the_specification() {
    let closed = ServerMessage::Closed { code: CloseCode::Malformed, text: "x".into() };
    assert_eq!(closed.encode(), b"\x08{\"code\":\"malformed\",\"text\":\"x\"}");
    let status = FileStatus { transfer: 3, state: FileState::Progress, received: 4, text: None };
    assert_eq!(
        ServerMessage::FileStatus(status).encode(),
        b"\x0e{\"transfer\":3,\"state\":\"progress\",\"received\":4}"
    );
    let offer = FileOffer { offer: 4, name: "a".into(), size: 5 };
    assert_eq!(ServerMessage::FileOffer(offer).encode(), b"\x11{\"offer\":4,\"name\":\"a\",\"size\":5}");
    assert_eq!(
        ServerMessage::ClipboardOffer(vec![ContentType::Text]).encode(),
        b"\x0b{\"types\":[\"text/plain\"]}"
    );
    let audio = AudioPacket { sequence: 2, time_us: 3, opus: vec![0xFC] };
    assert_eq!(audio.encode(), [9, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0xFC]);
    assert!(ServerMessage::decode(&audio.encode()[..13]).is_err(), "sound without a packet");
}
