#![no_main]
//! A disk image that somebody else made: looked at, checked, read, and written to as a guest would.

use libfuzzer_sys::fuzz_target;
use oriel_fuzz::image;

fuzz_target!(|bytes: &[u8]| {
    if let Some((kind, rest)) = bytes.split_first() {
        match kind % 2 {
            0 => image::whole(rest),
            _ => image::changed(rest),
        }
    }
});
