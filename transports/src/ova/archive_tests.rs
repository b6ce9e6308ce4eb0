//! Tests of the archive readers, on archives that the `tar` and `zip` crates write.

use std::io::{Read, Write};
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::container::container_of;
use crate::error::FetchErrorKind;
use crate::limits::Limits;
use crate::sniff::head_of;

struct Archive {
    temp: tempfile::TempDir,
    path: PathBuf,
}

impl Archive {
    fn of(bytes: &[u8]) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("x.ova");
        fs::write(&path, bytes).unwrap();
        Self { temp, path }
    }

    fn members_within(&self, limits: Limits) -> Result<BTreeMap<String, Member>, FetchError> {
        let mut scratch = Scratch::new(&self.temp.path().join("scratch"), limits);
        let container = container_of(&self.path, &head_of(&self.path)?)?.expect("an archive");
        let members = members(&self.path, container, &mut scratch)?;
        for member in members.values() {
            if let Place::File(path) = &member.place {
                scratch.keep(path);
            }
        }
        Ok(members)
    }

    fn members(&self) -> Result<BTreeMap<String, Member>, FetchError> {
        self.members_within(Limits::default())
    }

    fn content(&self, name: &str) -> String {
        let mut text = String::new();
        self.members().unwrap()[name].open().unwrap().read_to_string(&mut text).unwrap();
        text
    }
}

fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = ::tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A tar with one member whose header is made by `change`.
fn odd_tar(change: impl Fn(&mut ::tar::Header)) -> Vec<u8> {
    let mut header = ::tar::Header::new_gnu();
    header.as_mut_bytes()[..1].copy_from_slice(b"x");
    header.set_size(0);
    change(&mut header);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip_of(files: &[(&str, &[u8])], method: ::zip::CompressionMethod) -> Vec<u8> {
    let mut writer = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = ::zip::write::SimpleFileOptions::default().compression_method(method);
    for (name, content) in files {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

const FILES: [(&str, &[u8]); 2] = [("./sub/a.ovf", b"<Envelope/>"), ("b.vmdk", b"0123456789")];

#[test]
fn every_container_holds_the_same_members() {
    let tar = tar_of(&FILES);
    let mut xz = Vec::new();
    liblzma::read::XzEncoder::new(tar.as_slice(), 1).read_to_end(&mut xz).unwrap();
    let all = [
        tar.clone(),
        gz(&tar),
        xz,
        zip_of(&FILES, ::zip::CompressionMethod::Stored),
        zip_of(&FILES, ::zip::CompressionMethod::Deflated),
    ];
    for (number, bytes) in all.iter().enumerate() {
        let archive = Archive::of(bytes);
        assert_eq!(archive.content("sub/a.ovf"), "<Envelope/>", "{number}");
        assert_eq!(archive.content("b.vmdk"), "0123456789", "{number}");
        assert_eq!(archive.members().unwrap().len(), 2);
    }
}

#[test]
fn plain_tars_and_stored_zips_are_read_in_place() {
    for bytes in [tar_of(&FILES), zip_of(&FILES, ::zip::CompressionMethod::Stored)] {
        let archive = Archive::of(&bytes);
        let members = archive.members().unwrap();
        let Place::Part { offset, .. } = members["b.vmdk"].place else { panic!("not in place") };
        assert_eq!(&bytes[offset as usize..offset as usize + 10], b"0123456789");
        assert!(!archive.temp.path().join("scratch").exists());
    }
}

#[test]
fn long_names_of_both_kinds() {
    let long = format!("{}/disk.vmdk", "d".repeat(200));
    assert_eq!(Archive::of(&tar_of(&[(&long, b"gnu")])).content(&long), "gnu");
    let mut builder = ::tar::Builder::new(Vec::new());
    builder.append_pax_extensions([("path", long.as_bytes()), ("size", b"3")]).unwrap();
    let mut header = ::tar::Header::new_ustar();
    header.set_size(3);
    builder.append_data(&mut header, "short", &b"pax"[..]).unwrap();
    assert_eq!(Archive::of(&builder.into_inner().unwrap()).content(&long), "pax");
}

#[test]
fn a_tar_without_end_blocks_is_whole() {
    let mut tar = tar_of(&FILES);
    tar.truncate(tar.len() - 1024);
    assert_eq!(Archive::of(&tar).members().unwrap().len(), 2);
}

#[test]
fn links_and_devices_are_refused() {
    use ::tar::EntryType;
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Block, EntryType::Char, EntryType::Fifo] {
        let error = Archive::of(&odd_tar(|h| h.set_entry_type(kind))).members().unwrap_err();
        assert_eq!(error.kind(), FetchErrorKind::Unsafe, "{kind:?}");
        assert!(error.to_string().starts_with("unsafe member"), "{error}");
    }
}

#[test]
fn sparse_and_continued_members_are_not_supported() {
    for kind in [::tar::EntryType::GNUSparse, ::tar::EntryType::new(b'M')] {
        let error = Archive::of(&odd_tar(|h| h.set_entry_type(kind))).members().unwrap_err();
        assert_eq!(error.kind(), FetchErrorKind::Unsupported);
    }
    let mut builder = ::tar::Builder::new(Vec::new());
    builder.append_pax_extensions([("GNU.sparse.major", b"1".as_slice())]).unwrap();
    let mut header = ::tar::Header::new_ustar();
    header.set_size(0);
    builder.append_data(&mut header, "x", &b""[..]).unwrap();
    let error = Archive::of(&builder.into_inner().unwrap()).members().unwrap_err();
    assert_eq!(error.kind(), FetchErrorKind::Unsupported);
}

#[test]
fn names_that_leave_the_archive_are_refused() {
    for name in ["../x", "/etc/passwd", "a/../../x"] {
        let tar = odd_tar(|h| h.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes()));
        for bytes in [gz(&tar), tar, zip_of(&[(name, b"")], ::zip::CompressionMethod::Stored)] {
            let error = Archive::of(&bytes).members().unwrap_err();
            assert_eq!(error.kind(), FetchErrorKind::Unsafe);
            assert!(error.to_string().contains("unsafe member name"), "{error}");
        }
    }
}

#[test]
fn duplicate_names_are_refused() {
    let mut zip = zip_of(&[("aa", b"1"), ("ab", b"2")], ::zip::CompressionMethod::Stored);
    while let Some(at) = zip.windows(2).position(|w| w == b"ab") {
        zip[at + 1] = b'a';
    }
    for bytes in [tar_of(&[("a", b"1"), ("./a", b"2")]), zip] {
        let error = Archive::of(&bytes).members().unwrap_err();
        assert_eq!(error.kind(), FetchErrorKind::Unsafe);
        assert!(error.to_string().contains("twice"), "{error}");
    }
}

#[test]
fn a_symlink_in_a_zip_is_refused() {
    let mut writer = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.add_symlink("a", "/etc/passwd", ::zip::write::SimpleFileOptions::default()).unwrap();
    let error = Archive::of(&writer.finish().unwrap().into_inner()).members().unwrap_err();
    assert_eq!(error.kind(), FetchErrorKind::Unsafe);
}

#[test]
fn archives_that_were_cut_off_are_corrupt() {
    let tar = tar_of(&[("a", &[7; 5000])]);
    for end in [600, 5000, 5300] {
        for bytes in [tar[..end].to_vec(), gz(&tar[..end])] {
            let error = Archive::of(&bytes).members().unwrap_err();
            assert_eq!(error.kind(), FetchErrorKind::Corrupt, "{end}: {}", error.chain());
        }
    }
    let zip = zip_of(&[("a", &[7; 5000])], ::zip::CompressionMethod::Stored);
    let error = Archive::of(&zip[..zip.len() - 30]).members().unwrap_err();
    assert_eq!(error.kind(), FetchErrorKind::Corrupt);
}

#[test]
fn a_bomb_ends_in_an_error_and_leaves_nothing() {
    let limits = Limits { max_expansion: 20, always_allowed_bytes: 1 << 20, ..Limits::default() };
    let archive = Archive::of(&gz(&tar_of(&[("bomb", &vec![0; 8 << 20])])));
    let error = archive.members_within(limits).unwrap_err();
    assert_eq!(error.kind(), FetchErrorKind::Unsupported);
    assert!(error.chain().contains("unpacks to more than"), "{}", error.chain());
    let left = fs::read_dir(archive.temp.path().join("scratch")).map_or(0, Iterator::count);
    assert_eq!(left, 0);
}

#[test]
fn damage_in_a_deflated_member_is_found() {
    let text: Vec<u8> = (0..20_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let mut zip = zip_of(&[("a", &text)], ::zip::CompressionMethod::Deflated);
    zip[40_000] ^= 0x55;
    let read = Archive::of(&zip).members().unwrap()["a"].open().unwrap().read_to_end(&mut Vec::new());
    assert!(read.is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn archives_with_flipped_bytes_never_panic(at in 0usize..2560, value in any::<u8>(), is_tar in any::<bool>()) {
        let mut bytes = if is_tar { tar_of(&FILES) } else { zip_of(&FILES, ::zip::CompressionMethod::Deflated) };
        let at = at % bytes.len();
        bytes[at] = value;
        let archive = Archive::of(&bytes);
        if container_of(&archive.path, &bytes).unwrap().is_some() {
            let _ = archive.members();
        }
    }
}
