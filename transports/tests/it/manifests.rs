//! Manifests, right and wrong.

use h2k_transports::{FetchErrorKind, SourceVm};

use crate::common::*;

/// The common package with another manifest.
fn package_with(manifest: &str) -> Files {
    let mut package = common_package();
    package.retain(|(name, _)| name != "one-disk.mf");
    package.push(("one-disk.mf".to_owned(), manifest.as_bytes().to_vec()));
    package
}

fn warnings_of(manifest: &str) -> Vec<String> {
    let vm: SourceVm = fetch_package(&package_with(manifest)).1.unwrap_or_else(|e| panic!("{}", e.chain()));
    assert_eq!(vm.disks.len(), 1);
    vm.warnings
}

/// The first digit moved to the end.
fn permuted(digest: &str) -> String {
    format!("{}{}", &digest[1..], &digest[..1])
}

fn ovf() -> Vec<u8> {
    fixture("ovf/one-disk.ovf")
}

#[test]
fn ova_bad_sha1_and_bad_sha256() {
    let disk = disk_of(10);
    for (algorithm, right) in [("SHA1", sha1(&disk)), ("SHA256", sha256(&disk))] {
        let manifest = format!("{algorithm}(disk1.vmdk)= {}\r\n", permuted(&right));
        let (dir, result) = fetch_package(&package_with(&manifest));
        let error = result.unwrap_err();
        assert_eq!(error.kind(), FetchErrorKind::Corrupt);
        let text = error.to_string();
        for part in ["corrupt OVA", "disk1.vmdk", &permuted(&right), &right] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(error.hint().is_some());
        assert!(!dir.scratch().exists());
    }
}

#[test]
fn ova_bad_digest_in_a_directory() {
    let dir = Dir::new();
    for (name, content) in package_with(&format!("SHA256(one-disk.ovf)= {}\n", permuted(&sha256(&ovf())))) {
        dir.write(&name, &content);
    }
    assert!(dir.fetch("").unwrap_err().to_string().contains("corrupt OVA"));
}

#[test]
fn ova_bad_digest_leaves_nothing_unpacked() {
    let package = package_with(&format!("SHA1(disk1.vmdk)= {}\r\n", permuted(&sha1(&disk_of(10)))));
    let (dir, result) = fetch_archive(&gz(&tar_of(&package)));
    assert!(result.unwrap_err().to_string().contains("corrupt OVA"));
    assert_eq!(std::fs::read_dir(dir.scratch()).unwrap().count(), 0);
}

#[test]
fn ova_good_mixed_sha1_and_sha256() {
    let manifest =
        format!("SHA1(one-disk.ovf)= {}\r\nSHA256(disk1.vmdk)= {}\r\n", sha1(&ovf()), sha256(&disk_of(10)));
    assert_eq!(warnings_of(&manifest), Vec::<String>::new());
}

#[test]
fn manifest_garbage_line() {
    let manifest = format!("SHA1(disk1.vmdk)= {}\r\ngarbage line\r\n", sha1(&disk_of(10)));
    assert_eq!(warnings_of(&manifest), ["manifest one-disk.mf: line 2 is not understood: \"garbage line\""]);
}

#[test]
fn manifest_without_space() {
    let right = format!("SHA1(disk1.vmdk)={}\n", sha1(&disk_of(10)));
    let warnings = warnings_of(&right);
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].starts_with("manifest one-disk.mf: line 1 has no space"), "{warnings:?}");
    // The digest counts all the same.
    let wrong = format!("SHA1(disk1.vmdk)={}\n", permuted(&sha1(&disk_of(10))));
    assert!(fetch_package(&package_with(&wrong)).1.is_err());
}

#[test]
fn manifest_names_a_missing_file() {
    let manifest = format!("SHA1(disk9.vmdk)= {}\r\n", sha1(b""));
    assert_eq!(warnings_of(&manifest), ["manifest one-disk.mf: \"disk9.vmdk\" is not in the package"]);
}

#[test]
fn manifest_names_a_file_outside() {
    let manifest = String::from_utf8(fixture("manifests/outside.mf")).unwrap();
    let error = fetch_package(&package_with(&manifest)).1.unwrap_err();
    assert_eq!(error.kind(), FetchErrorKind::Unsafe);
    assert!(error.chain().contains("etc/passwd"), "{}", error.chain());
}

#[test]
fn manifest_gives_two_digests_of_a_file() {
    let manifest = format!("SHA1(disk1.vmdk)= {}\nSHA1(disk1.vmdk)= {}\n", sha1(&disk_of(10)), sha1(b""));
    let error = fetch_package(&package_with(&manifest)).1.unwrap_err();
    assert_eq!(error.kind(), FetchErrorKind::Corrupt);
}

#[test]
fn manifest_samples_are_understood() {
    use h2k_transports::ovf::manifest::parse;
    for (name, digests, warnings) in
        [("mixed.mf", 2, 0), ("garbage-line.mf", 1, 1), ("no-blank.mf", 1, 1), ("sha512.mf", 1, 0)]
    {
        let (found, said) = parse(&fixture(&format!("manifests/{name}")), name);
        assert_eq!((found.len(), said.len()), (digests, warnings), "{name}");
    }
    let (found, _) = parse(&fixture("manifests/openssl-names.mf"), "x.mf");
    assert_eq!((found[0].file.as_str(), &found[0].expected), ("disk (1).vmdk", &sha256(b"disk")));
}
