use super::*;

fn advised(huge_pages: HugePages, share: bool) -> GuestRam {
    allocate(64, Backing { huge_pages, share, large_pages_free: 0 }).unwrap()
}

/// `VmFlags` of the mapping that holds the guest's memory (proc_pid_smaps(5)).
fn flags(ram: &GuestRam) -> String {
    let address = host_ranges(ram)[0].start;
    let holds = |line: &str| {
        let (start, end) = line.split(' ').next()?.split_once('-')?;
        let bound = |text| u64::from_str_radix(text, 16).ok();
        Some((bound(start)?..bound(end)?).contains(&address))
    };
    let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut lines = smaps.lines().skip_while(|line| holds(line) != Some(true));
    lines.find_map(|line| line.strip_prefix("VmFlags:")).unwrap().to_owned() + " "
}

#[test]
fn ram_goes_around_the_hole() {
    assert_eq!(ranges(1 << 30), [(0, 1 << 30)]);
    assert_eq!(ranges(3 << 30), [(0, 3 << 30)]);
    assert_eq!(ranges(4 << 30), [(0, 3 << 30), (4 << 30, 1 << 30)]);
}

#[test]
fn too_small_and_too_large_are_refused() {
    let refused = |mib| allocate(mib, Backing::default()).unwrap_err();
    assert!(matches!(refused(63), MemoryError::TooSmall(63)));
    assert!(matches!(refused(u32::MAX), MemoryError::LargerThanHost { .. }));
}

#[test]
fn cleared_memory_is_zero() {
    let ram = advised(HugePages::Advise, false);
    ram.write_obj(0xDEAD_BEEFu32, GuestAddress(0x10_0000)).unwrap();
    clear(&ram).unwrap();
    assert_eq!(ram.read_obj::<u32>(GuestAddress(0x10_0000)).unwrap(), 0);
}

#[test]
fn the_host_is_told_how_to_back_the_memory() {
    let usual = flags(&advised(HugePages::Advise, false));
    assert!(usual.contains(" dd "), "never in a core dump: {usual}");
    assert!(!usual.contains(" mg "), "not shared unless asked for: {usual}");
    if std::path::Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
        assert!(usual.contains(" hg "), "{usual}");
        assert!(flags(&advised(HugePages::Never, false)).contains(" nh "));
    }
    if std::path::Path::new("/sys/kernel/mm/ksm").exists() {
        assert!(flags(&advised(HugePages::Advise, true)).contains(" mg "));
    }
}

#[test]
fn reserved_pages_are_whole_and_there_or_refused_with_what_to_do() {
    let reserved =
        |mib| allocate(mib, Backing { huge_pages: HugePages::Reserved, share: false, large_pages_free: 0 });
    assert!(matches!(reserved(65), Err(MemoryError::Odd(65))));
    // More than any host that runs this has set aside, and less than it has.
    let much = u32::try_from(crate::host::memory_mib()).unwrap_or(u32::MAX) & !1;
    let error = reserved(much).unwrap_err();
    assert!(matches!(error, MemoryError::TooFewReserved { wanted, .. } if wanted == much), "{error}");
    assert!(error.to_string().contains("vm.nr_hugepages"), "{error}");
}
