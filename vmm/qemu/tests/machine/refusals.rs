//! Starts that cannot succeed: each returns one plain sentence and leaves no process.

use crate::bench::{Bench, Folder, config};
use oriel_qemu::StartError;
use oriel_vmm_api::{Disk, DiskFormat, HugePages, Layer, RateLimit};
use std::fs;
use std::path::PathBuf;

fn refusal(folder: Folder, config: &oriel_vmm_api::MachineConfig) -> StartError {
    Bench::start_with(folder, config).err().expect("it started")
}

#[test]
fn a_missing_kernel_and_a_missing_disk_are_named() {
    let folder = Folder::new();
    let wanted = config(&folder, "/nonexistent/vmlinuz".into(), "");
    let text = refusal(folder, &wanted).to_string();
    assert!(text.contains("kernel /nonexistent/vmlinuz"), "{text}");

    let folder = Folder::new();
    let mut wanted = config(&folder, PathBuf::new(), "");
    wanted.disks = vec![Disk { path: "/nonexistent/disk.raw".into(), read_only: false, ..Disk::default() }];
    let text = refusal(folder, &wanted).to_string();
    assert!(text.contains("disk /nonexistent/disk.raw"), "{text}");
}

#[test]
fn a_kernel_that_is_none_is_refused_with_qemus_reason() {
    let folder = Folder::new();
    let kernel = folder.0.join("kernel");
    fs::write(&kernel, "this is no kernel").unwrap();
    let wanted = config(&folder, kernel, "");
    let error = refusal(folder, &wanted);
    assert!(matches!(error, StartError::ExitedAtOnce(_)), "{error:?}");
    assert!(error.to_string().contains("kernel"), "{error}");
}

#[test]
fn a_disk_cannot_be_in_two_machines() {
    let folder = Folder::new();
    let disk = folder.0.join("disk.raw");
    fs::File::create(&disk).unwrap().set_len(1 << 20).unwrap();
    let mut wanted = config(&folder, PathBuf::new(), "");
    wanted.disks = vec![Disk { path: disk.clone(), read_only: false, ..Disk::default() }];
    let _first = Bench::start_with(folder, &wanted).unwrap();
    let error = refusal(Folder::new(), &wanted);
    assert!(matches!(&error, StartError::DiskInUse(path) if *path == disk), "{error:?}");
}

#[test]
fn a_disk_of_layers_shares_its_base_and_refuses_what_would_open_other_files() {
    let folder = Folder::new();
    let base = folder.0.join("base.raw");
    fs::File::create(&base).unwrap().set_len(1 << 20).unwrap();
    let overlay = |name: &str| {
        let path = folder.0.join(name);
        let backing = oriel_disk::BackingFile { name: "/nonexistent/base", format: DiskFormat::Raw };
        oriel_disk::create_overlay(fs::File::create(&path).unwrap(), 1 << 20, Some(backing)).unwrap();
        let backing = vec![Layer { path: base.clone(), format: DiskFormat::Raw }];
        let limit = RateLimit { bytes: Some(1 << 20), operations: Some(100) };
        Disk { path, format: DiskFormat::Qcow2, backing, limit, ..Disk::default() }
    };
    let (one, other, mut bad) = (overlay("one.qcow2"), overlay("other.qcow2"), overlay("bad.qcow2"));
    let mut wanted = config(&folder, PathBuf::new(), "");
    wanted.disks = vec![one];
    let _first = Bench::start_with(Folder::new(), &wanted).unwrap();
    wanted.disks = vec![other];
    let _second = Bench::start_with(Folder::new(), &wanted).unwrap();

    wanted.disks = vec![bad.clone()];
    // An external data file, by its header.
    let file = fs::File::options().write(true).open(&bad.path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[1 << 2], 79).unwrap();
    let text = refusal(Folder::new(), &wanted).to_string();
    assert!(text.contains("bad.qcow2") && text.contains("external data file"), "{text}");
    bad.backing.clear();
    wanted.disks = vec![bad];
    assert!(matches!(refusal(Folder::new(), &wanted), StartError::Image { .. }));
}

#[test]
fn more_memory_than_there_can_be_is_refused() {
    let folder = Folder::new();
    let mut wanted = config(&folder, PathBuf::new(), "");
    wanted.memory_mib = u32::MAX;
    let error = refusal(folder, &wanted);
    assert!(matches!(error, StartError::Memory(_)), "{error:?}");
}

#[test]
fn reserved_pages_that_are_not_there_are_named() {
    let folder = Folder::new();
    let mut wanted = config(&folder, PathBuf::new(), "");
    wanted.huge_pages = HugePages::Reserved;
    // A tebibyte: more than a host that runs tests has set aside.
    wanted.memory_mib = 1 << 20;
    let error = refusal(folder, &wanted);
    assert!(error.to_string().contains("vm.nr_hugepages"), "{error:?}");
}

#[test]
fn a_generation_that_is_none_is_refused() {
    for text in ["", "0123", "000102030405060708090a0b0c0d0e0g"] {
        let folder = Folder::new();
        let mut wanted = config(&folder, PathBuf::new(), "");
        wanted.generation = Some(text.to_owned());
        let error = refusal(folder, &wanted).to_string();
        assert!(error.contains("32 hexadecimal digits"), "{error}");
    }
}

#[test]
fn a_machine_without_processors_is_refused() {
    let folder = Folder::new();
    let mut wanted = config(&folder, PathBuf::new(), "");
    wanted.cpus = 0;
    assert!(matches!(refusal(folder, &wanted), StartError::Config(_)));
}
