//! Oriel's server: users, their desktops, and the way from a browser to a desktop.
//!
//! | folder | holds |
//! |---|---|
//! | [`cli`] | the commands of `oriel` |
//! | [`config`] | the configuration file |
//! | [`state`] | the state folder: database, locks, where things lie |
//! | [`pools`] | pools, entitlements and redirection policies |
//! | [`users`] | settings of users |
//! | [`desktops`] | whose desktops they are, and what their host tells of them |
//! | [`gateway`] | WebSocket to machine and back |
//! | [`web`] | the HTTP API and the web client's files |
//! | [`listener`] | ports, TLS, connections |
//! | [`doctor`] | is this host fit? |

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
pub mod serve;
pub mod state;
pub mod users;
pub mod web;
