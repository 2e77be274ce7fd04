#![no_main]
//! A kernel and an initrd out of an image that somebody else made.

use libfuzzer_sys::fuzz_target;
use oriel_fuzz::kernel;

fuzz_target!(|bytes: &[u8]| kernel::load(bytes));
