//! Oriel's server: people, their desktops, and the way from a browser to a desktop.
//!
//! | folder | holds |
//! |---|---|
//! | [`cli`] | the commands of `oriel` |
//! | [`config`] | the configuration file |
//! | [`state`] | the state folder: database, locks, where things lie |
//! | [`people`] | settings and pools |
//! | [`images`] | what desktops start from |
//! | [`network`] | what desktops can reach |
//! | [`desktops`] | a desktop's life: one task each |
//! | [`gateway`] | WebSocket to machine and back |
//! | [`web`] | the HTTP API and the web client's files |
//! | [`listener`] | ports, TLS, connections |
//! | [`doctor`] | is this host fit? |

pub mod cli;
pub mod config;
pub mod desktops;
pub mod doctor;
pub mod gateway;
pub mod images;
pub mod latency;
pub mod listener;
pub mod metrics;
pub mod network;
pub mod people;
pub mod programs;
pub mod serve;
pub mod state;
pub mod web;
