//! Oriel.
fn main() {}
