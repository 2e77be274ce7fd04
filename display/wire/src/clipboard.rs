//! Clipboard contents on the wire: their types, and the chunks that contents and files travel in.

/// Contents of a clipboard are at most so long, in bytes.
pub const MAX_CONTENTS: usize = 64 << 20;

/// The longest piece of a clipboard's contents or of a file that travels at once.
pub const MAX_CHUNK: usize = 60 * 1024;

/// What a clipboard can hold, by media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentType {
    /// `text/plain` in UTF-8.
    Text,
    /// `image/png`
    Png,
}

impl ContentType {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Text, Self::Png];

    /// The media type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::Png => "image/png",
        }
    }

    /// The one with that media type.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// A piece of a clipboard's contents or of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The number of the request that it answers, or of the file's offer.
    pub request: u32,
    /// Nothing follows.
    pub last: bool,
    /// There is no answer; nothing follows.
    pub failed: bool,
    /// At most [`MAX_CHUNK`].
    pub bytes: Vec<u8>,
}
