//! Command lines inside of unified kernel images, and those that cannot be edited.

use super::*;
use crate::GuestMut;
use crate::facts::UkiFacts;
use crate::inspect::uki_image;

fn uki(cmdline: &str, modules: Option<&[&str]>) -> UkiFacts {
    UkiFacts {
        path: "/efi/EFI/Linux/a.efi".to_owned(),
        cmdline: Some(cmdline.to_owned()),
        modules: modules.map(|m| m.iter().map(|m| (*m).to_owned()).collect()),
        sealed: Some("is signed".to_owned()),
        ..UkiFacts::default()
    }
}

fn of(uki: UkiFacts) -> Vec<String> {
    let mut facts = facts();
    facts.bootloader.ukis = vec![uki];
    let proposal = KernelArguments.plan(&facts, &MemoryGuest::new(), &Policy::default()).unwrap();
    assert_eq!(proposal.edits, Vec::new());
    proposal.concerns.iter().map(|c| format!("{:?} {}: {}", c.severity, c.id, c.message)).collect()
}

#[test]
fn a_unified_kernel_image_that_names_its_root_by_uuid_is_good() {
    let good = ["virtio_blk", "virtio_pci"];
    assert_eq!(of(uki(&format!("root=UUID={ROOT} rw"), Some(&good))), Vec::<String>::new());
    assert_eq!(of(uki("quiet", None)), Vec::<String>::new());
}

#[test]
fn one_that_names_a_device_of_the_old_hardware_is_a_concern() {
    insta::assert_snapshot!(of(uki("root=/dev/sda1 rw", None)).join("\n"), @"Critical guest.boot.uki: the command line inside of the unified kernel image names /dev/sda1 by the old hardware, and cannot be edited: it is signed");
    let resume = of(uki(&format!("root=UUID={ROOT} resume=/dev/sdx2"), None)).join("\n");
    assert!(resume.starts_with("Warning guest.boot.uki: "), "{resume}");
    let unreadable = UkiFacts { unreadable: Some("not a PE image".to_owned()), ..uki("", None) };
    assert_eq!(of(unreadable).len(), 1);
}

/// A guest with an image, as it is inspected, and the proposal for it.
fn in_guest(image: &[u8]) -> (MemoryGuest, crate::GuestFacts, Proposal) {
    let path = "/efi/EFI/Linux/a.efi";
    let guest = MemoryGuest::new().file(path, image);
    let mut facts = facts();
    facts.bootloader.ukis = vec![crate::inspect::look_at_uki(&guest, path).unwrap()];
    let proposal = KernelArguments.plan(&facts, &guest, &Policy::default()).unwrap();
    (guest, facts, proposal)
}

#[test]
fn the_line_of_one_that_is_not_signed_is_written_over() {
    let image = uki_image(&[(".cmdline", b"root=/dev/sda1 rw quiet\n\0"), (".linux", b"kernel")], 0);
    let (mut guest, _, proposal) = in_guest(&image);
    assert_eq!(show_concerns(&proposal), Vec::<String>::new());
    let [edit] = proposal.edits.as_slice() else { panic!("{:?}", proposal.edits) };
    // Its length of 56 bytes, as base64.
    let shown = format!(
        "patch /efi/EFI/Linux/a.efi\n-root=/dev/sda1 rw quiet\n+root=UUID={ROOT} rw quiet\nbytes OAAAAA==\n"
    );
    assert_eq!(show(&proposal.edits), shown);
    guest.apply(edit).unwrap();
    let changed = guest.read("/efi/EFI/Linux/a.efi").unwrap().unwrap();
    assert_eq!(changed.len(), image.len());
    let (_, facts, again) = in_guest(&changed);
    let line = format!("root=UUID={ROOT} rw quiet");
    assert_eq!(facts.bootloader.ukis[0].cmdline.as_deref(), Some(line.as_str()));
    assert_eq!((again.edits, again.concerns), (vec![], vec![]));
    // Nothing but the line and its size.
    let place = facts.bootloader.ukis[0].place.clone().unwrap();
    assert_eq!(place.size as usize, line.len() + 1);
    let mut back = changed.clone();
    for (offset, length) in [(place.offset, 512), (place.size_field, 4)] {
        let range = usize::try_from(offset).unwrap()..usize::try_from(offset).unwrap() + length;
        back[range.clone()].copy_from_slice(&image[range]);
    }
    assert_eq!(back, image);
}

#[test]
fn one_without_room_for_its_line_is_a_concern() {
    let long = format!("root=/dev/sda1 {}", "x".repeat(490));
    let (_, _, proposal) = in_guest(&uki_image(&[(".cmdline", long.as_bytes())], 0));
    assert_eq!(proposal.edits, vec![]);
    let [concern] = proposal.concerns.as_slice() else { panic!("{:?}", proposal.concerns) };
    assert_eq!(concern.severity, Severity::Critical);
    assert!(
        concern.message.ends_with("it has 512 bytes for it, and the new line takes 537"),
        "{}",
        concern.message
    );
}

#[test]
fn what_of_a_line_stays_is_told_beside_the_edit() {
    let (_, _, proposal) = in_guest(&uki_image(&[(".cmdline", b"root=/dev/sda1 resume=/dev/sdx2")], 0));
    assert_eq!(proposal.edits.len(), 1);
    let [concern] = proposal.concerns.as_slice() else { panic!("{:?}", proposal.concerns) };
    assert_eq!(concern.severity, Severity::Warning);
    assert!(concern.message.ends_with("names resume=/dev/sdx2 by the old hardware"), "{}", concern.message);
}

#[test]
fn one_without_the_disks_driver_is_a_concern() {
    let lacking = of(uki(&format!("root=UUID={ROOT}"), Some(&["vmw_pvscsi"]))).join("\n");
    assert!(lacking.starts_with("Critical guest.boot.uki: the initramfs inside"), "{lacking}");
}

#[test]
fn other_loaders_files_are_a_concern_where_they_name_devices() {
    let concerns = |path: &str, text: &str| {
        let mut facts = facts();
        facts.bootloader.others = vec![path.to_owned()];
        let guest = MemoryGuest::new().file(path, text);
        let proposal = KernelArguments.plan(&facts, &guest, &Policy::default()).unwrap();
        assert_eq!(proposal.edits, Vec::new());
        show_concerns(&proposal)
    };
    for (path, text, severity) in [
        ("/etc/lilo.conf", "boot = /dev/sda\nimage = /v\n  root = /dev/sda1\n", "Critical"),
        ("/etc/lilo.conf", "append=\"resume=/dev/sda2\"\nroot=\"UUID=1\"\n", "Warning"),
        ("/boot/refind_linux.conf", "\"Boot\"  \"ro root=/dev/sda1 quiet\"\n", "Critical"),
        ("/boot/limine.conf", "  cmdline: root=/dev/sda1 rw\n", "Critical"),
    ] {
        assert_eq!(concerns(path, text), [format!("{severity} guest.boot.loader {path}")], "{text}");
    }
    let good = "boot = /dev/sda\n# root = /dev/sda1\nroot = \"UUID=0a\"\nappend=\"quiet console=ttyS0\"\n";
    assert_eq!(concerns("/etc/lilo.conf", good), Vec::<String>::new());
}
