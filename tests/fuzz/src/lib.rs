//! Fuzzes what guests, clients and makers of images can feed to Oriel.
//!
//! - [`targets`] are what is fuzzed, one function of bytes each.
//! - [`script`] gives bytes the meaning of what a guest does, and [`guest`] does it to a device;
//!   [`machine`] is a whole machine without processors.
//! - [`image`] gives bytes the meaning of a disk's images.

pub mod guest;
pub mod image;
pub mod machine;
pub mod memfd;
pub mod script;
pub mod targets;

pub use guest::Guest;
pub use script::{Part, Reader, Step};
