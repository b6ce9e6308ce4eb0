//! Tests of recognising sources.

use std::io::Write;

use super::*;
use crate::error::FetchErrorKind;

const VMX: &[u8] = b"config.version = \"8\"\nvirtualHW.version = \"14\"\n";
const OVF: &[u8] = b"<?xml version='1.0'?>\n<Envelope xmlns='http://schemas.dmtf.org/ovf/envelope/1'/>";

fn directory(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(temp.path().join(name), content).unwrap();
    }
    temp
}

fn one(name: &str, content: &[u8]) -> Source {
    let temp = directory(&[(name, content)]);
    recognise(&[temp.path().join(name)]).unwrap()
}

fn refused(specs: &[PathBuf]) -> FetchError {
    recognise(specs).unwrap_err()
}

fn tar() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(OVF.len() as u64);
    builder.append_data(&mut header, "a.ovf", OVF).unwrap();
    builder.into_inner().unwrap()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn content_beats_the_name() {
    assert!(matches!(one("a.txt", VMX), Source::Vmx(_)));
    assert!(matches!(one("a.vmx", OVF), Source::Ovf(_)));
    assert!(matches!(one("a.bin", &tar()), Source::Ova(_)));
    assert!(matches!(one("a.bin", &gz(&tar())), Source::Ova(_)));
    assert!(matches!(one("a.bin", b"PK\x03\x04"), Source::Ova(_)));
    assert!(matches!(one("a.vmx", b"KDMV\x01\0\0\0"), Source::Disks(_)));
    assert!(matches!(one("a.ovf", b"# Disk DescriptorFile\nversion=1\n"), Source::Disks(_)));
}

#[test]
fn the_name_decides_where_content_does_not() {
    assert!(matches!(one("a.VMX", b"displayName = \"a\"\n"), Source::Vmx(_)));
    assert!(matches!(one("a.ova", b""), Source::Ova(_)));
    assert!(matches!(one("a.img", &[0; 4096]), Source::Disks(_)));
    for name in ["a.vdi", "a.hdd", "a.hds", "a.qed", "a.qcow", "a.dmg"] {
        assert!(matches!(one(name, &[0; 4096]), Source::Disks(_)), "{name}");
    }
    assert!(matches!(one("a", b"snapshot.numSnapshots = \"0\""), Source::Disks(_)));
}

#[test]
fn a_directory_holds_one_description() {
    let dir = directory(&[("a.vmx", VMX), ("a.vmdk", b""), ("._a.vmx", b"")]);
    assert!(matches!(recognise(&[dir.path().to_owned()]).unwrap(), Source::Vmx(p) if p.ends_with("a.vmx")));
    let dir = directory(&[("a.ovf", OVF), ("a.mf", b"")]);
    assert!(matches!(recognise(&[dir.path().to_owned()]).unwrap(), Source::Ovf(_)));
    let dir = directory(&[("a.OVA", &tar()), ("._a.ova", b""), ("b.mf", b"")]);
    assert!(matches!(recognise(&[dir.path().to_owned()]).unwrap(), Source::Ova(p) if p.ends_with("a.OVA")));
    let empty = directory(&[(".vmx", b""), ("._b.ova", b"")]);
    let error = refused(&[empty.path().to_owned()]);
    assert_eq!(error.kind(), FetchErrorKind::Usage);
    assert!(error.to_string().starts_with("there is neither a .vmx, an .ovf nor an .ova in "), "{error}");
}

#[test]
fn several_descriptions_in_a_directory_are_named() {
    let tar = tar();
    for (one, two) in [
        (("a.vmx", VMX), ("b.ovf", OVF)),
        (("a.vmx", VMX), ("b.ova", tar.as_slice())),
        (("a.ova", tar.as_slice()), ("b.ova", tar.as_slice())),
    ] {
        let dir = directory(&[one, two]);
        let error = refused(&[dir.path().to_owned()]);
        assert_eq!(error.kind(), FetchErrorKind::Usage);
        assert!(error.to_string().contains(one.0) && error.to_string().contains(two.0), "{error}");
    }
}

#[test]
fn a_description_that_is_a_link_out_of_its_directory_is_refused() {
    let (dir, other) = (directory(&[]), directory(&[("a.vmx", VMX)]));
    std::os::unix::fs::symlink(other.path().join("a.vmx"), dir.path().join("a.vmx")).unwrap();
    assert_eq!(refused(&[dir.path().to_owned()]).kind(), FetchErrorKind::Unsafe);
}

#[test]
fn several_disks_are_one_vm_and_nothing_else_is() {
    let dir = directory(&[("b.vmdk", b"KDMV"), ("a.img", b""), ("a.vmx", VMX)]);
    let path = |name: &str| dir.path().join(name);
    let disks = vec![path("b.vmdk"), path("a.img")];
    assert_eq!(recognise(&disks).unwrap(), Source::Disks(disks));
    assert_eq!(refused(&[path("a.img"), path("a.vmx")]).kind(), FetchErrorKind::Usage);
    assert_eq!(refused(&[path("a.img"), dir.path().to_owned()]).kind(), FetchErrorKind::Usage);
    assert_eq!(refused(&[]).kind(), FetchErrorKind::Usage);
}

#[test]
fn what_is_not_there_is_said_so() {
    let error = refused(&[PathBuf::from("/nonexistent/a.ova")]);
    assert_eq!(error.kind(), FetchErrorKind::NotFound);
    assert_eq!(error.to_string(), "/nonexistent/a.ova does not exist");
    assert_eq!(refused(&[PathBuf::from("vsphere://host/vm")]).kind(), FetchErrorKind::Unsupported);
}

#[test]
fn compressed_disks_and_hyper_v_exports_are_named() {
    let dir = directory(&[("a.vmdk.gz", &gz(b"KDMV"))]);
    let error = refused(&[dir.path().join("a.vmdk.gz")]);
    assert_eq!(error.kind(), FetchErrorKind::Unsupported);
    assert!(error.hint().unwrap().contains("decompress"));
    fs::create_dir(dir.path().join("Virtual Machines")).unwrap();
    assert!(refused(&[dir.path().to_owned()]).to_string().contains("Hyper-V"));
}

#[test]
fn damaged_and_oversized_archives_say_what_is_wrong() {
    // An xz block header that asks for a dictionary of 1.5 GiB, as `xz --lzma2=dict=1536MiB` writes it.
    let huge = b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46\x02\0\x21\x01\x25\0\0\0\x3b\x78\x7b\x41\xe1\x3f\xff\x05";
    for (content, kind) in [
        (b"\x1f\x8b\x08\0garbage garbage garbage".as_slice(), FetchErrorKind::Corrupt),
        (huge, FetchErrorKind::Unsupported),
    ] {
        let dir = directory(&[("a.ova", content)]);
        let error = refused(&[dir.path().join("a.ova")]);
        assert_eq!(error.kind(), kind, "{}", error.chain());
        assert!(error.chain().starts_with("decompressing "), "{}", error.chain());
    }
}

#[test]
fn a_socket_is_not_opened() {
    let dir = directory(&[]);
    let path = dir.path().join("s");
    let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert_eq!(refused(&[path]).kind(), FetchErrorKind::Usage);
}

#[test]
fn an_nbd_export_is_a_disk_and_no_path() {
    let uri = |text: &str| PathBuf::from(text);
    let given = [uri("nbd://Store:10809/web01"), uri("nbd+unix:///x?socket=/run/s")];
    let normal = vec![uri("nbd://store/web01"), uri("nbd+unix:///x?socket=/run/s")];
    assert_eq!(recognise(&given).unwrap(), Source::Disks(normal));
    assert_eq!(refused(&[uri("nbds://store/web01")]).kind(), FetchErrorKind::Unsupported);
    assert_eq!(refused(&[uri("nbd://me:secret@store/x")]).kind(), FetchErrorKind::Usage);
    let dir = directory(&[("a.img", b""), ("a.vmx", VMX)]);
    let disks = [given[0].clone(), dir.path().join("a.img")];
    assert!(matches!(recognise(&disks).unwrap(), Source::Disks(found) if found.len() == 2));
    assert_eq!(refused(&[given[0].clone(), dir.path().join("a.vmx")]).kind(), FetchErrorKind::Usage);
}
