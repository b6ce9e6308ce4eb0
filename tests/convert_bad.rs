//! What `h2k convert` refuses: with a message that says what is wrong where, without a panic, with nothing under the
//! final name and the source untouched.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::common::disk::{MIB, image, sample, text, unfinished};
use crate::common::{Place, digests};

/// An image of the sample disk in `src/`.
fn made(place: &Place, format: &str, options: &[&str], name: &str) -> PathBuf {
    let raw = sample(place, "content.img", 65 * MIB + 512);
    fs::create_dir_all(place.path("src")).unwrap();
    let path = place.path(&format!("src/{name}"));
    image(&raw, format, options, &path);
    path
}

fn word(file: &File, at: u64) -> u32 {
    let mut bytes = [0; 4];
    file.read_exact_at(&mut bytes, at).unwrap();
    u32::from_le_bytes(bytes)
}

#[test]
fn a_grain_table_and_a_grain_outside_the_file() {
    for grain in [false, true] {
        let place = Place::new();
        let path = made(&place, "vmdk", &[], "in.vmdk");
        let file = File::options().read(true).write(true).open(&path).unwrap();
        // "gdOffset" of the sparse header (Virtual Disk Format 5.0): the directory, whose first entry is a table.
        let directory = u64::from(word(&file, 56)) * 512;
        let at = if grain { u64::from(word(&file, directory)) * 512 } else { directory };
        file.write_all_at(&0x7fff_ffffu32.to_le_bytes(), at).unwrap();
        place.refused(&path, &place.path("out.qcow2"), &[], 1, &["in.vmdk", "truncated"]);
        assert!(!unfinished(&place.path("out.qcow2")));
    }
}

#[test]
fn images_that_are_cut_off() {
    for (format, options, name) in [
        ("vmdk", &["-o", "subformat=streamOptimized"][..], "stream.vmdk"),
        ("vmdk", &[], "sparse.vmdk"),
        ("vpc", &["-o", "force_size=on"], "disk.vhd"),
        ("vhdx", &[], "disk.vhdx"),
        ("qcow2", &[], "disk.qcow2"),
        ("vdi", &[], "disk.vdi"),
        ("parallels", &[], "disk.hds"),
        ("qed", &[], "disk.qed"),
    ] {
        let place = Place::new();
        let path = made(&place, format, options, name);
        let file = File::options().write(true).open(&path).unwrap();
        let length = file.metadata().unwrap().len();
        for left in [length - 65536 - length % 512, length / 2, 70_000, 1024, 4] {
            file.set_len(left.min(length)).unwrap();
            // Without its magic bytes an image is a raw disk, of half a sector here.
            place.refused(&path, &place.path("out.qcow2"), &[], 1, &[name]);
        }
    }
}

#[test]
fn damaged_headers_end_in_words() {
    for (format, name) in [
        ("vmdk", "disk.vmdk"),
        ("vhdx", "disk.vhdx"),
        ("vpc", "disk.vhd"),
        ("qcow2", "disk.qcow2"),
        ("vdi", "disk.vdi"),
    ] {
        let place = Place::new();
        let path = made(&place, format, &[], name);
        let file = File::options().read(true).write(true).open(&path).unwrap();
        for at in (8..512).step_by(56) {
            let mut before = [0; 8];
            file.read_exact_at(&mut before, at).unwrap();
            file.write_all_at(&[0xff; 8], at).unwrap();
            let out = place.path("out.qcow2");
            let ran = place.convert(&path, &out, &["-q"]);
            assert!(matches!(ran.code, 0 | 1), "{name}, byte {at}: {} {}", ran.code, ran.stderr);
            assert!(!ran.stderr.contains("panicked"), "{name}, byte {at}: {}", ran.stderr);
            assert_eq!(out.exists(), ran.code == 0, "{name}, byte {at}");
            fs::remove_file(out).ok();
            file.write_all_at(&before, at).unwrap();
        }
    }
}

#[test]
fn descriptors_that_name_what_they_have_no_business_with() {
    for extent in ["/etc/shadow", "../../../../etc/shadow", "nbd://127.0.0.1/x", "sub/disk-flat.vmdk"] {
        let place = Place::new();
        place.write("src/sub/disk-flat.vmdk", [0; 1024]);
        let path = place.write(
            "src/in.vmdk",
            format!(
                "# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType=\"monolithicFlat\"\n\
                 RW 2 FLAT \"{extent}\" 0\n"
            ),
        );
        place.refused(&path, &place.path("out.qcow2"), &[], 1, &[extent, "which is not opened"]);
    }
}

#[test]
fn what_is_there_is_not_overwritten() {
    let place = Place::new();
    let path = made(&place, "vmdk", &[], "in.vmdk");
    let out = place.write("out.qcow2", "precious");
    let said = place.convert(&path, &out, &[]).expect(2);
    assert!(said.stderr.contains("out.qcow2 is there already"), "{}", said.stderr);
    assert_eq!(fs::read(&out).unwrap(), b"precious");
    let link = place.path("dangling.qcow2");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    let said = place.convert(&path, &link, &[]);
    assert!(matches!(said.code, 1 | 2), "{}", said.stderr);
    assert!(!unfinished(&link) && !place.path("nowhere").exists(), "{}", said.stderr);
    // Nor is the source, whatever it is called on the way.
    let before = digests(&place.path("src"));
    place.convert(&path, &path, &[]).expect(2);
    assert_eq!(digests(&place.path("src")), before);
}

#[test]
fn options_that_contradict_the_format() {
    let place = Place::new();
    let path = made(&place, "vmdk", &[], "in.vmdk");
    place.refused(&path, &place.path("out.raw"), &["--compress", "zstd"], 2, &["--compress is for qcow2"]);
    place.refused(&path, &place.path("out.qcow2"), &["--preallocate"], 2, &["--preallocate is for raw"]);
    place.refused(&path, &place.path("out.qcow2"), &["--limit-rate", "fast"], 2, &["fast"]);
    place.refused(&path, &place.path("out.qcow2"), &["--format", "vhd"], 2, &["vhd"]);
}

#[test]
fn input_that_is_not_one_disk() {
    let place = Place::new();
    let path = made(&place, "vmdk", &[], "one.vmdk");
    let out = place.path("out.qcow2");
    place.refused(&place.path("home-not-there.vmdk"), &out, &[], 1, &["home-not-there.vmdk"]);
    fs::create_dir(place.path("empty")).unwrap();
    place.refused(&place.path("empty"), &out, &[], 2, &["empty"]);
    fs::copy(&path, place.path("src/two.vmdk")).unwrap();
    let disk = |n: usize, name: &str| {
        format!("scsi0:{n}.present = \"TRUE\"\nscsi0:{n}.fileName = \"{name}.vmdk\"\n")
    };
    let head = "displayName = \"both\"\nguestOS = \"debian12-64\"\nmemsize = \"512\"\nnumvcpus = \"1\"\n\
                scsi0.present = \"TRUE\"\nscsi0.virtualDev = \"pvscsi\"\n";
    let vmx = place.write("src/both.vmx", format!("{head}{}{}", disk(0, "one"), disk(1, "two")));
    place.refused(&vmx, &out, &[], 2, &["both.vmx has 2 disks", "name one of its disk files"]);
    place.refused(&place.path("src"), &out, &[], 2, &["has 2 disks"]);
    let one = place.write("src/both.vmx", format!("{head}{}", disk(0, "one")));
    place.converted(&one, &out, &[]);
}

#[test]
fn files_that_are_no_disks() {
    for (name, content, says) in [
        ("empty.raw", &b""[..], "empty"),
        ("text.raw", b"hello", "sectors"),
        ("lone.vmdk", b"COWD", "lone.vmdk"),
        ("lone.qcow2", b"QFI\xfb", "lone.qcow2"),
    ] {
        let place = Place::new();
        let path = place.write(&format!("src/{name}"), content);
        place.refused(&path, &place.path("out.qcow2"), &[], 1, &[says]);
    }
    refuses_what_blocks();
}

/// A fifo is not waited for.
fn refuses_what_blocks() {
    let place = Place::new();
    crate::common::ok("mkfifo", &[text(&place.path("pipe.raw"))]);
    let said = place.convert(Path::new("pipe.raw"), &place.path("out.raw"), &[]);
    assert!(said.code == 1 || said.code == 2, "{}", said.stderr);
    assert!(!place.path("out.raw").exists() && said.stderr.contains("pipe.raw"), "{}", said.stderr);
}

#[test]
fn an_output_directory_that_is_not_there_is_made() {
    let place = Place::new();
    let path = made(&place, "vmdk", &[], "in.vmdk");
    place.converted(&path, &place.path("no/such/out.qcow2"), &[]);
    // But not below a file.
    place.refused(&path, &place.path("content.img/out.qcow2"), &[], 1, &["content.img"]);
}
