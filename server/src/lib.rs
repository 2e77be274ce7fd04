//! Oriel's server: the control plane and the gateway between browsers and desktops.
//!
//! | module | contents |
//! |---|---|
//! | [`cli`] | the commands of `oriel` |
//! | [`config`] | the configuration file |
//! | [`serve`] | construction and end of the server |
//! | [`state`] | the state folder: database, certificate, locks |
//! | [`changes`] | changes of rights that open connections follow |
//! | [`pools`] | pools, entitlements and redirection policies |
//! | [`users`] | settings of users |
//! | [`desktops`] | desktops of users, commands to their host, and the mirror of its statuses |
//! | [`gateway`] | streams between a browser's WebSocket and a machine |
//! | [`web`] | the HTTP API and the web client's files |
//! | [`listener`] | ports, TLS and connections |
//! | [`metrics`], [`latency`] | counters in Prometheus' text format |
//! | [`programs`] | paths of `oriel-vmm`, the web client and the recipes |
//! | `retention` | removal of old entries of the audit log |
//! | [`doctor`] | checks of the host before desktops run on it |
//!
//! Machines' sockets, disks and images belong to `oriel-host`; passwords and sessions to `oriel-auth`.

pub mod changes;
pub mod cli;
pub mod config;
pub mod desktops;
pub mod doctor;
pub mod gateway;
pub mod latency;
pub mod listener;
pub mod metrics;
pub mod pools;
pub mod programs;
mod retention;
mod rfc3339;
pub mod serve;
pub mod state;
pub mod users;
pub mod web;
