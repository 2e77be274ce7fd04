//! Tests that random and mangled bytes cause no panic in any parser.

use crate::canvas::Canvas;
use oriel_wire::{
    AudioPacket, Chunk, ClientMessage, ContentType, Decoded, Frame, FrameHeader, Hello, InputEvent,
    Recording, Rect, ServerMessage, Size, Update, VideoUpdate,
};

/// Pseudo-random generator xorshift64*, with the same sequence in every run.
pub(crate) struct Random(pub u64);

impl Random {
    /// Returns the next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Returns a number below `n`; 0 for `n` = 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() >> 33) as usize % n.max(1)
    }
}

/// Returns valid messages to mangle.
fn samples() -> Vec<Vec<u8>> {
    let frame = Frame {
        header: FrameHeader { size: Size::new(64, 64), whole: true, frame_id: 1, ..FrameHeader::default() },
        updates: vec![
            Update::Copy { src_x: 1, src_y: 2, to: Rect::new(3, 4, 5, 6) },
            Update::Exact { raw_length: 11, zstd: vec![0x28, 0xb5, 0x2f, 0xfd, 0x20, 11] },
            Update::Video(VideoUpdate {
                stream: 0,
                key: true,
                region: Rect::new(0, 0, 64, 64),
                take: vec![Rect::new(0, 0, 64, 64)],
                data: vec![0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f],
            }),
        ],
    };
    let piece = Chunk { request: 1, last: true, failed: false, bytes: vec![1, 2, 3] };
    vec![
        frame.encode(),
        ClientMessage::Hello(Hello { versions: vec![1], h264: true, ..Hello::default() }).encode(),
        ClientMessage::Input { seq: 1, event: InputEvent::PointerTo { x: 1, y: 2 } }.encode(),
        b"\x8d{\"screens\":[null,{\"width\":800,\"height\":600,\"x\":-9,\"dpi\":96}]}".to_vec(),
        ClientMessage::Ack { frame_id: 1, decode_us: 1, present_us: 1 }.encode(),
        ServerMessage::CursorShape(None).encode(),
        ServerMessage::CursorMove { x: 1, y: 1 }.encode(),
        ClientMessage::ClipboardRequest { request: 1, content: ContentType::Text }.encode(),
        ClientMessage::ClipboardData(piece).encode(),
        ClientMessage::FileStart { transfer: 1, size: 2, name: "a.txt".into() }.encode(),
        ClientMessage::FileAnswer { offer: 1, accept: true }.encode(),
        ClientMessage::FileTaken { offer: 1, received: 1 }.encode(),
        ServerMessage::Audio(AudioPacket { sequence: 1, time_us: 1, opus: vec![0xFC, 1] }).encode(),
        ClientMessage::Sound { playback: true, capture: true }.encode(),
        ClientMessage::Recording(Recording { sequence: 1, opus: vec![0xFC, 1] }).encode(),
        ClientMessage::ResumeHashes(Canvas::new().hashes()).encode(),
        ServerMessage::FrameHash { frame_id: 1, hashes: Canvas::new().hashes() }.encode(),
    ]
}

#[test]
fn garbage_never_panics() {
    let mut random = Random(0x5eed);
    let samples = samples();
    let mut canvas = Canvas::new();
    for round in 0..40_000 {
        let message: Vec<u8> = if round % 2 == 0 {
            let kinds = [
                0x02, 0x03, 0x09, 0x81, 0x83, 0x88, 0x8E, 0x8F, 0x90, 0x91, 0x92, 0x94, 0x95, 0x96, 0x97,
                0x98, 0x11, 0x12,
            ];
            let kind = kinds[random.below(kinds.len())];
            let length = random.below(120);
            std::iter::once(kind).chain((0..length).map(|_| random.next() as u8)).collect()
        } else {
            let mut message = samples[random.below(samples.len())].clone();
            for _ in 0..=random.below(3) {
                let at = random.below(message.len());
                message[at] = random.next() as u8;
            }
            message.truncate(message.len() - random.below(message.len()) * usize::from(random.below(4) == 0));
            message
        };
        let _ = ClientMessage::decode(&message);
        if let Ok(Decoded::Known(ServerMessage::Frame(frame))) = ServerMessage::decode(&message) {
            // Errors are expected; a screen of billions of pixels is not worth the test's time.
            if u64::from(frame.header.size.width) * u64::from(frame.header.size.height) < 1 << 20 {
                let _ = canvas.apply(&frame);
            }
        }
    }
}
