//! H.264 video (update kind 3) for regions of the screen that change in most frames.
//!
//! [`streams`] assigns changed tiles to up to four streams, [`stream`] encodes one of them, and
//! [`rate_control`] selects the quantizer. [`decoder`] is the client's side. Tiles that come to rest are sent
//! lossless by the pipeline.

pub mod decoder;
mod encoder;
mod i420;
pub mod rate_control;
mod region;
pub mod stream;
pub mod streams;

pub use decoder::VideoDecoder;
pub use rate_control::RateControl;
pub use stream::VideoStream;
pub use streams::VideoStreams;

/// Length in pixels of a picture's longer side up to which openh264 encodes, in landscape or portrait.
pub const MAX_LONG_SIDE: u32 = 3840;
/// Length in pixels of a picture's shorter side up to which openh264 encodes.
pub const MAX_SHORT_SIDE: u32 = 2160;

/// Error of encoding or decoding H.264.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VideoError {
    /// A region (width, height in pixels) is empty, outside of the picture, or larger than the codec
    /// supports.
    #[error("a video region of {0} by {1} pixels cannot be coded")]
    Size(u32, u32),
    /// The codec returned an error.
    #[error("openh264 failed to {doing} (code {code})")]
    Codec {
        /// Operation that failed, as a verb phrase: "encode".
        doing: &'static str,
        /// Code that openh264 returned; 0 when a function or an object is missing.
        code: i32,
    },
    /// Conversion between RGB and YUV failed, with the converter's message.
    #[error("colour conversion failed: {0}")]
    Colours(String),
    /// Decoding an access unit produced no picture.
    #[error("an access unit that gives no picture")]
    NoPicture,
}
