//! What the fuzz targets share: scripts of what a guest does, and their performance on a device.

pub mod guest;
pub mod image;
pub mod kernel;
pub mod machine;
pub mod memfd;
pub mod script;

pub use guest::Guest;
pub use script::{Part, Step};
