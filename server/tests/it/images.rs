//! `oriel image` as people type it, with qemu-img's disks.

use crate::command_line::{ok, oriel, refused};
use crate::fixture::{House, desktop_of, unplug, until, write_kernel};
use crate::machine;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder with an empty state, a kernel, and a configuration that names the machine program.
struct Place {
    dir: tempfile::TempDir,
    config: String,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        write_kernel(&dir.path().join("kernel"));
        let vmm = machine::install(dir.path());
        let config = dir.path().join("oriel.toml");
        std::fs::write(&config, format!("vmm = {vmm:?}\n")).unwrap();
        Self { config: config.to_str().unwrap().to_owned(), dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn state(&self) -> PathBuf {
        self.path("state")
    }

    fn words<'a>(&'a self, words: &[&'a str]) -> Vec<&'a str> {
        [&["--config", &self.config], words].concat()
    }

    fn ok(&self, words: &[&str]) -> String {
        ok(&self.state(), &self.words(words), "")
    }

    fn refused(&self, words: &[&str]) -> String {
        let text = refused(&self.state(), &self.words(words), "");
        assert_eq!(text.lines().count(), 1, "{text}");
        text
    }

    fn qemu_img(&self, words: &[&str]) {
        let done =
            Command::new("qemu-img").args(words).current_dir(self.dir.path()).stdout(Stdio::null()).status();
        assert!(done.unwrap().success(), "{words:?}");
    }

    fn files(&self, folder: &str) -> usize {
        std::fs::read_dir(self.state().join("images").join(folder)).map_or(0, Iterator::count)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn disks_of_both_formats_come_in_and_are_what_they_were() {
    let place = Place::new();
    let (raw, qcow2) = (place.path("disk.raw"), place.path("disk.qcow2"));
    std::fs::write(&raw, vec![7; 3 << 20]).unwrap();
    place.qemu_img(&["convert", "-O", "qcow2", "disk.raw", "disk.qcow2"]);
    let kernel = place.path("kernel");
    place.ok(&["image", "import", "one", "--disk", text(&raw), "--format", "raw", "--kernel", text(&kernel)]);
    place.ok(&["image", "import", "two", "--disk", text(&qcow2)]);
    let listed = place.ok(&["image", "list"]);
    assert!(listed.contains("one: version 1, disk of 3 MiB (raw)"), "{listed}");
    assert!(listed.contains("two: version 1, disk of 3 MiB (qcow2)"), "{listed}");
    assert_eq!(place.ok(&["image", "verify"]), "one: version 1 is whole\ntwo: version 1 is whole\n");
    let again = place.ok(&[
        "image",
        "import",
        "one",
        "--disk",
        text(&raw),
        "--format",
        "raw",
        "--kernel",
        text(&kernel),
    ]);
    assert!(again.ends_with("one was already version 1\n"), "{again}");
    let newer = place.ok(&["image", "import", "one", "--disk", text(&qcow2), "--kernel", text(&kernel)]);
    assert!(newer.ends_with("one is now version 2\n"), "{newer}");
    // The raw disk had one version, on which nobody stands.
    assert_eq!(place.files("blobs/sha256tree"), 2);
    place.ok(&["image", "remove", "one"]);
    place.ok(&["image", "remove", "two"]);
    assert_eq!(place.files("blobs/sha256tree"), 0);
}

/// What each kind of file begins with, at its offset; `None` stands for the last sector.
const FOREIGN: &[(&str, Option<usize>, &[u8], &str)] = &[
    ("server.vmdk", Some(0), b"KDMV\x01\0\0\0", "qemu-img convert -f vmdk -O qcow2"),
    ("esx.vmdk", Some(0), b"COWD\x01\0\0\0", "qemu-img convert -f vmdk -O qcow2"),
    ("flat.vmdk", Some(0), b"# Disk DescriptorFile\nversion=1\n", "qemu-img convert -f vmdk -O qcow2"),
    ("box.vdi", Some(0x40), &[0x7F, 0x10, 0xDA, 0xBE], "qemu-img convert -f vdi -O qcow2"),
    ("dynamic.vhd", Some(0), b"conectix", "qemu-img convert -f vpc -O qcow2"),
    ("fixed.vhd", None, b"conectix", "qemu-img convert -f vpc -O qcow2"),
    ("new.vhdx", Some(0), b"vhdxfile", "qemu-img convert -f vhdx -O qcow2"),
    ("old.qed", Some(0), b"QED\0", "qemu-img convert -f qed -O qcow2"),
    ("old.qcow", Some(0), b"QFI\xFB\0\0\0\x01", "qemu-img convert -f qcow -O qcow2"),
    ("mac.hdd", Some(0), b"WithoutFreeSpace", "qemu-img convert -f parallels -O qcow2"),
    ("setup.iso", Some(0x8001), b"CD001", "installation medium"),
    ("disk.gz", Some(0), &[0x1F, 0x8B, 8], "gunzip"),
    ("disk.xz", Some(0), b"\xFD7zXZ\0", "unxz"),
    ("disk.zst", Some(0), &[0x28, 0xB5, 0x2F, 0xFD], "unzstd"),
    ("disk.bz2", Some(0), b"BZh91AY&SY", "bunzip2"),
    ("disk.zip", Some(0), b"PK\x03\x04", "unzip"),
    ("disk.7z", Some(0), b"7z\xBC\xAF\x27\x1C", "7z x"),
    ("machine.ova", Some(257), b"ustar", "tar -xf"),
    ("vmlinuz", Some(0x202), b"HdrS", "--kernel"),
    ("zeros", Some(0), b"", "--format raw"),
];

#[test]
fn what_is_neither_raw_nor_qcow2_is_refused_with_the_command_that_converts_it() {
    let place = Place::new();
    for (name, at, bytes, says) in FOREIGN {
        let mut disk = vec![0; 1 << 20];
        // A boot sector too, as hybrid media and disks with a footer have one.
        disk[510..512].copy_from_slice(if *name == "zeros" { &[0, 0] } else { &[0x55, 0xAA] });
        let at = at.unwrap_or(disk.len() - 512);
        disk[at..at + bytes.len()].copy_from_slice(bytes);
        let path = place.path(name);
        std::fs::write(&path, disk).unwrap();
        let error = place.refused(&["image", "import", "vm", "--disk", text(&path)]);
        assert!(error.contains(says) && error.contains(name), "{name}: {error}");
    }
    assert_eq!((place.files("blobs/sha256tree"), place.files("versions")), (0, 0));
}

#[test]
fn disks_as_other_hypervisors_write_them_are_refused_too() {
    let place = Place::new();
    place.qemu_img(&["create", "-q", "-f", "raw", "disk.raw", "1M"]);
    for (format, option) in [
        ("vmdk", "subformat=monolithicSparse"),
        ("vmdk", "subformat=streamOptimized"),
        ("vdi", "static=off"),
        ("vpc", "subformat=dynamic"),
        ("vpc", "subformat=fixed"),
        ("vhdx", "subformat=dynamic"),
        ("qed", "cluster_size=65536"),
        ("parallels", "cluster_size=1048576"),
    ] {
        place.qemu_img(&["convert", "-O", format, "-o", option, "disk.raw", "disk"]);
        let error = place.refused(&["image", "import", "vm", "--disk", text(&place.path("disk"))]);
        let command = format!("qemu-img convert -f {format} -O qcow2 ");
        assert!(error.contains(&command), "{format} with {option}: {error}");
    }
}

#[test]
fn a_blob_that_was_changed_is_found() {
    let place = Place::new();
    place.ok(&["image", "import", "bench", "--kernel", text(&place.path("kernel")), "--runs-at", "user"]);
    let blobs = place.state().join("images/blobs/sha256tree");
    let blob = std::fs::read_dir(blobs).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&blob).unwrap();
    assert!(std::fs::metadata(&blob).unwrap().permissions().readonly());
    bytes[30] ^= 1;
    std::fs::remove_file(&blob).unwrap();
    std::fs::write(&blob, bytes).unwrap();
    let output = oriel(&place.state(), &["image", "verify", "bench"], "");
    assert!(!output.status.success());
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("bench: version 1 is damaged") && told.contains("was changed"), "{told}");
}

#[test]
fn hostile_and_broken_disks_are_refused_and_leave_nothing() {
    let place = Place::new();
    place.qemu_img(&["create", "-q", "-f", "qcow2", "below.qcow2", "1M"]);
    place.qemu_img(&["create", "-q", "-f", "qcow2", "-b", "/etc/passwd", "-F", "raw", "thief.qcow2", "1M"]);
    let whole = std::fs::read(place.path("below.qcow2")).unwrap();
    std::fs::write(place.path("short.qcow2"), &whole[..40]).unwrap();
    std::fs::write(place.path("empty.raw"), "").unwrap();
    std::fs::create_dir(place.path("folder")).unwrap();
    for (disk, says) in [
        ("thief.qcow2", "flatten it with: qemu-img convert"),
        ("short.qcow2", "The disk is cut short."),
        ("empty.raw", "is empty"),
        ("absent.raw", "absent.raw cannot be used"),
        ("folder", "it is no file"),
    ] {
        let error = place.refused(&["image", "import", "x", "--disk", text(&place.path(disk))]);
        assert!(error.contains(says), "{disk}: {error}");
    }
    for folder in ["blobs/sha256tree", "incoming", "versions"] {
        assert_eq!(place.files(folder), 0, "{folder}");
    }
}

#[test]
fn an_import_that_is_interrupted_leaves_nothing() {
    let place = Place::new();
    let disk = place.path("disk.raw");
    std::fs::write(&disk, vec![7; 64 << 20]).unwrap();
    let mut import = Command::new(env!("CARGO_BIN_EXE_oriel"))
        .args(["--config", &place.config, "--state-dir", text(&place.state())])
        .args(["image", "import", "big", "--disk", text(&disk), "--format", "raw"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The first line of progress comes when the copy has begun.
    let mut told = std::io::BufReader::new(import.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut told, &mut line).unwrap();
    let pid = rustix::process::Pid::from_child(&import);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = import.wait_with_output().unwrap();
    if !output.status.success() {
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(error, "oriel: The operation was cancelled, and nothing was kept.\n");
        assert_eq!((place.files("blobs/sha256tree"), place.files("versions")), (0, 0));
    }
    assert_eq!(place.files("incoming"), 0);
}

#[test]
fn what_a_killed_import_left_goes_with_the_next() {
    let place = Place::new();
    let kernel = place.path("kernel");
    place.ok(&["image", "list"]);
    let left = place.state().join("images/incoming/4711");
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join("disk"), "half").unwrap();
    place.ok(&["image", "import", "bench", "--kernel", text(&kernel)]);
    assert_eq!(place.files("incoming"), 0);
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let place = Place::new();
    let small = place.state();
    std::fs::create_dir(&small).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(&small).output();
    if !mounted.is_ok_and(|mounted| mounted.status.success()) {
        eprintln!("not run: only root can mount a small disk");
        return;
    }
    let disk = place.path("disk.raw");
    std::fs::write(&disk, vec![7; 8 << 20]).unwrap();
    let output = oriel(
        &small,
        &place.words(&["image", "import", "big", "--disk", text(&disk), "--format", "raw"]),
        "",
    );
    let left = (place.files("blobs/sha256tree"), place.files("versions"), place.files("incoming"));
    assert!(Command::new("umount").arg(&small).status().unwrap().success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("There is no room for the image") && error.contains("Nothing of it was kept"),
        "{error}"
    );
    assert_eq!(left, (0, 0, 0));
}

#[test]
fn a_folder_in_the_store_is_no_image() {
    let place = Place::new();
    let folder = place.state().join("images/debian");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        folder.join("image.toml"),
        "name = \"debian\"\nkernel = \"vmlinuz\"\nruns_at = \"kernel\"\n",
    )
    .unwrap();
    std::fs::copy(place.path("kernel"), folder.join("vmlinuz")).unwrap();
    assert_eq!(place.ok(&["image", "list"]), "");
    assert!(folder.join("vmlinuz").exists());
}

#[test]
fn a_recipe_s_result_becomes_a_version() {
    let place = Place::new();
    let recipe = place.path("recipe");
    std::fs::create_dir(&recipe).unwrap();
    let script = format!(
        "#!/bin/sh\nmkdir -p \"$2\" && cp {} \"$2/vmlinuz\" && echo progress 50 half\n\
         printf 'name = \"r\"\\nkernel = \"vmlinuz\"\\nruns_at = \"kernel\"\\nbuilt = \"2026-01-01T00:00:00Z\"\\n' > \"$2/image.toml\"\n",
        place.path("kernel").display()
    );
    std::fs::write(recipe.join("build.sh"), script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(recipe.join("build.sh"), mode).unwrap();
    let told = place.ok(&["image", "build", "r", "--from", text(&recipe)]);
    assert_eq!(told, " 50 percent: half\nr is now version 1\n");
    assert!(place.ok(&["image", "list"]).starts_with("r: version 1, built 2026-01-01T00:00:00Z"));
}

// The server deletes the user's desktops while the command waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_in_use_is_not_removed_and_its_users_are_named() {
    let house = House::new("").await;
    let server = house.open().await;
    let ada = server.user("ada").await;
    let desktop = desktop_of(&ada).await;
    ada.post(&format!("{desktop}/start"), "").await;
    until(&ada, &desktop, "running").await;
    unplug(&ada, &desktop).await;
    let state = house.state().root().to_owned();
    let by_pool = refused(&state, &["image", "remove", "small"], "");
    assert!(by_pool.contains("the pool desk starts its desktops from it"), "{by_pool}");
    write_kernel(&house.path().join("kernel"));
    ok(&state, &["image", "import", "other", "--kernel", text(&house.path().join("kernel"))], "");
    ok(&state, &["pool", "set", "desk", "--image", "other"], "");
    let by_desktop = refused(&state, &["image", "remove", "small"], "");
    assert!(by_desktop.contains("ada's desktop of the pool desk"), "{by_desktop}");
    ok(&state, &["user", "remove", "ada", "--with-desktops"], "");
    ok(&state, &["image", "remove", "small"], "");
    server.close().await;
}
