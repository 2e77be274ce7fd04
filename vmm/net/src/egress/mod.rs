//! Egress filter between a guest and passt: a process that drops frames which no egress rule allows.
//!
//! passt connects wherever the guest's frames say, with sockets of the host. The filter stands before it:
//! `packet` reads what a frame is for, `policy` decides, `host_routes` asks the host's kernel which addresses are
//! the host's own at that moment, and `relay` moves the frames.

mod host_routes;
mod packet;
mod policy;
mod relay;

pub use host_routes::HostRoutes;
pub use policy::EgressPolicy;
pub use relay::EgressFilter;
