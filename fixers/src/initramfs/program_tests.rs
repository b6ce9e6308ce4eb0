//! The same archives as Debian's own programs write them. A program that is not installed is passed over: the
//! in-process encoders of the other tests cover the format.
#![allow(clippy::disallowed_methods, reason = "h2k's own way to run programs is in another crate")]

use std::fs;
use std::io::{Cursor, ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use super::list;

/// What a program prints when given `input`; `None` if it is not installed.
fn run(dir: &Path, argv: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let child = Command::new(argv[0])
        .args(&argv[1..])
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match child {
        Err(e) if e.kind() == ErrorKind::NotFound => return None,
        other => other.unwrap(),
    };
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap().unwrap();
    assert!(output.status.success(), "{argv:?}");
    Some(output.stdout)
}

#[test]
fn lists_what_debians_programs_write() {
    let dir = tempfile::tempdir().unwrap();
    let modules = dir.path().join("usr/lib/modules/6.1.0/kernel");
    fs::create_dir_all(&modules).unwrap();
    fs::write(modules.join("virtio_blk.ko"), vec![7; 30_000]).unwrap();
    fs::hard_link(modules.join("virtio_blk.ko"), modules.join("virtio-net.ko")).unwrap();
    std::os::unix::fs::symlink("usr/lib", dir.path().join("lib")).unwrap();
    let names =
        b"lib\nusr\nusr/lib/modules/6.1.0/kernel/virtio_blk.ko\nusr/lib/modules/6.1.0/kernel/virtio-net.ko\n";
    for format in ["newc", "crc"] {
        let Some(plain) = run(dir.path(), &["cpio", "--quiet", "-o", "-H", format], names) else { return };
        for argv in [
            &["cat"][..],
            &["gzip", "-c"],
            &["bzip2", "-c"],
            &["xz", "-c", "--check=crc32", "--threads=0"],
            &["lzma", "-c"],
            &["zstd", "-q", "-c", "-19", "-T0"],
            &["lz4", "-c", "-9", "-l"],
            &["lz4", "-c"],
        ] {
            let Some(packed) = run(dir.path(), argv, &plain) else { continue };
            // As a microcode package and an appended archive make it: before and behind.
            let mut bytes = plain.clone();
            bytes.extend(&packed);
            bytes.extend([0; 7]);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes.extend(&plain);
            let listing = list(Cursor::new(&bytes)).unwrap();
            assert_eq!(listing.segments.len(), 3, "{argv:?}");
            assert_eq!(listing.entries(), 12, "{argv:?}");
            let found: Vec<String> = listing.all_modules().into_iter().collect();
            assert_eq!(found, ["virtio_blk", "virtio_net"], "{argv:?}");
            assert_eq!(listing.size, bytes.len() as u64);
        }
    }
}

#[test]
fn modprobe_finds_modules_in_the_binary_indexes() {
    use super::modindex::{Index, binary};
    // Names of no driver: modprobe leaves out what this machine has loaded.
    let dir = tempfile::tempdir().unwrap();
    let modules = dir.path().join("lib/modules/6.1");
    fs::create_dir_all(&modules).unwrap();
    // It looks for the files that an index names.
    fs::create_dir(modules.join("kernel")).unwrap();
    for file in ["h2k_base.ko", "h2k-ring.ko", "h2k_blk.ko.xz"] {
        fs::write(modules.join("kernel").join(file), "").unwrap();
    }
    let dep = "kernel/h2k_base.ko:\nkernel/h2k-ring.ko: kernel/h2k_base.ko\n\
               kernel/h2k_blk.ko.xz: kernel/h2k-ring.ko kernel/h2k_base.ko\n";
    let alias = "# Aliases\nalias virtio:d00000002v* h2k_blk\nalias pci:v00001AF4d*sv* h2k_ring\n\
                 alias odd-[a-z]x h2k_base\nalias crypto-x h2k_base\nalias crypto-x h2k_blk\n";
    for (name, index, text) in
        [("modules.dep", Index::Dependencies, dep), ("modules.alias", Index::Aliases, alias)]
    {
        fs::write(modules.join(format!("{name}.bin")), binary(index, text)).unwrap();
    }
    let insmod = |what: &str| -> Option<Vec<String>> {
        let root = dir.path().to_str().unwrap();
        let argv = ["/sbin/modprobe", "-d", root, "-C", "/nowhere", "-S", "6.1", "--show-depends", what];
        let out = String::from_utf8(run(dir.path(), &argv, b"")?).unwrap();
        Some(out.lines().map(|l| l.rsplit('/').next().unwrap().trim().to_owned()).collect())
    };
    let Some(found) = insmod("h2k_blk") else { return };
    assert_eq!(found, ["h2k_base.ko", "h2k-ring.ko", "h2k_blk.ko.xz"]);
    assert_eq!(insmod("virtio:d00000002v00001AF4").unwrap(), found);
    assert_eq!(insmod("pci:v00001AF4d00001001sv1").unwrap(), ["h2k_base.ko", "h2k-ring.ko"]);
    assert_eq!(insmod("odd_kx").unwrap(), ["h2k_base.ko"]);
    assert_eq!(insmod("crypto-x").unwrap()[..1], ["h2k_base.ko"]);
}
