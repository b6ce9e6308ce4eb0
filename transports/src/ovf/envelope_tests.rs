//! Tests of the descriptor reader.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::error::FetchErrorKind;

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/ovf").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn refused(bytes: &[u8]) -> (FetchErrorKind, String) {
    let error = Envelope::parse(bytes).unwrap_err();
    (error.kind(), error.to_string())
}

/// An envelope with `inner` after its references.
fn envelope(inner: &str) -> Vec<u8> {
    format!(
        "<Envelope xmlns='http://schemas.dmtf.org/ovf/envelope/1' xmlns:ovf='http://schemas.dmtf.org/ovf/envelope/1'>\
         {inner}<VirtualSystem ovf:id='x'/></Envelope>"
    )
    .into_bytes()
}

#[test]
fn files_and_disks() {
    let envelope = Envelope::parse(&fixture("chunked.ovf")).unwrap();
    assert_eq!(
        envelope.files,
        [FileReference {
            id: "file1".to_owned(),
            href: "disk1.vmdk".to_owned(),
            size: Some(25600),
            compression: None,
            chunk_size: Some(10240),
        }]
    );
    assert_eq!(
        envelope.disks,
        [DiskReference {
            id: "vmdisk1".to_owned(),
            file: Some("file1".to_owned()),
            capacity_bytes: Some(50 << 30),
            parent: None,
            format: Some(DiskFormat::Vmdk),
        }]
    );
    assert_eq!(envelope.system.guest_os.as_deref(), Some("windows7Server64Guest"));
    assert_eq!(envelope.system.settings["firmware"], "efi");
    assert_eq!(envelope.warnings, Vec::<String>::new());
}

#[test]
fn capacities_in_bytes_and_in_nonsense() {
    let disks = "<DiskSection><Disk ovf:diskId='a' ovf:capacity='512'/>\
        <Disk ovf:diskId='b' ovf:capacity='${size}'/>\
        <Disk ovf:diskId='c' ovf:capacity='1' ovf:capacityAllocationUnits='hertz'/></DiskSection>";
    let envelope = Envelope::parse(&envelope(disks)).unwrap();
    let capacities: Vec<_> = envelope.disks.iter().map(|d| d.capacity_bytes).collect();
    assert_eq!(capacities, [Some(512), None, None]);
    assert_eq!(envelope.warnings.len(), 2);
}

#[test]
fn the_default_configuration_holds() {
    let envelope = Envelope::parse(&fixture("configurations.ovf")).unwrap();
    let quantity = |kind| -> Vec<_> {
        envelope.system.items.iter().filter(|i| i.kind == kind).map(|i| i.quantity).collect()
    };
    assert_eq!(quantity(3), [Some(8)]);
    assert_eq!(quantity(4), [Some(16384)]);
    assert!(envelope.warnings[0].contains("\"large\""));
}

#[test]
fn virtualbox_says_its_firmware_and_guest_in_its_own_words() {
    let system = Envelope::parse(&fixture("virtualbox-ovf2.ovf")).unwrap().system;
    assert_eq!(system.virtualbox_firmware, Firmware::Uefi);
    assert_eq!(system.guest_os.as_deref(), Some("Debian_64"));
    assert_eq!(system.items.len(), 8);
}

#[test]
fn what_is_no_single_machine_is_refused() {
    assert_eq!(Envelope::parse(&fixture("collection-of-one.ovf")).unwrap().system.id, "web");
    let (kind, text) = refused(&fixture("collection-of-two.ovf"));
    assert_eq!(kind, FetchErrorKind::Unsupported);
    assert!(text.contains("\"web\", \"db\""), "{text}");
    let (kind, _) = refused(b"<Envelope xmlns='http://schemas.dmtf.org/ovf/envelope/1'/>");
    assert_eq!(kind, FetchErrorKind::Unsupported);
}

#[test]
fn what_is_no_envelope_is_refused() {
    for text in
        ["<domain/>", "<Envelope/>", "<Envelope xmlns='http://www.vmware.com/schema/ovf/1/envelope'/>"]
    {
        assert_eq!(refused(text.as_bytes()).0, FetchErrorKind::Unsupported, "{text}");
    }
    assert_eq!(refused(&fixture("dtd.ovf")).0, FetchErrorKind::Unsafe);
}

#[test]
fn other_encodings() {
    let text = "<?xml version='1.0' encoding='windows-1252'?><Envelope xmlns='http://schemas.dmtf.org/ovf/envelope/1'>\
                <VirtualSystem><Name>B\u{FC}ro</Name></VirtualSystem></Envelope>";
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    assert_eq!(Envelope::parse(&latin).unwrap().system.name.as_deref(), Some("Büro"));
    let utf_16: Vec<u8> = format!("\u{FEFF}{text}").encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(Envelope::parse(&utf_16).unwrap().system.name.as_deref(), Some("Büro"));
}

#[test]
fn a_machine_with_too_many_devices_is_refused() {
    let disks = format!("<DiskSection>{}</DiskSection>", "<Disk ovf:capacity='1'/>".repeat(MAX_DEVICES + 1));
    assert_eq!(refused(&envelope(&disks)).0, FetchErrorKind::Unsupported);
}

proptest! {
    #[test]
    fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..1000)) {
        let _ = Envelope::parse(&bytes);
    }

    #[test]
    fn changed_descriptors_never_panic(changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..8)) {
        let mut bytes = fixture("full.ovf");
        for (at, value) in changes {
            let at = usize::from(at) % bytes.len();
            bytes[at] = value;
        }
        if let Ok(envelope) = Envelope::parse(&bytes) {
            let _ = crate::ovf::describe(&envelope, "x", std::path::Path::new("x.ovf"));
        }
    }
}
