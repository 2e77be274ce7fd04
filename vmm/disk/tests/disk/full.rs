//! Writes to a full file system of the host.

use crate::support::*;
use oriel_disk::is_no_space;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// File system of limited size that only this thread sees, until the end of the test.
struct SmallFileSystem(CString);

impl SmallFileSystem {
    /// Mounts a tmpfs of `len` bytes on the new folder `at`; `None` where mounting is not allowed.
    fn mount(at: &Path, len: u64) -> Option<Self> {
        std::fs::create_dir(at).unwrap();
        let target = CString::new(at.as_os_str().as_bytes()).unwrap();
        let options = CString::new(format!("size={len}")).unwrap();
        let (tmpfs, root, none) = (c"tmpfs".as_ptr(), c"/".as_ptr(), std::ptr::null());
        // SAFETY: unshare takes no pointers, and mount gets strings that outlive it.
        let mounted = unsafe {
            libc::unshare(libc::CLONE_NEWNS) == 0
                && libc::mount(none, root, none, libc::MS_REC | libc::MS_PRIVATE, none.cast()) == 0
                && libc::mount(tmpfs, target.as_ptr(), tmpfs, 0, options.as_ptr().cast()) == 0
        };
        if !mounted {
            println!("skipped: only root may mount a file system");
        }
        mounted.then_some(Self(target))
    }
}

impl Drop for SmallFileSystem {
    fn drop(&mut self) {
        // SAFETY: the string outlives the call.
        unsafe { libc::umount2(self.0.as_ptr(), libc::MNT_DETACH) };
    }
}

#[test]
fn a_write_that_found_no_room_can_be_repeated() {
    let folder = Folder::new();
    let small = folder.path("small");
    let Some(_mounted) = SmallFileSystem::mount(&small, 6 << 20) else { return };
    let below = XorShift(12).bytes(8 << 20);
    let base = folder.raw("base.raw", &below);
    let overlay = folder.qcow2("small/overlay.qcow2", 16 << 20, Some(&base));
    let filler = small.join("filler");
    let layers = [overlay.clone(), base];
    let disk = open(&layers);
    let data = XorShift(13).bytes(4 << 20);
    disk.write(0, &data[..1 << 20]).unwrap();
    std::fs::write(&filler, vec![0; 4 << 20]).unwrap_or_default();
    for _ in 0..20 {
        let error = disk.write(0, &data).unwrap_err();
        assert!(is_no_space(&error), "{error}");
    }
    assert!(read(&disk, 0, 1 << 20) == data[..1 << 20], "what was there went away");
    assert!(read(&disk, 5 << 20, 1 << 20) == below[5 << 20..6 << 20]);
    disk.flush().unwrap();
    std::fs::remove_file(&filler).unwrap();
    disk.write(0, &data).unwrap();
    drop(disk);
    let disk = open(&layers);
    assert!(read(&disk, 0, 4 << 20) == data);
    assert!(read(&disk, 4 << 20, 4 << 20) == below[4 << 20..]);
    drop(disk);
    assert_clean(&overlay);
}

#[test]
fn room_that_waits_to_be_free_is_found_before_anybody_is_told() {
    let folder = Folder::new();
    let Some(_mounted) = SmallFileSystem::mount(&folder.path("small"), 6 << 20) else { return };
    let image = folder.qcow2("small/disk.qcow2", 64 << 20, None);
    let disk = open(std::slice::from_ref(&image));
    let data = XorShift(14).bytes(4 << 20);
    for round in 0..8 {
        disk.write(round * (4 << 20), &data).unwrap();
        disk.discard(round * (4 << 20)..(round + 1) * (4 << 20)).unwrap();
    }
}

#[test]
fn a_file_that_may_not_grow_counts_as_a_full_disk() {
    for errno in [libc::ENOSPC, libc::EDQUOT, libc::EFBIG] {
        assert!(is_no_space(&std::io::Error::from_raw_os_error(errno)), "{errno}");
    }
    assert!(!is_no_space(&std::io::Error::from_raw_os_error(libc::EIO)));
}
