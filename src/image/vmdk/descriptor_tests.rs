use proptest::prelude::*;

use super::*;

const FLAT: &str = "# Disk DescriptorFile\r\nversion=1\r\nencoding=\"UTF-8\"\r\nCID=b6503c4\r\nparentCID=ffffffff\r\n\
createType=\"twoGbMaxExtentFlat\"\r\n\r\n# Extent description\r\nRW 4194304 FLAT \"a b-f001.vmdk\" 0\r\n\
RW 2097152 FLAT \"a b-f002.vmdk\" 128\r\n\r\n#DDB\r\nddb.adapterType = \"lsilogic\"\r\nddb.uuid = \"60 00=\"\r\n";

fn with(line: &str) -> Result<Descriptor, DescriptorError> {
    parse(&format!("version=1\nCID=1\nparentCID=ffffffff\ncreateType=\"monolithicFlat\"\n{line}\n"))
}

#[test]
fn a_descriptor_with_windows_line_ends_is_read() {
    let d = parse(FLAT).unwrap();
    assert_eq!((d.version, d.cid, d.parent_cid), (1, 0x0b65_03c4, NO_PARENT));
    assert_eq!(d.create_type, "twoGbMaxExtentFlat");
    assert_eq!(d.encoding.as_deref(), Some("UTF-8"));
    assert_eq!(d.sectors(), 4194304 + 2097152);
    assert!(!d.has_parent());
    assert_eq!(d.extents.len(), 2);
    let second = &d.extents[1];
    assert_eq!((second.line, second.sectors, second.offset), (10, 2097152, Some(128)));
    assert_eq!((second.access, &second.kind), (Access::ReadWrite, &ExtentType::Flat));
    assert_eq!(second.file.as_deref(), Some("a b-f002.vmdk"));
    assert!(!second.after_blank);
}

#[test]
fn a_snapshot_names_its_parent() {
    let d = parse(
        "version=1\nCID=fffffffe\nparentCID=8c5d4d6b\ncreateType=\"vmfsSparse\"\nparentFileNameHint=\"base.vmdk\"\n\
         RW 100 VMFSSPARSE \"snap-delta.vmdk\"\n",
    )
    .unwrap();
    assert_eq!(d.parent_hint.as_deref(), Some("base.vmdk"));
    assert_eq!(d.parent_cid, 0x8c5d_4d6b);
    assert!(d.has_parent());
    assert_eq!(d.extents[0].kind, ExtentType::VmfsSparse);
}

#[test]
fn extents_of_all_types_are_read() {
    for (line, access, kind, file) in [
        ("RW 1 VMFS \"x\"", Access::ReadWrite, ExtentType::Vmfs, Some("x")),
        ("  RW\t1   SESPARSE \"x\"  ", Access::ReadWrite, ExtentType::SeSparse, Some("x")),
        ("RDONLY 1 ZERO", Access::ReadOnly, ExtentType::Zero, None),
        ("NOACCESS 1 SPARSE \"x\"", Access::None, ExtentType::Sparse, Some("x")),
        (
            "RW 1 VMFSRDM \"x-rdm.vmdk\"",
            Access::ReadWrite,
            ExtentType::Other("VMFSRDM".into()),
            Some("x-rdm.vmdk"),
        ),
    ] {
        let d = with(line).unwrap();
        let e = &d.extents[0];
        assert_eq!((e.access, &e.kind, e.file.as_deref(), e.line), (access, &kind, file, 5), "{line}");
    }
}

#[test]
fn an_embedded_descriptor_ends_at_its_padding() {
    let padded = format!("{FLAT}\0\0\0left over from before");
    assert_eq!(parse(&padded).unwrap(), parse(FLAT).unwrap());
}

#[test]
fn a_blank_line_before_an_extent_is_noticed() {
    assert!(with("\nRW 1 FLAT \"x\" 0").unwrap().extents[0].after_blank);
    assert!(!with("# x\nRW 1 FLAT \"x\" 0").unwrap().extents[0].after_blank);
}

#[test]
fn what_is_not_understood_is_refused() {
    for line in [
        "RW",
        "RW 1",
        "RW x FLAT \"x\" 0",
        "RW +1 FLAT \"x\" 0",
        "RW 0 FLAT \"x\" 0",
        "RW -1 FLAT \"x\" 0",
        "RW 99999999999999999999 FLAT \"x\" 0",
        "RW 137438953473 FLAT \"x\" 0",
        "RW 1 FLAT x 0",
        "RW 1 FLAT \"x 0",
        "RW 1 FLAT \"\" 0",
        "RW 1 FLAT \"x\" -1",
        "RW 1 FLAT \"x\" 0 more",
        "RW 1 FLAT \"x\" 18446744073709551615",
        "4194304 FLAT \"x\" 0",
        "some text",
        "=x",
        "1=2",
        "a\u{b}b=c",
        "RW\u{a0}1 FLAT \"x\" 0",
        "\u{a0}RW 1 FLAT \"x\" 0",
        "CID=2",
        "createType=\"vmfs\"",
    ] {
        let result = with(line);
        assert!(result.is_err(), "{line:?} was read as {result:?}");
    }
}

#[test]
fn keys_that_count_must_be_there() {
    for key in ["version", "CID", "parentCID", "createType"] {
        let text: String = FLAT.lines().filter(|l| !l.starts_with(key)).map(|l| format!("{l}\n")).collect();
        assert_eq!(parse(&text).unwrap_err().what, format!("{key} is missing"));
    }
    assert_eq!(
        parse("version=1\nCID=xyz\nparentCID=0\ncreateType=\"\"").unwrap_err().what,
        "CID is no number: \"xyz\""
    );
}

#[test]
fn limits_are_kept() {
    let line = "RW 1 FLAT \"x\" 0\n";
    assert_eq!(with(&line.repeat(MAX_EXTENTS)).unwrap().extents.len(), MAX_EXTENTS);
    assert!(with(&line.repeat(MAX_EXTENTS + 1)).is_err());
    assert!(with(&"#".repeat(MAX_DESCRIPTOR_BYTES)).is_err());
    assert!(with(&format!("RW {MAX_SECTORS} FLAT \"x\" 0\nRW 1 FLAT \"y\" 0")).is_err());
    let name = "n".repeat(MAX_FILE_NAME + 1);
    assert!(with(&format!("RW 1 FLAT \"{name}\" 0")).is_err());
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,300}") {
        let _ = parse(&text);
    }

    #[test]
    fn any_lines_are_read_or_refused(
        lines in prop::collection::vec("(RW|RDONLY|CID|version|#)[ =\t]{0,2}[0-9a-zA-Z\"\r\\\\.]{0,12}[ =\"\t0-9]{0,6}", 0..12)
    ) {
        if let Ok(d) = with(&lines.join("\n")) {
            prop_assert!(d.sectors() <= MAX_SECTORS);
        }
    }
}

#[test]
fn the_uuid_is_a_world_wide_name_or_nothing() {
    let uuid = |lines: &str| with(lines).unwrap().uuid;
    let name = Some("6000c29abcdef012345678901234567a".to_owned());
    for line in [
        "ddb.uuid = \"60 00 C2 9a bc de f0 12-34 56 78 90 12 34 56 7a\"",
        "ddb.uuid = \"60 00 c2 9a bc de f0 12 34 56 78 90 12 34 56 7a\"",
        "DDB.UUID=6000C29ABCDEF012345678901234567A",
    ] {
        assert_eq!(uuid(line), name, "{line}");
    }
    for line in [
        "ddb.uuid = \"\"",
        "ddb.uuid = \"60 00 C2 9a\"",
        "ddb.uuid = \"50 00 C2 9a bc de f0 12-34 56 78 90 12 34 56 7a\"",
        "ddb.uuid = \"60 00 C2 9a bc de f0 12-34 56 78 90 12 34 56 7a bc\"",
        "ddb.uuid = \"60 00 C2 9a bc de f0 12-34 56 78 90 12 34 56 7\u{e9}\"",
        "ddb.uuid.image = \"6000c29a-bcde-f012-3456-78901234567a\"",
        "ddb.uuid = \"60 00 C2 9a bc de f0 12-34 56 78 90 12 34 56 7a\"\nddb.uuid = \"60\"",
    ] {
        assert_eq!(uuid(line), None, "{line}");
    }
}
