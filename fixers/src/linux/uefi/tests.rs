use super::*;
use crate::MemoryGuest;
use crate::linux::testing::{facts, run, show, show_concerns};

fn uefi() -> GuestFacts {
    let mut facts = facts();
    facts.firmware = FirmwareOnDisk::Uefi;
    facts.bootloader.esp = Some("/boot/efi".to_owned());
    facts
}

fn distro(name: &str) -> GuestFacts {
    let mut facts = uefi();
    facts.systems[0].distro = name.to_owned();
    facts
}

fn debian() -> MemoryGuest {
    MemoryGuest::new()
        .file("/boot/efi/EFI/debian/BOOTX64.CSV", "csv")
        .file("/boot/efi/EFI/debian/fbx64.efi", "fallback")
        .file("/boot/efi/EFI/debian/grub.cfg", "search.fs_uuid x root\nconfigfile $prefix/grub.cfg\n")
        .file("/boot/efi/EFI/debian/grubx64.efi", "grub")
        .file("/boot/efi/EFI/debian/mmx64.efi", "mok")
        .file("/boot/efi/EFI/debian/shimx64.efi", "shim!")
}

fn plan(facts: &GuestFacts, guest: MemoryGuest) -> (String, Vec<String>) {
    let mut guest = guest;
    let proposal = run(&UefiFallback, facts, &mut guest);
    (show(&proposal.edits), show_concerns(&proposal))
}

#[test]
fn a_fallback_that_is_there_stays() {
    for path in ["/boot/efi/EFI/BOOT/BOOTX64.EFI", "/boot/efi/efi/Boot/bootx64.efi"] {
        let guest = MemoryGuest::new().file(path, "x").file("/boot/efi/EFI/debian/shimx64.efi", "s");
        let guest = if path.contains("/efi/Boot") { MemoryGuest::new().file(path, "x") } else { guest };
        assert_eq!(plan(&uefi(), guest), (String::new(), Vec::new()), "{path}");
    }
}

#[test]
fn shim_and_what_it_loads_are_copied() {
    let (edits, concerns) = plan(&uefi(), debian());
    insta::assert_snapshot!(edits, @r"
    copy /boot/efi/EFI/debian/shimx64.efi → /boot/efi/EFI/BOOT/BOOTX64.EFI (5 bytes)
    copy /boot/efi/EFI/debian/grubx64.efi → /boot/efi/EFI/BOOT/grubx64.efi (4 bytes)
    copy /boot/efi/EFI/debian/mmx64.efi → /boot/efi/EFI/BOOT/mmx64.efi (3 bytes)
    ");
    assert!(concerns.is_empty());
    let mut either = uefi();
    either.firmware = FirmwareOnDisk::Either;
    assert_eq!(plan(&either, debian()).0, edits);
}

#[test]
fn the_spelling_of_directories_and_files_that_are_there_stay() {
    let guest = debian().file("/boot/efi/EFI/boot/grubx64.efi", "other");
    insta::assert_snapshot!(plan(&uefi(), guest).0, @r"
    copy /boot/efi/EFI/debian/shimx64.efi → /boot/efi/EFI/boot/BOOTX64.EFI (5 bytes)
    copy /boot/efi/EFI/debian/mmx64.efi → /boot/efi/EFI/boot/mmx64.efi (3 bytes)
    ");
}

#[test]
fn without_shim_grub_or_systemd_boot_is_the_fallback() {
    let grub = MemoryGuest::new().file("/boot/efi/EFI/debian/grubx64.efi", "grub");
    insta::assert_snapshot!(plan(&uefi(), grub).0, @"copy /boot/efi/EFI/debian/grubx64.efi → /boot/efi/EFI/BOOT/BOOTX64.EFI (4 bytes)");
    let systemd = MemoryGuest::new().file("/boot/efi/EFI/systemd/systemd-bootx64.efi", "sd");
    insta::assert_snapshot!(plan(&uefi(), systemd).0, @"copy /boot/efi/EFI/systemd/systemd-bootx64.efi → /boot/efi/EFI/BOOT/BOOTX64.EFI (2 bytes)");
}

#[test]
fn other_vendors_stub_is_copied_and_a_whole_configuration_is_not() {
    let files = |cfg: &str| {
        MemoryGuest::new()
            .file("/boot/efi/EFI/redhat/shimx64.efi", "s")
            .file("/boot/efi/EFI/redhat/grubx64.efi", "g")
            .file("/boot/efi/EFI/redhat/grub.cfg", cfg)
    };
    let stub = plan(&distro("rhel"), files("search --fs-uuid x\nconfigfile $prefix/grub.cfg\n")).0;
    assert!(stub.contains("copy /boot/efi/EFI/redhat/grub.cfg → /boot/efi/EFI/BOOT/grub.cfg"), "{stub}");
    assert!(!plan(&distro("rhel"), files("menuentry x {\n linux /v\n}\n")).0.contains("grub.cfg"));
    let large = format!("configfile x\n{}", "#".repeat(5000));
    assert!(!plan(&distro("rhel"), files(&large)).0.contains("grub.cfg"));
}

#[test]
fn the_installed_distribution_chooses_among_vendors() {
    let both =
        || debian().file("/boot/efi/EFI/fedora/shimx64.efi", "f").file("/boot/efi/EFI/Microsoft/Boot/x", "");
    assert!(plan(&uefi(), both()).0.contains("EFI/debian/shimx64.efi"));
    assert!(plan(&distro("fedora"), both()).0.contains("EFI/fedora/shimx64.efi"));
    let (edits, concerns) = plan(&distro("unknown"), both());
    assert_eq!((edits.as_str(), concerns), ("", vec!["Critical guest.uefi.fallback /boot/efi".to_owned()]));
    assert!(plan(&distro("unknown"), debian()).0.contains("EFI/debian/shimx64.efi"), "the only one");
}

#[test]
fn other_architectures() {
    let mut arm = uefi();
    arm.systems[0].arch = "aarch64".to_owned();
    let guest = MemoryGuest::new()
        .file("/boot/efi/EFI/debian/shimaa64.efi", "s")
        .file("/boot/efi/EFI/debian/grubaa64.efi", "g");
    insta::assert_snapshot!(plan(&arm, guest).0, @r"
    copy /boot/efi/EFI/debian/shimaa64.efi → /boot/efi/EFI/BOOT/BOOTAA64.EFI (1 bytes)
    copy /boot/efi/EFI/debian/grubaa64.efi → /boot/efi/EFI/BOOT/grubaa64.efi (1 bytes)
    ");
    arm.systems[0].arch = "i686".to_owned();
    let guest = MemoryGuest::new().file("/boot/efi/EFI/debian/grubia32.efi", "g");
    assert!(plan(&arm, guest).0.contains("BOOTIA32.EFI"));
}

#[test]
fn what_cannot_be_settled_is_a_concern() {
    assert_eq!(
        plan(&uefi(), MemoryGuest::new().dir("/boot/efi/EFI")).1,
        ["Critical guest.uefi.fallback /boot/efi"]
    );
    let mut facts = uefi();
    facts.systems[0].arch = "riscv64".to_owned();
    facts.firmware = FirmwareOnDisk::Either;
    assert_eq!(plan(&facts, debian()).1, ["Warning guest.uefi.fallback /boot/efi"]);
    facts.bootloader.esp = None;
    assert_eq!(plan(&facts, MemoryGuest::new()).1, ["Warning guest.uefi.fallback EFI system partition"]);
}

/// The directories under EFI that each distribution's GRUB has built in.
#[test]
fn every_distributions_directory_is_known() {
    for (name, directory) in [
        ("rhel", "redhat"),
        ("oraclelinux", "redhat"),
        ("centos", "centos"),
        ("almalinux", "almalinux"),
        ("rocky", "rocky"),
        ("fedora", "fedora"),
        ("amzn", "amzn"),
        ("sles", "sles"),
        ("opensuse", "opensuse"),
        ("debian", "debian"),
        ("ubuntu", "ubuntu"),
        ("linuxmint", "ubuntu"),
        ("kalilinux", "kali"),
        ("archlinux", "GRUB"),
        ("alpinelinux", "alpine"),
        ("gentoo", "gentoo"),
        ("photon", "photon"),
    ] {
        let guest = MemoryGuest::new()
            .file(&format!("/boot/efi/EFI/{directory}/grubx64.efi"), "g")
            .file("/boot/efi/EFI/other/grubx64.efi", "o");
        let edits = plan(&distro(name), guest).0;
        assert!(edits.contains(&format!("copy /boot/efi/EFI/{directory}/grubx64.efi → ")), "{name}: {edits}");
    }
}

#[test]
fn suses_stub_is_copied() {
    let guest = MemoryGuest::new()
        .file("/boot/efi/EFI/opensuse/shim.efi", "s")
        .file("/boot/efi/EFI/opensuse/grub.efi", "g")
        .file(
            "/boot/efi/EFI/opensuse/grub.cfg",
            "search --fs-uuid --set=root 1\nsource \"${prefix}/grub.cfg\"\n",
        );
    insta::assert_snapshot!(plan(&distro("opensuse"), guest).0, @r"
    copy /boot/efi/EFI/opensuse/shim.efi → /boot/efi/EFI/BOOT/BOOTX64.EFI (1 bytes)
    copy /boot/efi/EFI/opensuse/grub.efi → /boot/efi/EFI/BOOT/grub.efi (1 bytes)
    copy /boot/efi/EFI/opensuse/grub.cfg → /boot/efi/EFI/BOOT/grub.cfg (58 bytes)
    ");
}

#[test]
fn grub_legacy_takes_its_configuration_along() {
    let guest = MemoryGuest::new()
        .file("/boot/efi/EFI/redhat/grub.efi", "grub")
        .file("/boot/efi/EFI/redhat/grub.conf", "default=0\n");
    let (edits, concerns) = plan(&distro("rhel"), guest);
    insta::assert_snapshot!(edits, @r"
    copy /boot/efi/EFI/redhat/grub.efi → /boot/efi/EFI/BOOT/BOOTX64.EFI (4 bytes)
    copy /boot/efi/EFI/redhat/grub.conf → /boot/efi/EFI/BOOT/BOOTX64.conf (10 bytes)
    copy /boot/efi/EFI/redhat/grub.conf → /boot/efi/EFI/BOOT/grub.conf (10 bytes)
    ");
    assert_eq!(concerns, ["Warning guest.uefi.legacy /boot/efi"]);
}

#[test]
fn a_shim_at_the_path_without_grub_gets_it() {
    let guest = debian().file("/boot/efi/EFI/BOOT/BOOTX64.EFI", "shim!");
    insta::assert_snapshot!(plan(&uefi(), guest).0, @r"
    copy /boot/efi/EFI/debian/grubx64.efi → /boot/efi/EFI/BOOT/grubx64.efi (4 bytes)
    copy /boot/efi/EFI/debian/mmx64.efi → /boot/efi/EFI/BOOT/mmx64.efi (3 bytes)
    ");
    let stranger =
        debian().file("/boot/efi/EFI/BOOT/BOOTX64.EFI", "s").file("/boot/efi/EFI/BOOT/mmx64.efi", "m");
    assert_eq!(
        plan(&uefi(), stranger),
        (String::new(), vec!["Warning guest.uefi.fallback /boot/efi".to_owned()])
    );
}

#[test]
fn shims_fallback_program_needs_a_list() {
    let with = |guest: MemoryGuest| {
        guest.file("/boot/efi/EFI/BOOT/BOOTX64.EFI", "shim!").file("/boot/efi/EFI/BOOT/fbx64.efi", "f")
    };
    assert_eq!(plan(&uefi(), with(debian())), (String::new(), Vec::new()));
    let mut without = with(debian());
    without.delete("/boot/efi/EFI/debian/BOOTX64.CSV");
    assert_eq!(plan(&uefi(), without).1, ["Warning guest.uefi.fallback /boot/efi"]);
}

#[test]
fn anothers_fallback_is_not_overwritten_but_told() {
    let windows = debian()
        .file("/boot/efi/EFI/Microsoft/Boot/bootmgfw.efi", "Windows")
        .file("/boot/efi/EFI/Boot/bootx64.efi", "Windows");
    assert_eq!(
        plan(&uefi(), windows),
        (String::new(), vec!["Critical guest.uefi.fallback /boot/efi".to_owned()])
    );
    let other = debian()
        .file("/boot/efi/EFI/fedora/shimx64.efi", "shim of Fedora")
        .file("/boot/efi/EFI/BOOT/BOOTX64.EFI", "shim of Fedora")
        .file("/boot/efi/EFI/BOOT/grubx64.efi", "GRUB of Fedora");
    assert_eq!(
        plan(&uefi(), other),
        (String::new(), vec!["Warning guest.uefi.fallback /boot/efi".to_owned()])
    );
}

#[test]
fn systemd_boot_is_chosen_where_grub_has_no_configuration() {
    let guest = || debian().file("/boot/efi/EFI/systemd/systemd-bootx64.efi", "sd");
    let mut facts = uefi();
    facts.bootloader.bls_entries = vec!["/boot/efi/loader/entries/a.conf".to_owned()];
    assert!(plan(&facts, guest()).0.starts_with("copy /boot/efi/EFI/systemd/systemd-bootx64.efi"));
    facts.bootloader.grub_cfg = vec!["/boot/grub/grub.cfg".to_owned()];
    assert!(plan(&facts, guest()).0.starts_with("copy /boot/efi/EFI/debian/shimx64.efi"));
}

#[test]
fn a_bios_guest_needs_none() {
    let mut facts = uefi();
    facts.firmware = FirmwareOnDisk::Bios;
    assert_eq!(plan(&facts, debian()), (String::new(), Vec::new()));
}
