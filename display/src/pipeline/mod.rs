//! Pipeline that composes the updates for one client's picture. A frame's data flows one way through stages,
//! each a file that can be read and measured alone:
//!
//! | stage | file | input | output |
//! |---|---|---|---|
//! | scan | [`scan`] | pixel source, damage | framebuffer, changed rectangle of each tile |
//! | copy | `copy_rect/` | changes, previous frame | copies, and the changes that they leave |
//! | classify | [`classify`] | changes | tiles in motion; regions that stand still |
//! | lossless | [`lossless_stage`] | regions | one batch of exact pixels; postponed regions |
//! | video | [`video_stage`] | tiles in motion | H.264 updates; tiles that found no room |
//! | packets | [`frame`] | updates of all stages | [`Composed`], which a viewer numbers and sends |
//!
//! [`Composer`] connects the stages and decides nothing about pixels. [`tile_history`] records which parts of
//! the client's picture are not exact, and [`frame_budget`] the bytes of a frame. The pipeline is independent
//! of viewers, sockets and clocks: the time is an argument.

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
