//! Jail around the processes of a desktop: namespaces, root folder, limits, capabilities, identity,
//! Landlock and seccomp, one module per part.
//!
//! The supervisor calls [`Spawn::start`], which starts a process in new namespaces with selected
//! descriptors and an empty environment. Before any untrusted input, that process calls [`enter`]
//! with a [`Plan`]; each thread then calls [`seccomp::apply_thread_filter`]. A part that this host
//! lacks is reported in [`Jail`], and the other parts are applied. No knowledge of machines is here.

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
pub use spawn::{Child, ExitStatus, Spawn, Started};
