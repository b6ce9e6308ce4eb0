//! Sources that ask for what is never done.

use std::os::unix::fs::symlink;

use h2k_transports::{FetchError, FetchErrorKind, FetchOptions, Limits, fetch_with, recognise};

use crate::common::*;

fn refused_package(ovf: &str, others: &[(&str, &[u8])]) -> FetchError {
    let dir = Dir::with(others);
    dir.write("x.ovf", &fixture(&format!("ovf/{ovf}")));
    dir.fetch("").unwrap_err()
}

#[test]
fn references_that_leave_the_package() {
    for (ovf, kind) in [
        ("outside-href.ovf", FetchErrorKind::Unsafe),
        ("url-href.ovf", FetchErrorKind::Unsupported),
        ("dtd.ovf", FetchErrorKind::Unsafe),
    ] {
        assert_eq!(refused_package(ovf, &[("disk1.vmdk", b"x")]).kind(), kind, "{ovf}");
        let (_dir, result) =
            fetch_package(&files(&[("x.ovf", &fixture(&format!("ovf/{ovf}"))), ("disk1.vmdk", b"x")]));
        assert_eq!(result.unwrap_err().kind(), kind, "{ovf}");
    }
}

#[test]
fn a_disk_that_is_a_link_out_of_the_package() {
    let other = Dir::with(&[("secret", b"s")]);
    let dir = Dir::with(&[("x.ovf", &fixture("ovf/one-disk.ovf"))]);
    symlink(other.path.join("secret"), dir.path.join("disk1.vmdk")).unwrap();
    assert_eq!(dir.fetch("").unwrap_err().kind(), FetchErrorKind::Unsafe);
}

#[test]
fn a_numbered_disk_that_is_a_link_out_of_the_package() {
    let other = Dir::with(&[("secret", b"s")]);
    let dir = Dir::with(&[("x.ovf", &fixture("ovf/snapshots.ovf"))]);
    symlink(other.path.join("secret"), dir.path.join("disk1.vmdk.000000000")).unwrap();
    assert_eq!(dir.fetch("").unwrap_err().kind(), FetchErrorKind::Unsafe);
}

#[test]
fn a_manifest_that_is_a_link_out_of_the_package() {
    let other = Dir::with(&[("secret", b"s")]);
    let dir = Dir::with(&[("x.ovf", &fixture("ovf/one-disk.ovf")), ("disk1.vmdk", &disk_of(10))]);
    symlink(other.path.join("secret"), dir.path.join("x.mf")).unwrap();
    assert_eq!(dir.fetch("").unwrap_err().kind(), FetchErrorKind::Unsafe);
}

#[test]
fn a_member_that_would_be_written_elsewhere() {
    let mut tar = tar_of(&files(&[("aa/victim", b"x")]));
    tar[..2].copy_from_slice(b"..");
    // The checksum of the header, which is written in octal at 148, goes down with the bytes.
    let sum: u32 = tar[..512]
        .iter()
        .enumerate()
        .map(|(i, b)| if (148..156).contains(&i) { 32 } else { u32::from(*b) })
        .sum();
    tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    for bytes in [gz(&tar), tar] {
        let (dir, result) = fetch_archive(&bytes);
        let error = result.unwrap_err();
        assert!(error.to_string().contains("unsafe member name \"../victim\""), "{error}");
        assert!(!dir.path.join("victim").exists());
    }
}

#[test]
fn bombs_of_every_kind() {
    let zeros = vec![0; 4 << 20];
    let ovf = fixture("ovf/gzip.ovf");
    let bombs = [
        gz(&tar_of(&files(&[("x.ovf", &ovf), ("disk1.vmdk.gz", &zeros)]))),
        xz(&tar_of(&files(&[("x.ovf", &ovf), ("disk1.vmdk.gz", &zeros)]))),
        tar_of(&files(&[("x.ovf", &ovf), ("disk1.vmdk.gz", &gz(&zeros))])),
        zip_of(&files(&[("x.ovf", &fixture("ovf/one-disk.ovf")), ("disk1.vmdk", &zeros)])),
    ];
    let limits = Limits { max_expansion: 10, always_allowed_bytes: 1 << 20, ..Limits::default() };
    for (number, bomb) in bombs.iter().enumerate() {
        let dir = Dir::with(&[("x.ova", bomb)]);
        let source = recognise(&[dir.path.join("x.ova")]).unwrap();
        let options = FetchOptions { limits, ..FetchOptions::default() };
        let error = fetch_with(&source, &dir.scratch(), &options).unwrap_err();
        assert_eq!(error.kind(), FetchErrorKind::Unsupported, "{number}: {}", error.chain());
        assert!(error.hint().unwrap().contains("bomb"));
        let left = std::fs::read_dir(dir.scratch()).map_or(0, Iterator::count);
        assert_eq!(left, 0, "{number}");
        assert!(fetch_with(&source, &dir.scratch(), &FetchOptions::default()).is_ok(), "{number}");
    }
}

#[test]
fn a_failure_after_the_first_disk_leaves_nothing_unpacked() {
    let ovf = String::from_utf8(fixture("ovf/two-disks.ovf")).unwrap();
    let mut damaged = gz(&disk_of(100));
    damaged.truncate(500);
    let package =
        files(&[("x.ovf", ovf.as_bytes()), ("disk1.vmdk", &gz(&disk_of(10))), ("disk2.vmdk", &damaged)]);
    let (dir, result) = fetch_package(&package);
    assert_eq!(result.unwrap_err().kind(), FetchErrorKind::Corrupt);
    assert_eq!(std::fs::read_dir(dir.scratch()).unwrap().count(), 0);
}

#[test]
fn a_member_beyond_the_capacity_of_its_disk() {
    let ovf = String::from_utf8(fixture("ovf/gzip.ovf"))
        .unwrap()
        .replace("ovf:capacity=\"50\"", "ovf:capacity=\"0\"");
    let package = files(&[("x.ovf", ovf.as_bytes()), ("disk1.vmdk.gz", &gz(&vec![0; 65 << 20]))]);
    assert_eq!(fetch_package(&package).1.unwrap_err().kind(), FetchErrorKind::Unsupported);
}

#[test]
fn two_disks_with_one_file() {
    let ovf = String::from_utf8(fixture("ovf/two-disks.ovf")).unwrap().replace("disk2.vmdk", "disk1.vmdk");
    let (_dir, result) = fetch_package(&files(&[("x.ovf", ovf.as_bytes()), ("disk1.vmdk", b"x")]));
    let error = result.unwrap_err();
    assert_eq!(error.kind(), FetchErrorKind::Unsupported);
    assert!(error.to_string().contains("two disks"), "{error}");
}

#[test]
fn damaged_gzip_is_corrupt() {
    let mut member = gz(&disk_of(100));
    let middle = member.len() / 2;
    member.truncate(middle);
    let (_dir, result) =
        fetch_package(&files(&[("x.ovf", &fixture("ovf/gzip.ovf")), ("disk1.vmdk.gz", &member)]));
    let error = result.unwrap_err();
    assert_eq!(error.kind(), FetchErrorKind::Corrupt, "{}", error.chain());
}

#[test]
fn an_archive_without_a_descriptor_and_one_with_two() {
    let (_dir, result) = fetch_package(&files(&[("disk.vmdk", b"x")]));
    assert!(result.unwrap_err().to_string().contains("no .ovf"));
    let ovf = fixture("ovf/one-disk.ovf");
    let (_dir, result) = fetch_package(&files(&[("a.ovf", &ovf), ("b.ovf", &ovf)]));
    assert!(result.unwrap_err().to_string().contains("\"a.ovf\", \"b.ovf\""));
}

#[test]
fn a_file_of_the_name_x_ova_that_is_none() {
    let (_dir, result) = fetch_archive(b"this is no archive");
    assert_eq!(result.unwrap_err().kind(), FetchErrorKind::Unsupported);
}

#[test]
fn a_descriptor_beyond_the_limit() {
    let dir = Dir::with(&[("x.ovf", format!("<Envelope>{}", " ".repeat(9 << 20)).as_bytes())]);
    assert_eq!(dir.fetch("x.ovf").unwrap_err().kind(), FetchErrorKind::Unsupported);
}

#[test]
fn a_description_with_very_many_oddities_stays_readable() {
    let mut vmx = "config.version = \"8\"\n".to_owned();
    for unit in 0..5000 {
        vmx.push_str(&format!("scsi0:{unit}.present = \"FALSE\"\nscsi0:{unit}.fileName = \"{unit}.vmdk\"\n"));
    }
    let vm = Dir::with(&[("x.vmx", vmx.as_bytes())]).fetch("x.vmx").unwrap();
    assert_eq!((vm.warnings.len(), vm.disks.len()), (201, 0));
    assert_eq!(vm.warnings[200], "4801 more warnings");
}
