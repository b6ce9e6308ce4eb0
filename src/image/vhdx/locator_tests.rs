use proptest::prelude::*;

use super::super::forge::encode_locator;
use super::*;

const LINKAGE: (&str, &str) = ("parent_linkage", "{83ed0ec3-24c8-49a6-a959-5e4bd1288015}");

#[test]
fn the_relative_path_comes_first_and_others_lose_their_directories() {
    let item = encode_locator(&[
        LINKAGE,
        ("absolute_win32_path", r"\\?\C:\VMs\absolute.vhdx"),
        ("volume_path", r"\\?\Volume{26A21BDA-A627-11D7-9931-806E6F6E6963}\VMs\volume.vhdx"),
        ("parent_linkage2", "{00000000-0000-0000-0000-000000000000}"),
        ("relative_path", r"..\up\relative.vhdx"),
    ]);
    let parent = parse(&item).unwrap();
    assert_eq!(parent.names, ["relative.vhdx", "absolute.vhdx", "volume.vhdx"]);
    let id = *b"\xc3\x0e\xed\x83\xc8\x24\xa6\x49\xa9\x59\x5e\x4b\xd1\x28\x80\x15";
    assert_eq!(parent.id, Some(LinkId::VhdxDataWrite(id)));
    assert_eq!(parent.format, Some(DiskFormat::Vhdx));
}

#[test]
fn locators_that_make_no_sense_are_refused() {
    let name = ("relative_path", "a.vhdx");
    let refusal = |item: &[u8]| parse(item).unwrap_err().to_string();
    assert!(refusal(&encode_locator(&[LINKAGE])).contains("does not name its parent"));
    assert!(refusal(&encode_locator(&[name])).contains("no valid parent_linkage"));
    for bad in
        ["", "{83ed0ec3}", "83ed0ec3-24c8-49a6-a959-5e4bd128801g", "+3ed0ec3-24c8-49a6-a959-5e4bd1288015"]
    {
        assert!(refusal(&encode_locator(&[name, ("parent_linkage", bad)])).contains("no valid"), "{bad}");
    }
    let whole = encode_locator(&[name, LINKAGE]);
    assert!(refusal(&whole[..19]).contains("19 bytes only"));
    assert!(refusal(&whole[..whole.len() - 1]).contains("entry 1 of the parent locator points beyond"));
    let mut other = whole;
    other[0] ^= 1;
    assert!(refusal(&other).contains("a kind that is not known"));
}

proptest! {
    #[test]
    fn any_locator_is_read_or_refused(patch in prop::collection::vec((0usize..200, any::<u8>()), 0..8)) {
        let mut item = encode_locator(&[("relative_path", "a.vhdx"), LINKAGE]);
        let end = item.len();
        for (at, byte) in patch {
            item[at % end] = byte;
        }
        let _ = parse(&item);
    }
}
