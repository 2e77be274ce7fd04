//! Fuzz targets for the inputs that guests, clients and makers of images control.
//!
//! - [`targets`] are the fuzzed functions, each of a byte string.
//! - [`script`] decodes bytes to the actions of a guest, and [`guest`] performs them on a device; [`machine`]
//!   is a whole machine without processors.
//! - [`image`] decodes bytes to the images of a disk.

pub mod guest;
pub mod image;
pub mod machine;
pub mod memfd;
pub mod script;
pub mod targets;

pub use guest::Guest;
pub use script::{Part, Reader, Step};
