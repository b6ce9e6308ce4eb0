use proptest::prelude::*;

use super::*;
use crate::image::bytes::memory::Memory;
use crate::image::error::ImageErrorKind;

fn magic_of(start: &[u8]) -> Magic {
    let mut bytes = start.to_vec();
    bytes.resize(4096, 0);
    probe(&Memory(bytes)).unwrap()
}

#[test]
fn formats_are_told_by_their_bytes() {
    for (start, magic) in [
        (&b"KDMV\x01\0\0\0"[..], Magic::VmdkSparse),
        (b"COWD\x01\0\0\0", Magic::VmdkCowd),
        (b"\xbe\xba\xfe\xca\0\0\0\0\x01", Magic::VmdkSeSparse),
        (b"# Disk DescriptorFile\nversion=1", Magic::VmdkDescriptor),
        (b"# disk descriptor file\r\nversion=1", Magic::VmdkDescriptor),
        (b"conectix", Magic::Vhd),
        (b"vhdxfile", Magic::Vhdx),
        (b"QFI\xfb\0\0\0\x03", Magic::Qcow2),
        (b"QFI\xfb\0\0\0\x01", Magic::Qcow),
        (b"QED\0", Magic::Qed),
        (b"WithoutFreeSpace\x02\0\0\0", Magic::Parallels),
        (b"WithouFreSpacExt\x02\0\0\0", Magic::Parallels),
        (b"<<< Oracle VM VirtualBox Disk Image >>>\n", Magic::Foreign(FOREIGN[0].1)),
        (b"\x1f\x8b\x08\0", Magic::Foreign("compressed with gzip")),
        (b"\xeb\x63\x90", Magic::Nothing),
        (b"# Disk DescriptorFiles", Magic::Nothing),
        // Java class files begin with the same four bytes in the other order.
        (b"\xca\xfe\xba\xbe\0\0\0\x34", Magic::Nothing),
    ] {
        assert_eq!(magic_of(start), magic, "{start:?}");
    }
    assert_eq!(probe(&Memory(Vec::new())).unwrap(), Magic::Nothing);
    assert_eq!(probe(&Memory(b"QFI".to_vec())).unwrap(), Magic::Nothing);
}

#[test]
fn a_fixed_vhd_is_told_by_its_footer_of_512_or_511_bytes() {
    for length in [512, 511] {
        let mut bytes = vec![0; 4096];
        bytes.extend_from_slice(b"conectix");
        bytes.resize(4096 + length, 0);
        assert_eq!(probe(&Memory(bytes)).unwrap(), Magic::Vhd, "{length}");
    }
}

#[test]
fn a_vdi_is_told_by_its_signature_and_a_dmg_by_its_trailer() {
    for text in [&b"<<< Oracle VM VirtualBox Disk Image >>>\n"[..], b"any text", b""] {
        let mut start = text.to_vec();
        start.resize(64, 0);
        start.extend_from_slice(VDI_SIGNATURE);
        assert_eq!(magic_of(&start), Magic::Vdi);
        start[63] = 0xeb;
        assert_ne!(magic_of(&start), Magic::Vdi);
    }
    let mut bytes = vec![0; 4096 - 512];
    bytes.extend_from_slice(b"koly\0\0\0\x04\0\0\x02\0");
    bytes.resize(4096, 0);
    assert_eq!(probe(&Memory(bytes)).unwrap(), Magic::Dmg);
}

#[test]
fn raw_is_what_nothing_contradicts() {
    let settle = |magic, declared, path: &str| settle(magic, declared, Path::new(path));
    assert_eq!(settle(Magic::Nothing, None, "a.img").unwrap(), DiskFormat::Raw);
    assert_eq!(settle(Magic::Nothing, None, "a").unwrap(), DiskFormat::Raw);
    assert_eq!(settle(Magic::Nothing, Some(DiskFormat::Raw), "a-flat.vmdk").unwrap(), DiskFormat::Raw);
    assert_eq!(settle(Magic::Foreign("x"), Some(DiskFormat::Raw), "a").unwrap(), DiskFormat::Raw);
    for (magic, declared, path) in [
        (Magic::Nothing, Some(DiskFormat::Vmdk), "a"),
        (Magic::Nothing, None, "a.vmdk"),
        (Magic::Nothing, None, "A.VHDX"),
        (Magic::Nothing, Some(DiskFormat::Qcow2), "a.img"),
    ] {
        assert_eq!(settle(magic, declared, path).unwrap_err().kind(), ImageErrorKind::Corrupt);
    }
    for (magic, declared, path) in [
        (Magic::Qcow2, Some(DiskFormat::Raw), "a.img"),
        (Magic::Vhd, Some(DiskFormat::Raw), "a.raw"),
        (Magic::Foreign("x"), None, "a.img"),
    ] {
        assert_eq!(settle(magic, declared, path).unwrap_err().kind(), ImageErrorKind::Unsupported);
    }
}

#[test]
fn bytes_beat_the_ending() {
    let settle = |magic, declared, path: &str| settle(magic, declared, Path::new(path)).unwrap();
    assert_eq!(settle(Magic::Qcow2, None, "a.raw"), DiskFormat::Qcow2);
    assert_eq!(settle(Magic::Vhdx, Some(DiskFormat::Vmdk), "a.vmdk"), DiskFormat::Vhdx);
}

proptest! {
    #[test]
    fn any_bytes_are_something(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        probe(&Memory(bytes)).unwrap();
    }
}
