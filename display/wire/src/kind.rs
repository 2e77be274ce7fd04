//! Table of all messages: number, name, direction and class of each.
//!
//! `docs/protocol.md` has the same table, and the web client constants that are generated from it; tests compare them.
//! Code that decides about messages matches [`MessageClass`] or [`MessageKind`] exhaustively, so that a new message
//! does not compile before every such place has a decision.

/// Direction in which a message travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Message from the server (machine or gateway) to the client.
    ToClient,
    /// Message from the client to the server.
    ToServer,
}

impl Direction {
    /// Array of both directions, the direction to the client first.
    pub const ALL: [Self; 2] = [Self::ToClient, Self::ToServer];

    /// Name of the direction in `docs/protocol.md`: `to client` or `to server`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ToClient => "to client",
            Self::ToServer => "to server",
        }
    }
}

/// Class of a message: the part of a session that a policy allows or refuses as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageClass {
    /// Opening, liveness, capabilities and end of a connection, and the audio that a client requests.
    Session,
    /// Input to the guest, requests for another layout of the monitors, and the state of keyboard lights.
    Input,
    /// Clipboard redirection in both directions.
    Clipboard,
    /// File redirection in both directions.
    Files,
    /// Audio packets of playback to the client and of the microphone to the server.
    Audio,
    /// Picture, pointer and monitors of the guest, and the client's acknowledgements and settings.
    Display,
    /// Text of the guest for screen readers; no message has this class yet.
    GuestText,
    /// Presence of several viewers at a desktop; no message has this class yet.
    Presence,
}

impl MessageClass {
    /// Array of every class, in the order of `docs/protocol.md`.
    pub const ALL: [Self; 8] = [
        Self::Session,
        Self::Input,
        Self::Clipboard,
        Self::Files,
        Self::Audio,
        Self::Display,
        Self::GuestText,
        Self::Presence,
    ];

    /// Name of the class in `docs/protocol.md`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Input => "input",
            Self::Clipboard => "clipboard",
            Self::Files => "files",
            Self::Audio => "audio",
            Self::Display => "display",
            Self::GuestText => "guest text",
            Self::Presence => "presence",
        }
    }
}

macro_rules! message_kinds {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal, $direction:ident, $class:ident;)+) => {
        /// Kind of a message. Names that both directions use have `To` and the receiver behind them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum MessageKind {
            $($(#[$doc])* $variant = $number,)+
        }

        impl MessageKind {
            /// Every kind of message, in ascending order of the numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Kind of the message with this number and direction; `None` for an unknown number, and for a
            /// number of the other direction.
            pub const fn from_number(direction: Direction, number: u8) -> Option<Self> {
                match (direction, number) {
                    $((Direction::$direction, $number) => Some(Self::$variant),)+
                    (Direction::ToClient | Direction::ToServer, _) => None,
                }
            }

            /// Name of the message in `docs/protocol.md`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// Direction in which the message travels.
            pub const fn direction(self) -> Direction {
                match self {
                    $(Self::$variant => Direction::$direction,)+
                }
            }

            /// Class of the message.
            pub const fn class(self) -> MessageClass {
                match self {
                    $(Self::$variant => MessageClass::$class,)+
                }
            }
        }
    };
}

message_kinds! {
    /// Answer to Hello.
    Welcome = 0x01, "Welcome", ToClient, Session;
    /// Updates of the picture.
    Frame = 0x02, "Frame", ToClient, Display;
    /// Image of the guest's pointer.
    CursorShape = 0x03, "CursorShape", ToClient, Display;
    /// Position of the guest's pointer.
    CursorMove = 0x04, "CursorMove", ToClient, Display;
    /// State of the keyboard's lights.
    Leds = 0x05, "Leds", ToClient, Input;
    /// Sentence for the user.
    Notice = 0x06, "Notice", ToClient, Session;
    /// Answer to Ping.
    Pong = 0x07, "Pong", ToClient, Session;
    /// End of the connection.
    Closed = 0x08, "Closed", ToClient, Session;
    /// Opus packet of the guest's playback.
    Audio = 0x09, "Audio", ToClient, Audio;
    /// Capabilities of the guest's agents and devices.
    Agents = 0x0A, "Agents", ToClient, Session;
    /// Types of the guest's clipboard contents.
    ClipboardOfferToClient = 0x0B, "ClipboardOffer", ToClient, Clipboard;
    /// Request for the client's clipboard contents.
    ClipboardRequestToClient = 0x0C, "ClipboardRequest", ToClient, Clipboard;
    /// Chunk of the guest's clipboard contents.
    ClipboardDataToClient = 0x0D, "ClipboardData", ToClient, Clipboard;
    /// State of an upload.
    FileStatus = 0x0E, "FileStatus", ToClient, Files;
    /// Layout of the guest's monitors.
    Screens = 0x0F, "Screens", ToClient, Display;
    /// Tile hashes of the picture after a frame.
    FrameHash = 0x10, "FrameHash", ToClient, Display;
    /// Offer of a file that the guest sends.
    FileOffer = 0x11, "FileOffer", ToClient, Files;
    /// Chunk of an offered file.
    FileContent = 0x12, "FileContent", ToClient, Files;

    /// First message of a connection.
    Hello = 0x81, "Hello", ToServer, Session;
    /// Acknowledgement of a presented frame.
    Ack = 0x82, "Ack", ToServer, Display;
    /// Key press or release.
    Key = 0x83, "Key", ToServer, Input;
    /// Absolute pointer position.
    PointerTo = 0x84, "PointerTo", ToServer, Input;
    /// Pointer button press or release.
    Button = 0x85, "Button", ToServer, Input;
    /// Movement of the wheel.
    Wheel = 0x86, "Wheel", ToServer, Input;
    /// Release of all keys and buttons.
    ReleaseAll = 0x87, "ReleaseAll", ToServer, Input;
    /// Settings of the picture.
    Settings = 0x88, "Settings", ToServer, Display;
    /// Probe of the connection that Pong answers.
    Ping = 0x89, "Ping", ToServer, Session;
    /// Request for a full refresh.
    Refresh = 0x8A, "Refresh", ToServer, Display;
    /// Failure of the client's video decoder.
    VideoFailed = 0x8B, "VideoFailed", ToServer, Display;
    /// Relative pointer movement.
    PointerBy = 0x8C, "PointerBy", ToServer, Input;
    /// Request for another layout of the guest's monitors.
    LayoutRequest = 0x8D, "LayoutRequest", ToServer, Input;
    /// Types of the client's clipboard contents.
    ClipboardOfferToServer = 0x8E, "ClipboardOffer", ToServer, Clipboard;
    /// Request for the guest's clipboard contents.
    ClipboardRequestToServer = 0x8F, "ClipboardRequest", ToServer, Clipboard;
    /// Chunk of the client's clipboard contents.
    ClipboardDataToServer = 0x90, "ClipboardData", ToServer, Clipboard;
    /// Start of an upload.
    FileStart = 0x91, "FileStart", ToServer, Files;
    /// Next bytes of an upload.
    FileData = 0x92, "FileData", ToServer, Files;
    /// Cancellation of an upload.
    FileCancel = 0x93, "FileCancel", ToServer, Files;
    /// Request to receive audio, and announcement of Recording.
    Sound = 0x94, "Sound", ToServer, Session;
    /// Opus packet of the client's microphone.
    Recording = 0x95, "Recording", ToServer, Audio;
    /// Tile hashes of the picture that a client kept from an earlier connection.
    ResumeHashes = 0x96, "ResumeHashes", ToServer, Display;
    /// Acceptance or refusal of a file offer.
    FileAnswer = 0x97, "FileAnswer", ToServer, Files;
    /// Progress of a download.
    FileTaken = 0x98, "FileTaken", ToServer, Files;
}

impl MessageKind {
    /// Number of the message: its first byte on the wire.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Kind of an encoded message that travels in `direction`; `None` for an empty or unknown one.
    pub fn of(direction: Direction, message: &[u8]) -> Option<Self> {
        message.first().and_then(|number| Self::from_number(direction, *number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lead_back_to_their_kinds_in_their_direction_only() {
        for kind in MessageKind::ALL {
            let (direction, number) = (kind.direction(), kind.number());
            assert_eq!(MessageKind::from_number(direction, number), Some(*kind));
            for other in Direction::ALL.into_iter().filter(|other| *other != direction) {
                assert_eq!(MessageKind::from_number(other, number), None, "{kind:?}");
            }
        }
        let known = |direction| (0..=255).filter_map(|n| MessageKind::from_number(direction, n)).count();
        assert_eq!(known(Direction::ToClient) + known(Direction::ToServer), MessageKind::ALL.len());
    }

    #[test]
    fn directions_are_told_by_the_highest_bit() {
        for kind in MessageKind::ALL {
            assert_eq!(kind.direction() == Direction::ToServer, kind.number() >= 0x80, "{kind:?}");
        }
        assert!(MessageKind::ALL.is_sorted_by_key(|kind| kind.number()));
    }
}
