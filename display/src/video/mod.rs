//! H.264 for what keeps moving (update kind 3), encoded over what moves alone.

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

/// Largest picture that openh264 codes; on its side as well.
pub const MAX_LONG_SIDE: u32 = 3840;
/// See [`MAX_LONG_SIDE`].
pub const MAX_SHORT_SIDE: u32 = 2160;

/// H.264 failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VideoError {
    /// A region that is empty, or larger than the codec can do.
    #[error("a video region of {0} by {1} pixels cannot be coded")]
    Size(u32, u32),
    /// The codec refused.
    #[error("openh264 failed to {doing} (code {code})")]
    Codec {
        /// What it was asked to do.
        doing: &'static str,
        /// As returned.
        code: i32,
    },
    /// Colours could not be converted.
    #[error("colour conversion failed: {0}")]
    Colours(String),
    /// An access unit gave no picture.
    #[error("an access unit that gives no picture")]
    NoPicture,
}
