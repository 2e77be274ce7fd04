use super::*;
use crate::geometry::Size;
use crate::{MAX_CHUNK, MessageClass};

fn round_trip(message: ClientMessage) {
    let bytes = message.encode();
    // The machine decides about watchers by message, the gateway by class: both decide alike.
    let class = MessageKind::of(Direction::ToServer, &bytes).unwrap().class();
    let acts = matches!(
        class,
        MessageClass::Input | MessageClass::Clipboard | MessageClass::Files | MessageClass::Audio
    );
    assert_eq!(message.acts(), acts, "{message:?}");
    assert_eq!(ClientMessage::decode(&bytes), Ok(Decoded::Known(message)));
}

#[test]
fn every_message_survives_the_trip() {
    round_trip(ClientMessage::Hello(Hello {
        versions: vec![1, 7],
        h264: true,
        video_only: false,
        screen: 3,
        resume: true,
    }));
    round_trip(ClientMessage::Ack { frame_id: 1, decode_us: 2, present_us: 3 });
    for event in [
        InputEvent::Key { code: 30, down: true },
        InputEvent::PointerTo { x: 65535, y: 0 },
        InputEvent::PointerBy { dx: -3, dy: 4 },
        InputEvent::Button { button: Button::Forward, down: false },
        InputEvent::Wheel { dx: 0, dy: -120 },
    ] {
        round_trip(ClientMessage::Input { seq: 9, event });
    }
    round_trip(ClientMessage::ReleaseAll { seq: 10 });
    round_trip(ClientMessage::Settings { video_only: true, frame_hashes: false });
    round_trip(ClientMessage::ResumeHashes(TileHashes::new(Size::new(130, 65), (0..6).collect()).unwrap()));
    round_trip(ClientMessage::Ping(u64::MAX));
    round_trip(ClientMessage::Refresh);
    round_trip(ClientMessage::VideoFailed);
    round_trip(ClientMessage::ClipboardOffer(vec![ContentType::Text, ContentType::Png]));
    round_trip(ClientMessage::ClipboardRequest { request: 3, content: ContentType::Png });
    for (last, failed) in [(false, false), (true, false), (true, true)] {
        let piece = Chunk { request: 4, last, failed, bytes: vec![1; MAX_CHUNK] };
        round_trip(ClientMessage::ClipboardData(piece));
    }
    round_trip(ClientMessage::FileStart { transfer: 5, size: 1 << 40, name: "größe.txt".into() });
    round_trip(ClientMessage::FileData { transfer: 5, bytes: vec![] });
    round_trip(ClientMessage::FileCancel { transfer: 5 });
    for (playback, capture) in [(false, false), (true, false), (false, true), (true, true)] {
        round_trip(ClientMessage::Sound { playback, capture });
    }
    round_trip(ClientMessage::Recording(Recording { sequence: u32::MAX, opus: vec![0xFC, 1, 2] }));
    round_trip(ClientMessage::FileAnswer { offer: 6, accept: true });
    round_trip(ClientMessage::FileTaken { offer: 6, received: 1 << 40 });
}

#[test]
fn the_bytes_are_those_of_the_specification() {
    let key = ClientMessage::Input { seq: 0x0102, event: InputEvent::Key { code: 0x1e, down: true } };
    assert_eq!(key.encode(), [0x83, 0x02, 0x01, 0, 0, 0x1e, 0, 1]);
    assert_eq!(
        ClientMessage::decode(b"\x81{\"versions\":[1],\"h264\":true,\"video_only\":false}"),
        Ok(Decoded::Known(ClientMessage::Hello(Hello {
            versions: vec![1],
            h264: true,
            video_only: false,
            screen: 0,
            resume: false
        })))
    );
}

#[test]
fn json_bodies_have_the_keys_of_the_specification() {
    let hello = Hello { versions: vec![1], h264: true, video_only: false, screen: 1, resume: true };
    assert_eq!(
        ClientMessage::Hello(hello).encode(),
        b"\x81{\"versions\":[1],\"h264\":true,\"video_only\":false,\"screen\":1,\"resume\":true}"
    );
    assert_eq!(
        ClientMessage::Settings { video_only: true, frame_hashes: false }.encode(),
        b"\x88{\"video_only\":true,\"frame_hashes\":false}"
    );
}

#[test]
fn what_cannot_be_is_malformed_and_what_is_new_is_unknown() {
    let long = [&[0x92, 1, 0, 0, 0][..], &[0; MAX_CHUNK + 1]].concat();
    let malformed: [&[u8]; 19] = [
        &long,
        b"\x8f\x01\0\0\0text/html",
        b"\x90\x01\0\0\0\x04",
        b"\x91\x01\0\0\0\x01\0\0\0\0\0\0\0\xff",
        b"",
        b"\x81{}",
        b"\x82\x01\0\0\0",
        b"\x83\0\0\0\0\x1e\0\x01",
        b"\x83\x01\0\0\0\x1e\0\x02",
        b"\x83\x01\0\0\0\xff\xff\x01",
        b"\x85\x01\0\0\0\x05\x01",
        b"\x8a\0",
        b"\x94",
        b"\x94\x04",
        b"\x94\x01\0",
        b"\x95\x01\0\0\0",
        b"\x96\x40\0\x40\0\x01\x02\x03\x04",
        b"\x97\x01\0\0\0\x02",
        b"\x98\x01\0\0\0\x01\0\0\0",
    ];
    for message in malformed {
        assert!(ClientMessage::decode(message).is_err(), "{message:?}");
    }
    assert_eq!(
        ClientMessage::decode(b"\x8e{\"types\":[\"text/html\",\"image/png\"]}"),
        Ok(Decoded::Known(ClientMessage::ClipboardOffer(vec![ContentType::Png])))
    );
    assert_eq!(ClientMessage::decode(b"\xf0anything"), Ok(Decoded::Unknown(0xf0)));
    assert_eq!(ClientMessage::decode(b"\x02"), Ok(Decoded::Unknown(0x02)));
}
