//! Locks of images: one writer or several readers, also between Oriel and QEMU.

use crate::support::*;
use oriel_disk::ImageError;

fn in_use(layers: &[Image], read_only: bool) -> bool {
    match open_now(layers, read_only) {
        Ok(_) => false,
        Err((_, ImageError::InUse)) => true,
        Err((place, error)) => panic!("image {place}: {error}"),
    }
}

#[test]
fn a_base_is_shared_and_an_overlay_is_not() {
    let folder = Folder::new();
    let base = folder.raw("base.raw", &[1; 1 << 20]);
    let [one, other] = ["one", "other"].map(|name| folder.qcow2(name, 1 << 20, Some(&base)));
    let [one, other] = [one, other].map(|overlay| [overlay, base.clone()]);
    let first = open(&one);
    // The base is only read.
    drop(open(&other));
    assert!(in_use(&one, false) && in_use(&one, true));
    assert!(in_use(std::slice::from_ref(&base), false), "a base that is in use was written to");
    drop(first);
    drop(open(&one));
    let writer = open(std::slice::from_ref(&base));
    assert!(in_use(&one, false), "a base that is being written to was used");
    drop(writer);
}

#[test]
fn qemu_shares_what_is_only_read_and_stays_away_from_what_is_written() {
    let folder = Folder::new();
    let base = folder.raw("base.raw", &[1; 1 << 20]);
    let overlay = folder.qcow2("overlay.qcow2", 1 << 20, Some(&base));
    let disk = open(&[overlay.clone(), base.clone()]);
    let io = |image: &Image, format, option: &[&str], command| {
        let words = [option, &["-f", format, "-c", command, image.path.to_str().unwrap()]].concat();
        qemu("qemu-io", &words).map(|output| (output.status.success(), output))
    };
    let Some((shared, output)) = io(&base, "raw", &["-r"], "read -P 1 0 1M") else { return };
    assert!(shared, "{output:?}");
    for (image, format, option) in
        [(&base, "raw", &[][..]), (&overlay, "qcow2", &[][..]), (&overlay, "qcow2", &["-r"][..])]
    {
        let (opened, output) = io(image, format, option, "read 0 512").unwrap();
        assert!(!opened && String::from_utf8_lossy(&output.stderr).contains("lock"), "{output:?}");
    }
    drop(disk);
    let (opened, output) = io(&overlay, "qcow2", &[], "write -P 5 0 64k").unwrap();
    assert!(opened, "{output:?}");
    assert_eq!(read(&open(&[overlay, base]), 0, 4096), [5; 4096]);
}
