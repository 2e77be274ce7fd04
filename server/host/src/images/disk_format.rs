//! Recognition of a disk's format by the contents of its file, once, at the import.
//!
//! What is recognised is recorded in the image's version, and a disk is never probed again: a guest can write
//! any header to its raw disk, and a header can name files of the host.

use super::error::{ImageError, at};
use super::kernel::is_bz_image;
use oriel_vmm_api::DiskFormat;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Length in bytes of a sector, and of the footers of VHD and DMG.
const SECTOR: u64 = 512;

/// Place of a signature in a file.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// Offset from the beginning in bytes.
    At(u64),
    /// Beginning of the last sector.
    Footer,
}
use Place::{At, Footer};

/// What to do with a file that is neither a raw nor a qcow2 disk.
#[derive(Debug, Clone, Copy)]
enum Remedy {
    /// Convert by qemu-img, which knows the format by this name.
    Convert(&'static str),
    /// Unpack by this command and the file's name.
    Unpack(&'static str),
    /// Install from the medium.
    Install,
    /// Import as a kernel.
    Kernel,
}
use Remedy::{Convert, Unpack};

/// Signatures of formats that are no raw disks, each with the format's name.
const FOREIGN: &[(Place, &[u8], &str, Remedy)] = &[
    // QEMU's docs/interop/qcow2.rst: version 1 is the older format qcow.
    (At(0), b"QFI\xFB\0\0\0\x01", "a qcow disk of version 1", Convert("qcow")),
    (At(0), b"KDMV", "a VMDK disk", Convert("vmdk")),
    (At(0), b"COWD", "a VMDK disk", Convert("vmdk")),
    (At(0), b"# Disk DescriptorFile", "a VMDK disk", Convert("vmdk")),
    (At(0x40), &[0x7F, 0x10, 0xDA, 0xBE], "a VDI disk", Convert("vdi")),
    (At(0), b"vhdxfile", "a VHDX disk", Convert("vhdx")),
    (At(0), b"conectix", "a VHD disk", Convert("vpc")),
    (Footer, b"conectix", "a VHD disk", Convert("vpc")),
    (At(0), b"QED\0", "a QED disk", Convert("qed")),
    (At(0), b"WithoutFreeSpace", "a Parallels disk", Convert("parallels")),
    (At(0), b"WithouFreSpacExt", "a Parallels disk", Convert("parallels")),
    (At(0), b"Bochs Virtual HD Image", "a Bochs disk", Convert("bochs")),
    (Footer, b"koly", "a DMG disk", Convert("dmg")),
    (At(0x8001), b"CD001", "an ISO 9660 image, an installation medium", Remedy::Install),
    (At(0x8001), b"BEA01", "a UDF image, an installation medium", Remedy::Install),
    (At(0), &[0x1F, 0x8B], "a file compressed by gzip", Unpack("gunzip --keep")),
    (At(0), b"\xFD7zXZ\0", "a file compressed by xz", Unpack("unxz --keep")),
    (At(0), &[0x28, 0xB5, 0x2F, 0xFD], "a file compressed by zstd", Unpack("unzstd")),
    (At(0), b"BZh", "a file compressed by bzip2", Unpack("bunzip2 --keep")),
    (At(0), &[0x04, 0x22, 0x4D, 0x18], "a file compressed by lz4", Unpack("unlz4 --keep")),
    (At(0), b"PK\x03\x04", "a ZIP archive", Unpack("unzip")),
    (At(0), b"7z\xBC\xAF\x27\x1C", "a 7z archive", Unpack("7z x")),
    (At(0), b"Rar!\x1A\x07", "a RAR archive", Unpack("unrar x")),
    (At(257), b"ustar", "a tar archive, as an OVA is one", Unpack("tar -xf")),
];

/// Signatures of partition tables and file systems, by which a raw disk is recognised.
const RAW: &[(Place, &[u8])] = &[
    // A partition table of MBR, or the boot sector of FAT and NTFS.
    (At(510), &[0x55, 0xAA]),
    // GPT, with sectors of 512 and 4096 bytes.
    (At(512), b"EFI PART"),
    (At(4096), b"EFI PART"),
    // ext2, ext3, ext4.
    (At(0x438), &[0x53, 0xEF]),
    (At(0), b"XFSB"),
    (At(0x1_0040), b"_BHRfS_M"),
    // F2FS, EROFS, squashfs.
    (At(0x400), &[0x10, 0x20, 0xF5, 0xF2]),
    (At(0x400), &[0xE2, 0xE1, 0xF5, 0xE0]),
    (At(0), b"hsqs"),
    // A physical volume of LVM.
    (At(512), b"LABELONE"),
];

/// Recognises the format of a disk's file; `stated` is what an administrator says it is, which decides.
/// `given` is the path in errors.
///
/// # Errors
/// [`ImageError::ForeignFormat`] with the command that converts, [`ImageError::UnknownFormat`], or the file
/// cannot be read.
pub(super) fn recognise(
    file: &File,
    given: &Path,
    stated: Option<DiskFormat>,
) -> Result<DiskFormat, ImageError> {
    if let Some(format) = stated {
        return Ok(format);
    }
    let has = |place, signature| has_signature(file, place, signature).map_err(at(given));
    let qcow2 = [b"QFI\xFB\0\0\0\x02", b"QFI\xFB\0\0\0\x03"];
    for version in qcow2 {
        if has(At(0), version)? {
            return Ok(DiskFormat::Qcow2);
        }
    }
    let foreign = |what, remedy| ImageError::ForeignFormat {
        disk: given.to_owned(),
        what,
        remedy: instruction(remedy, given),
    };
    let mut head = [0; 0x210];
    // Shorter files have no such signature.
    if file.read_exact_at(&mut head, 0).is_ok() && is_bz_image(&head) {
        return Err(foreign("a Linux kernel", Remedy::Kernel));
    }
    for (place, signature, what, remedy) in FOREIGN {
        if has(*place, signature)? {
            return Err(foreign(what, *remedy));
        }
    }
    for (place, signature) in RAW {
        if has(*place, signature)? {
            return Ok(DiskFormat::Raw);
        }
    }
    Err(ImageError::UnknownFormat(given.to_owned()))
}

/// Returns whether the bytes of a signature are at its place in the file.
fn has_signature(file: &File, place: Place, signature: &[u8]) -> io::Result<bool> {
    let offset = match place {
        At(offset) => Some(offset),
        Footer => file.metadata()?.len().checked_sub(SECTOR),
    };
    let Some(offset) = offset else { return Ok(false) };
    let mut found = vec![0; signature.len()];
    match file.read_exact_at(&mut found, offset) {
        Ok(()) => Ok(found == signature),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Words a remedy as a clause with the command for the file.
fn instruction(remedy: Remedy, given: &Path) -> String {
    let file = quoted(given);
    match remedy {
        Convert(name) => {
            let out = quoted(&given.with_extension("qcow2"));
            format!("convert it with: qemu-img convert -f {name} -O qcow2 {file} {out}")
        }
        Unpack(command) => format!("unpack it with: {command} {file}, and import the disk that comes out"),
        Remedy::Install => format!(
            "install from it onto a new disk and import that: qemu-img create -f qcow2 disk.qcow2 32G && \
             qemu-system-x86_64 -m 4096 -cdrom {file} -drive file=disk.qcow2,format=qcow2 (a medium that is \
             to run as the disk itself needs --format raw)"
        ),
        Remedy::Kernel => "give it with --kernel".to_owned(),
    }
}

/// Quotes a path for a shell where it needs that.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '+' | ',' | ':');
    if text.chars().all(plain) && !text.starts_with('-') {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// Makes a file of a MiB with a signature at an offset.
    fn file_with(dir: &tempfile::TempDir, offset: u64, signature: &[u8]) -> (File, PathBuf) {
        let path = dir.path().join("disk");
        std::fs::write(&path, vec![0; 1 << 20]).unwrap();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        file.write_all_at(signature, offset).unwrap();
        (file, path)
    }

    #[test]
    fn raw_disks_are_known_by_their_partition_table_or_file_system() {
        let dir = tempfile::tempdir().unwrap();
        for (place, signature) in RAW {
            let At(offset) = *place else { panic!("a raw disk has no footer") };
            let (file, path) = file_with(&dir, offset, signature);
            assert_eq!(recognise(&file, &path, None).unwrap(), DiskFormat::Raw, "{signature:x?}");
        }
    }

    #[test]
    fn real_file_systems_are_recognised() {
        let dir = tempfile::tempdir().unwrap();
        for (program, arguments, mib) in [
            ("mke2fs", &["-q", "-F"][..], 8),
            ("mkfs.xfs", &["-q", "-f"], 320),
            ("mkfs.btrfs", &["-q"], 128),
            ("mkfs.vfat", &[], 8),
        ] {
            let path = dir.path().join(program);
            File::create(&path).unwrap().set_len(mib << 20).unwrap();
            let path_for_tool = std::env::join_paths(["/usr/sbin", "/sbin", "/usr/bin", "/bin"]).unwrap();
            let made = std::process::Command::new(program)
                .args(arguments)
                .arg(&path)
                .env("PATH", path_for_tool)
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .status();
            if !made.is_ok_and(|made| made.success()) {
                eprintln!("not tried: {program} is not here");
                continue;
            }
            let file = File::open(&path).unwrap();
            assert_eq!(recognise(&file, &path, None).unwrap(), DiskFormat::Raw, "{program}");
        }
    }

    #[test]
    fn every_foreign_format_is_told_with_what_to_do_even_behind_a_boot_sector() {
        let dir = tempfile::tempdir().unwrap();
        for (place, signature, what, _) in FOREIGN {
            let offset = match place {
                At(offset) => *offset,
                Footer => (1 << 20) - SECTOR,
            };
            let (file, path) = file_with(&dir, offset, signature);
            file.write_all_at(&[0x55, 0xAA], 510).unwrap();
            let text = recognise(&file, &path, None).unwrap_err().to_string();
            assert!(text.contains(what) && text.contains(path.to_str().unwrap()), "{text}");
            // Who says that it is raw is believed, and it stays raw.
            assert_eq!(recognise(&file, &path, Some(DiskFormat::Raw)).unwrap(), DiskFormat::Raw);
        }
    }

    #[test]
    fn what_nothing_recognises_needs_a_word() {
        let dir = tempfile::tempdir().unwrap();
        let (file, path) = file_with(&dir, 0, b"");
        assert!(matches!(recognise(&file, &path, None), Err(ImageError::UnknownFormat(_))));
        file.set_len(3).unwrap();
        assert!(matches!(recognise(&file, &path, None), Err(ImageError::UnknownFormat(_))));
    }

    #[test]
    fn a_path_in_a_command_can_be_pasted_into_a_shell() {
        assert_eq!(quoted(Path::new("/srv/win-11.vmdk")), "/srv/win-11.vmdk");
        assert_eq!(quoted(Path::new("my disk; rm x")), "'my disk; rm x'");
        assert_eq!(quoted(Path::new("it's")), r"'it'\''s'");
    }
}
