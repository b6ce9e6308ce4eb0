//! Command lines that cannot be edited.

use super::*;
use crate::facts::UkiFacts;

fn uki(cmdline: &str, modules: Option<&[&str]>) -> UkiFacts {
    UkiFacts {
        path: "/efi/EFI/Linux/a.efi".to_owned(),
        cmdline: Some(cmdline.to_owned()),
        modules: modules.map(|m| m.iter().map(|m| (*m).to_owned()).collect()),
        unreadable: None,
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
    insta::assert_snapshot!(of(uki("root=/dev/sda1 rw", None)).join("\n"), @"Critical guest.boot.uki: the command line inside of the unified kernel image names /dev/sda1 by the old hardware, and cannot be edited without building the image anew");
    let resume = of(uki(&format!("root=UUID={ROOT} resume=/dev/sdx2"), None)).join("\n");
    assert!(resume.starts_with("Warning guest.boot.uki: "), "{resume}");
    let unreadable = UkiFacts { unreadable: Some("not a PE image".to_owned()), ..uki("", None) };
    assert_eq!(of(unreadable).len(), 1);
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
