//! virtio-balloon (VIRTIO 1.2, section 5.5): guest memory that goes back to the host, by a target size
//! that the host sets, and by free page reporting whenever the guest has free pages.
//!
//! Queues: inflateq (0), deflateq (1), statsq (2), and the reporting queue (4, or 3 with drivers that
//! count only negotiated queues). Features: STATS_VQ for the guest's memory figures, DEFLATE_ON_OOM so
//! that a balloon never kills a guest's programs, PAGE_REPORTING where pages can be reclaimed. Not
//! offered: MUST_TELL_HOST (a deflated page is there again when touched), FREE_PAGE_HINT (for
//! migration), PAGE_POISON.

mod control;
mod device;
mod page_list;
mod reclaim;
mod statistics;

#[cfg(test)]
mod tests;

pub use control::{BalloonControl, TargetError};
pub use device::Balloon;
