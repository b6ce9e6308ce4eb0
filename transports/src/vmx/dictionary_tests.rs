//! Tests of the dictionary reader and writer.

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Dictionary {
    let (dictionary, warnings) = Dictionary::parse(text.as_bytes());
    assert_eq!(warnings, Vec::<String>::new());
    dictionary
}

#[test]
fn names_have_no_case() {
    let dictionary = parse("memSize = \"1024\"\nSCSI0:0.FileName = \"A.vmdk\"\n");
    assert_eq!(dictionary.number::<u64>("memsize"), Some(1024));
    assert_eq!(dictionary.text("scsi0:0.filename"), Some("A.vmdk"));
}

#[test]
fn switches() {
    let dictionary = parse("a = \"TRUE\"\nb = \"false\"\nc = \"\"\nd = \"perhaps\"\n");
    assert_eq!(dictionary.switch("a"), Tristate::Yes);
    assert_eq!(dictionary.switch("b"), Tristate::No);
    for name in ["c", "d", "e"] {
        assert_eq!(dictionary.switch(name), Tristate::Unknown);
    }
}

#[test]
fn the_last_of_two_lines_wins_with_a_warning() {
    let (dictionary, warnings) = Dictionary::parse(b"a = \"1\"\nb = \"x\"\nB = \"x\"\nA = \"2\"\n");
    assert_eq!(dictionary.get("a"), Some("2"));
    assert_eq!(warnings, ["line 4 defines \"A\" again with another value; the last one is taken"]);
}

#[test]
fn values_are_in_the_declared_encoding() {
    let (dictionary, warnings) =
        Dictionary::parse(b"displayName = \"B\xFCro\"\n.encoding = \"windows-1252\"\n");
    assert_eq!(dictionary.get("displayname"), Some("Büro"));
    assert!(warnings.is_empty());
    // 0x83 0x7C is one character of Shift_JIS; VMware escapes its second byte, the pipe.
    let (dictionary, _) = Dictionary::parse(b".encoding = \"Shift_JIS\"\na = \"\x83|7C\"\n");
    assert_eq!(dictionary.get("a"), Some("ポ"));
}

#[test]
fn invalid_bytes_are_replaced_with_a_warning() {
    let (dictionary, warnings) = Dictionary::parse(b"a = \"\xFF\"\n");
    assert_eq!(dictionary.get("a"), Some("\u{FFFD}"));
    assert_eq!(warnings, ["line 1 holds bytes that are not UTF-8; they are replaced"]);
}

#[test]
fn an_unknown_encoding_is_read_as_utf_8() {
    let (dictionary, warnings) = Dictionary::parse(".encoding = \"klingon\"\na = \"ü\"\n".as_bytes());
    assert_eq!(dictionary.get("a"), Some("ü"));
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("klingon"));
}

#[test]
fn byte_order_marks_beat_the_declaration() {
    let (dictionary, _) = Dictionary::parse("\u{FEFF}.encoding = \"windows-1252\"\na = \"ü\"\n".as_bytes());
    assert_eq!(dictionary.get("a"), Some("ü"));
    let utf_16: Vec<u8> = "\u{FEFF}a = \"ü\"\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(Dictionary::parse(&utf_16).0.get("a"), Some("ü"));
}

#[test]
fn line_warnings_are_bounded() {
    let (_, warnings) = Dictionary::parse("nonsense\n".repeat(1000).as_bytes());
    assert_eq!(warnings.len(), MAX_LINE_WARNINGS + 1);
    assert_eq!(warnings.last().unwrap(), "980 more lines like these");
}

proptest! {
    #[test]
    fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = Dictionary::parse(&bytes);
    }

    #[test]
    fn what_is_written_is_read_back(entries in proptest::collection::btree_map("[a-z0-9_.:-]{1,20}", any::<String>(), 0..20)) {
        let mut dictionary = Dictionary::default();
        for (name, value) in entries.iter().filter(|(name, _)| *name != ENCODING_KEY) {
            dictionary.insert(name, value.as_str());
        }
        dictionary.insert(ENCODING_KEY, "UTF-8");
        let (read, warnings) = Dictionary::parse(dictionary.to_text().as_bytes());
        prop_assert_eq!(read, dictionary);
        prop_assert_eq!(warnings, Vec::<String>::new());
    }
}
