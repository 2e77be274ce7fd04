//! Makes the updates that bring one client's picture up to date, in stages through which a frame's
//! data flows one way. Each stage is a file that can be read and timed alone:
//!
//! | stage | file | input | output |
//! |---|---|---|---|
//! | scan | [`scan`] | pixel source, damage | framebuffer, changed rectangle of each tile |
//! | copy | `copy_rect/` | changes, previous frame | copies, and the changes that they leave |
//! | classify | [`classify`] | changes | tiles in motion; regions that stand still |
//! | lossless | [`lossless_stage`] | regions | one batch of exact pixels; what must wait |
//! | video | [`video_stage`] | tiles in motion | H.264 updates; tiles that found no room |
//! | packets | [`frame`] | updates of all stages | [`Composed`], which a viewer numbers and sends |
//!
//! [`Composer`] wires the stages and decides nothing about pixels. [`tile_history`] remembers what of
//! the client's picture is not exact, [`frame_budget`] how many bytes a frame may have. Nothing in the
//! pipeline knows of viewers, sockets or clocks: the moment is an argument.

pub mod classify;
mod composer;
pub mod frame;
pub mod frame_budget;
pub mod lossless_stage;
pub mod scan;
pub mod tile_history;
pub mod video_stage;

pub use composer::Composer;
pub use frame::Composed;
