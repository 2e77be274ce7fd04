//! Rate limits, and writes that wait for space on the host.

use super::*;

#[test]
fn a_disk_does_no_more_than_its_limits_allow() {
    let file = image();
    let disk = raw(OpenOptions::new().read(true).write(true).open(file.as_path()).unwrap(), false);
    let mut guest = guest_with(disk, RateLimit { bytes: None, operations: Some(20) });
    let start = Instant::now();
    for _ in 0..30 {
        assert_eq!(guest.status(READ, 0, &[], 512), OK);
    }
    // 20 at once and 10 more in half a second; a slow machine may take longer.
    assert!(start.elapsed() >= Duration::from_millis(490), "{:?}", start.elapsed());
    assert!((1..=10).contains(&guest.counters.block_throttled.get()));
    // A reset does not fill the bucket again.
    guest.block.reset();
    guest.driver = TestDriver::new(&guest.driver.memory, 0x20_0000, 64);
    guest.activate(FEATURE_FLUSH);
    let throttled = guest.counters.block_throttled.get();
    for _ in 0..10 {
        assert_eq!(guest.status(READ, 0, &[], 512), OK);
    }
    assert!(guest.counters.block_throttled.get() > throttled);
}

/// File system of limited size that only this thread sees, until the end of the test.
struct SmallFileSystem(std::ffi::CString);

impl SmallFileSystem {
    /// Mounts a tmpfs of 1 MiB on `folder`; `None` where mounting is not allowed.
    fn mount(folder: &Path) -> Option<Self> {
        let target = std::ffi::CString::new(folder.as_os_str().as_encoded_bytes()).unwrap();
        let (tmpfs, root, none) = (c"tmpfs".as_ptr(), c"/".as_ptr(), std::ptr::null());
        // SAFETY: the strings outlive the calls.
        let mounted = unsafe {
            libc::unshare(libc::CLONE_NEWNS) == 0
                && libc::mount(none, root, none, libc::MS_REC | libc::MS_PRIVATE, none.cast()) == 0
                && libc::mount(tmpfs, target.as_ptr(), tmpfs, 0, c"size=1M".as_ptr().cast()) == 0
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
fn a_write_waits_for_room_on_the_host_and_is_done_when_there_is_some() {
    let folder = vmm_sys_util::tempdir::TempDir::new_with_prefix("/tmp/oriel-block-test-").unwrap();
    let Some(_mounted) = SmallFileSystem::mount(folder.as_path()) else { return };
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create_new(true).open(folder.as_path().join("disk")).unwrap();
    file.set_len(4 << 20).unwrap();
    let filler = folder.as_path().join("filler");
    std::fs::write(&filler, vec![1; 700 << 10]).unwrap();
    let held = file.try_clone().unwrap();
    let mut guest = guest_with(raw(file, false), RateLimit::default());
    assert_eq!(guest.status(WRITE, 0, &[1; 4096], 0), OK);
    let data: Vec<u8> = (0..600 << 10).map(|i| (i / 999) as u8).collect();
    let sent = guest.driver.send(&[&header(WRITE, 0), &data], &[1]);
    guest.block.queue_notified(0);
    let full = |guest: &Guest| {
        guest.disk_full_events.lock().iter().filter(|event| **event == DiskFullEvent::NoSpace).count()
    };
    let start = Instant::now();
    // It is tried again, and said again.
    while full(&guest) < 2 {
        assert!(start.elapsed() < Duration::from_secs(20));
        std::thread::yield_now();
    }
    // Reads go on meanwhile.
    assert_eq!(guest.request(READ, 4096, &[], 512), (OK, vec![0; 512]));
    std::fs::remove_file(&filler).unwrap();
    assert_eq!(guest.await_used(1)[0].0, sent.head);
    assert_eq!(guest.driver.written(&sent), [OK]);
    assert_eq!(guest.counters.block_no_space.get(), 1);
    assert_eq!(guest.counters.block_errors.get(), 0, "the guest was told of it");
    assert_eq!(guest.disk_full_events.lock().last(), Some(&DiskFullEvent::Resolved));
    let mut after = vec![0; data.len()];
    std::os::unix::fs::FileExt::read_exact_at(&held, &mut after, 0).unwrap();
    assert!(after == data);

    // A reset forgets a request that waits, and the machine may go on.
    std::fs::write(&filler, vec![1; 300 << 10]).unwrap();
    guest.driver.send(&[&header(WRITE, 4096), &data], &[1]);
    let before = full(&guest);
    guest.block.queue_notified(0);
    while full(&guest) == before {
        assert!(start.elapsed() < Duration::from_secs(40));
        std::thread::yield_now();
    }
    guest.block.reset();
    drop(guest.block);
    assert_eq!(guest.disk_full_events.lock().last(), Some(&DiskFullEvent::Resolved));
    assert_eq!(guest.driver.used(), []);
}
