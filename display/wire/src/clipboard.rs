//! Clipboard messages: the types of contents, and the chunks of contents and files. Redirection itself is elsewhere.

use crate::encode::{json, message};
use crate::fields::Fields;
use crate::{Malformed, MessageKind};
use serde::{Deserialize, Serialize};

/// Largest contents of a clipboard in bytes.
pub const MAX_CONTENTS: usize = 64 << 20;

/// Largest chunk of clipboard contents or of a file in bytes.
pub const MAX_CHUNK: usize = 60 * 1024;

/// Media type of clipboard contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentType {
    /// Text, `text/plain` in UTF-8 with line feeds.
    Text,
    /// Picture in the Portable Network Graphics format, `image/png`.
    Png,
}

impl ContentType {
    /// Types that this version of the protocol exchanges.
    pub const ALL: [Self; 2] = [Self::Text, Self::Png];

    /// Name of the media type (RFC 2046).
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::Png => "image/png",
        }
    }

    /// Type with that media type's name; `None` for a type that is not exchanged.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// Chunk of clipboard contents or of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Number of the answered clipboard request, or of the file's offer.
    pub request: u32,
    /// The chunk is the last one of the contents.
    pub last: bool,
    /// The contents cannot be sent, or not completely; no chunk follows.
    pub failed: bool,
    /// Next bytes of the contents, at most [`MAX_CHUNK`].
    pub bytes: Vec<u8>,
}

/// JSON body of the message ClipboardOffer.
#[derive(Serialize, Deserialize)]
struct Offer {
    types: Vec<String>,
}

/// Decodes the body of the message ClipboardOffer; types that this version does not exchange are left out.
pub(crate) fn decode_offer(body: &[u8]) -> Result<Vec<ContentType>, Malformed> {
    let Offer { types } = serde_json::from_slice(body).map_err(|_| Malformed::Json("ClipboardOffer"))?;
    Ok(ContentType::ALL.into_iter().filter(|one| types.iter().any(|name| name == one.name())).collect())
}

/// Encoded message ClipboardOffer of either direction.
pub(crate) fn encode_offer(kind: MessageKind, types: &[ContentType]) -> Vec<u8> {
    json(kind, &Offer { types: types.iter().map(|one| one.name().to_owned()).collect() })
}

/// Decodes the fields of the message ClipboardRequest: number of the request, and type of the contents.
pub(crate) fn decode_request(fields: &mut Fields<'_>) -> Result<(u32, ContentType), Malformed> {
    let request = fields.u32()?;
    let name = std::str::from_utf8(fields.rest()).ok();
    let content = name.and_then(ContentType::named).ok_or_else(|| fields.impossible("type"))?;
    Ok((request, content))
}

/// Bytes to the end of the message, at most [`MAX_CHUNK`].
pub(crate) fn chunk_bytes(fields: &mut Fields<'_>) -> Result<Vec<u8>, Malformed> {
    let bytes = fields.rest();
    if bytes.len() > MAX_CHUNK { Err(fields.impossible("length")) } else { Ok(bytes.to_vec()) }
}

/// Decodes the fields of the messages ClipboardData and FileContent.
pub(crate) fn decode_chunk(fields: &mut Fields<'_>) -> Result<Chunk, Malformed> {
    let (request, flags) = (fields.u32()?, fields.u8()?);
    if flags > 3 {
        return Err(fields.impossible("flags"));
    }
    Ok(Chunk { request, last: flags & 1 != 0, failed: flags & 2 != 0, bytes: chunk_bytes(fields)? })
}

/// Encoded message ClipboardData or FileContent.
pub(crate) fn encode_chunk(kind: MessageKind, chunk: &Chunk) -> Vec<u8> {
    let flags = u8::from(chunk.last) | u8::from(chunk.failed) << 1;
    message(kind, &[&chunk.request.to_le_bytes(), &[flags], &chunk.bytes])
}
