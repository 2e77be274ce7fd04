//! Checks that nasm is there: without it openh264 is built without its assembly.

use std::process::{Command, Stdio};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=OPENH264_NO_ASM");
    println!("cargo::rerun-if-env-changed=PATH");
    if std::env::var("CARGO_CFG_TARGET_ARCH").as_deref() != Ok("x86_64") {
        return;
    }
    if std::env::var_os("OPENH264_NO_ASM").is_some() {
        println!("cargo::error=OPENH264_NO_ASM is set: unset it, H.264 would be several times slower.");
    }
    let nasm = Command::new("nasm").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !nasm.is_ok_and(|status| status.success()) {
        println!(
            "cargo::error=nasm is missing: install it (apt install nasm), run `cargo clean -p openh264-sys2`, build again."
        );
    }
}
