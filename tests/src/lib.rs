//! Shared pieces of the tests and benchmarks that look at Oriel from outside.

pub mod figure;
pub mod line;
pub mod scene_source;
pub mod typist;
