//! The jail around one desktop's processes, part by part, each in its own file.
//!
//! A process is jailed in two steps. Whoever starts it calls [`Spawn::start`]: the new process
//! begins in its own [`namespaces`], with the [`descriptors`] that it is handed and an empty
//! environment. It then calls [`enter`] with a [`Plan`] before it looks at a byte that is not
//! trusted: [`root`], [`limits`], [`capabilities`], [`identity`], [`landlock`] and [`seccomp`] are
//! put up in that order, each being what the next one needs to be done before it. Threads narrow
//! themselves further by [`seccomp::apply_thread_filter`] as they start.
//!
//! Every part that this host does not give is told in the [`Jail`] report; the others are put up
//! all the same.

pub mod capabilities;
pub mod cgroup;
pub mod descriptors;
pub mod environment;
pub mod identity;
pub mod landlock;
pub mod limits;
pub mod namespaces;
pub mod packets;
mod plan;
pub mod root;
pub mod seccomp;
mod spawn;

pub use oriel_vmm_api::{Jail, JailPart};
pub use plan::{Plan, enter};
pub use spawn::{Child, Ending, Spawn, Started};
