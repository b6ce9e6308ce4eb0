#![allow(clippy::disallowed_methods, reason = "h2k's own way to run programs is in another crate")]

use std::cmp::Ordering;
use std::fs;
use std::process::Command;

use super::version::{compare, satisfies};
use super::*;

/// A package built by dpkg-deb.
fn built(compression: &str) -> PathBuf {
    let dir = tempfile::tempdir().unwrap().keep();
    let tree = dir.join("tree");
    fs::create_dir_all(tree.join("DEBIAN")).unwrap();
    fs::create_dir_all(tree.join("usr/sbin")).unwrap();
    let deep = tree.join("usr/share").join("long-directory-name/".repeat(6));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("file"), "x").unwrap();
    fs::write(tree.join("usr/sbin/tool"), "x").unwrap();
    std::os::unix::fs::symlink("tool", tree.join("usr/sbin/link")).unwrap();
    let control = "Package: tool\nVersion: 1:2.0-1\nArchitecture: amd64\nMaintainer: x <x@example.org>\n\
                   Pre-Depends: init\nDepends: libc6 (>= 2.34),\n libfoo | libbar (<< 3)\nDescription: x\n more: y\n";
    fs::write(tree.join("DEBIAN/control"), control).unwrap();
    let file = dir.join("tool.deb");
    let mut build = Command::new("dpkg-deb");
    build.args(["--root-owner-group", &format!("-Z{compression}"), "--build"]).arg(&tree).arg(&file);
    assert!(build.output().unwrap().status.success());
    file
}

#[test]
fn a_package_of_debian_is_read() {
    for compression in ["none", "gzip", "xz", "zstd"] {
        let package = Package::read(&built(compression)).unwrap();
        assert_eq!(
            (package.name.as_str(), package.version.as_str(), package.arch.as_str()),
            ("tool", "1:2.0-1", "amd64")
        );
        assert_eq!(package.needs, ["init", "libc6 (>= 2.34)", "libfoo | libbar (<< 3)"]);
        let long = format!("/usr/share/{}file", "long-directory-name/".repeat(6));
        let mut paths = package.paths.clone();
        paths.sort();
        assert_eq!(paths, ["/usr/sbin/link", "/usr/sbin/tool", long.as_str()], "{compression}");
    }
}

#[test]
fn what_is_no_package_is_refused() {
    let whole = fs::read(built("xz")).unwrap();
    for length in [0, 7, 8, 40, 68, 80, 300, whole.len() - 8] {
        assert!(deb::parse(&whole[..length]).is_err(), "{length}");
    }
    let rpm = forged();
    for length in (0..rpm.len()).step_by(7) {
        assert!(rpm::parse(&rpm[..length]).is_err(), "{length}");
    }
    let mut huge = forged();
    huge[96 + 8..][..4].copy_from_slice(&[0xff; 4]);
    assert!(rpm::parse(&huge).is_err());
}

/// A header of tags: strings, and numbers.
fn header(strings: &[(u32, &[&str])], numbers: &[(u32, &[u32])]) -> Vec<u8> {
    let (mut index, mut data) = (Vec::new(), Vec::new());
    let mut entry = |tag: u32, kind: u32, at: usize, count: usize| {
        for word in [tag, kind, u32::try_from(at).unwrap(), u32::try_from(count).unwrap()] {
            index.extend(word.to_be_bytes());
        }
    };
    for (tag, values) in numbers {
        entry(*tag, 4, data.len(), values.len());
        values.iter().for_each(|v| data.extend(v.to_be_bytes()));
    }
    for (tag, values) in strings {
        entry(*tag, 8, data.len(), values.len());
        values.iter().for_each(|v| data.extend(v.bytes().chain([0])));
    }
    let count = u32::try_from(strings.len() + numbers.len()).unwrap();
    let mut out = vec![0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0];
    out.extend(count.to_be_bytes());
    out.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
    out.extend(index);
    out.extend(data);
    out
}

fn forged() -> Vec<u8> {
    let mut out = vec![0xed, 0xab, 0xee, 0xdb];
    out.resize(96, 0);
    let signature = header(&[(1000, &["x"])], &[]);
    out.extend(&signature);
    out.resize(96 + signature.len().div_ceil(8) * 8, 0);
    out.extend(header(
        &[
            (1000, &["qemu-guest-agent"]),
            (1001, &["7.2.0"]),
            (1002, &["14.el9_2"]),
            (1022, &["x86_64"]),
            (1049, &["/bin/sh", "libc.so.6(GLIBC_2.34)(64bit)"]),
            (1117, &["qemu-ga", "qemu-guest-agent.service"]),
            (1118, &["/usr/bin/", "/usr/lib/systemd/system/"]),
        ],
        &[(1116, &[0, 1])],
    ));
    out
}

#[test]
fn a_package_of_rpm_is_read() {
    let package = rpm::parse(&forged()).unwrap();
    assert_eq!(package.name, "qemu-guest-agent");
    assert_eq!(package.version, "7.2.0-14.el9_2");
    assert_eq!(package.arch, "x86_64");
    assert_eq!(package.needs, ["/bin/sh", "libc.so.6(GLIBC_2.34)(64bit)"]);
    assert_eq!(package.paths, ["/usr/bin/qemu-ga", "/usr/lib/systemd/system/qemu-guest-agent.service"]);
}

#[test]
fn versions_are_ordered_as_dpkg_orders_them() {
    let ordered = [
        "0.9",
        "1.0~rc1-1",
        "1.0-1",
        "1.0-1+b1",
        "1.0-1+deb12u9",
        "1.0-1+deb12u18",
        "1.0a",
        "1.00b",
        "1.1",
        "1:0.1",
    ];
    for (i, a) in ordered.iter().enumerate() {
        for (j, b) in ordered.iter().enumerate() {
            assert_eq!(compare(a, b), i.cmp(&j), "{a} {b}");
            let dpkg = Command::new("dpkg").args(["--compare-versions", a, "lt", b]).status().unwrap();
            assert_eq!(dpkg.success(), compare(a, b) == Ordering::Less, "{a} {b}");
        }
    }
    assert_eq!(compare("1.0", "1.0-0"), Ordering::Equal);
    assert_eq!(satisfies("2.36", ">=", "2.34"), Some(true));
    assert_eq!(satisfies("2.36", "<<", "2.36"), Some(false));
    assert_eq!(satisfies("1", "~", "1"), None);
}
