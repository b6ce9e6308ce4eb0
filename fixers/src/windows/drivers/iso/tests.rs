//! Images of the test's own writer, and what may be wrong with them.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use super::writer::{Extra, image};
use super::*;

fn files() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for (path, len) in
        [("a/b/c.inf", 5000), ("NetKVM/2k12R2/amd64/netkvm.sys", 3), ("empty", 0), ("w11/x;1y", 1)]
    {
        files.insert(path.to_owned(), vec![7; len]);
    }
    // More than one sector of records.
    for n in 0..80 {
        files.insert(format!("many/file-{n:03}.txt"), vec![n; 10]);
    }
    files
}

fn read(bytes: Vec<u8>) -> Result<BTreeMap<String, Vec<u8>>, IsoError> {
    let image = IsoImage::of(Box::new(bytes))?;
    let content = |file: File| Ok((file.path, image.read(&file.extent)?));
    image.files()?.into_iter().map(content).collect()
}

#[test]
fn all_names_are_read() {
    for extra in [Extra::Joliet, Extra::RockRidge] {
        assert_eq!(read(image(&files(), extra)).unwrap(), files(), "{extra:?}");
    }
    let upper: BTreeMap<_, _> =
        files().into_iter().map(|(path, bytes)| (path.to_uppercase(), bytes)).collect();
    assert_eq!(read(image(&files(), Extra::None)).unwrap(), upper);
}

#[test]
fn versions_are_taken_off_and_nothing_else() {
    let name = |text: &str| {
        let bytes = super::writer::record(text.as_bytes(), (0, 0), false, b"");
        Record::parse(&bytes).unwrap().unwrap().iso_name()
    };
    for (text, expected) in
        [("W11;1", "W11"), ("A.INF;1", "A.INF"), ("A.;12", "A"), ("A;B", "A;B"), ("1;", "1;"), ("11", "11")]
    {
        assert_eq!(name(text), expected);
    }
}

#[test]
fn what_is_no_image_is_refused() {
    for bytes in [Vec::new(), vec![0; 100_000]] {
        assert!(matches!(read(bytes), Err(IsoError::NoImage)));
    }
    let whole = image(&files(), Extra::Joliet);
    let cut = read(whole[..whole.len() - 4096].to_vec()).unwrap_err().to_string();
    assert!(cut.ends_with("lie beyond the image's end"), "{cut}");
}

/// A directory that contains itself would not end.
#[test]
fn a_ring_of_directories_is_walked_once() {
    let mut bytes = image(&files(), Extra::None);
    let root = 16 * SECTOR + 156 + 2;
    let place: [u8; 4] = bytes[root..root + 4].try_into().unwrap();
    let at = u32::from_le_bytes(place) as usize * SECTOR;
    let length: [u8; 4] = bytes[root + 8..root + 12].try_into().unwrap();
    // The first directory of the root, after `.` and `..`, becomes the root.
    let first = at + usize::from(bytes[at]) + usize::from(bytes[at + usize::from(bytes[at])]);
    assert_eq!(bytes[first + 25], 2);
    bytes[first + 2..first + 6].copy_from_slice(&place);
    bytes[first + 10..first + 14].copy_from_slice(&length);
    let names: Vec<String> = read(bytes).unwrap().into_keys().collect();
    assert!(
        names.contains(&"W11/X;1Y".to_owned()) && !names.iter().any(|n| n.contains("NETKVM")),
        "{names:?}"
    );
}

#[test]
fn deep_directories_are_refused() {
    let path = |depth: usize| BTreeMap::from([(format!("{}x", "d/".repeat(depth)), Vec::new())]);
    read(image(&path(MAX_DEPTH), Extra::Joliet)).unwrap();
    assert!(matches!(read(image(&path(MAX_DEPTH + 1), Extra::Joliet)), Err(IsoError::TooMuch(_))));
}

#[test]
fn names_that_are_none_are_passed_over() {
    for name in ["..", "a/../b", ".", ""] {
        assert!(!plain(name), "{name}");
    }
}

proptest! {
    /// Whatever is changed: no panic, and only bytes of the image are read.
    #[test]
    fn a_damaged_image_is_read_or_refused(
        changes in prop::collection::vec((32_768_usize..90_000, any::<u8>()), 1..20), rock in any::<bool>(),
    ) {
        let mut bytes = image(&files(), if rock { Extra::RockRidge } else { Extra::Joliet });
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let _ = read(bytes);
    }
}

/// Files of an image that genisoimage or xorriso made (fixtures/iso/generate).
fn fixture(name: &str) -> BTreeMap<String, Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/iso").join(name);
    let mut bytes = Vec::new();
    let packed = std::fs::File::open(path).unwrap();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(packed), &mut bytes).unwrap();
    read(bytes).unwrap()
}

#[test]
fn images_of_other_programs_are_read() {
    let mut expected = BTreeMap::new();
    for (path, text) in [
        ("viostor/2k12R2/amd64/viostor.inf", "inf"),
        ("NetKVM/w11/amd64/netkvm.sys", "sys"),
        ("NetKVM/w11/amd64/Name with blanks; and more.txt", "x"),
        ("empty", ""),
    ] {
        expected.insert(path.to_owned(), text.as_bytes().to_vec());
    }
    for n in 100..=180 {
        expected.insert(format!("many/file-{n}.txt"), n.to_string().into_bytes());
    }
    let mut long = expected.clone();
    long.insert(format!("many/{}", "long-name-".repeat(24)), b"long".to_vec());
    // Links are no files.
    assert_eq!(fixture("genisoimage.iso.gz"), long);
    assert_eq!(fixture("xorriso.iso.gz"), long);
    let joliet = fixture("joliet.iso.gz");
    // Joliet has no semicolons.
    let name = |path: &str| path.replace("; and", "_ and");
    let joliet_expected: BTreeMap<_, _> = expected.iter().map(|(p, b)| (name(p), b.clone())).collect();
    assert_eq!(joliet, joliet_expected);
    let plain = fixture("plain.iso.gz");
    assert_eq!(plain.get("VIOSTOR/2K12R2/AMD64/VIOSTOR.INF").unwrap(), b"inf");
    assert_eq!(plain.get("NETKVM/W11/AMD64/NETKVM.SYS").unwrap(), b"sys");
    assert_eq!(plain.len(), long.len());
}
