//! UEFI: what firmware without boot entries starts.

use super::*;
use crate::linux::testing::device;

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn shim() -> Vec<u8> {
    [b"MZ\x90\0".to_vec(), vec![7; 64], wide("\\grubx64.efi"), vec![0; 8]].concat()
}

fn grub(directory: &str) -> Vec<u8> {
    [b"MZ\x90\0grub_strtoul\0".to_vec(), directory.as_bytes().to_vec(), vec![0; 8]].concat()
}

fn efi_guest() -> MemoryGuest {
    guest()
        .file("/boot/efi/EFI/BOOT/BOOTX64.EFI", shim())
        .file("/boot/efi/EFI/BOOT/grubx64.efi", grub("/EFI/debian"))
        .file("/boot/efi/EFI/debian/shimx64.efi", shim())
        .file("/boot/efi/EFI/debian/grubx64.efi", grub("/EFI/debian"))
        .file(
            "/boot/efi/EFI/debian/grub.cfg",
            format!("search.fs_uuid {ROOT} root hd0,gpt2 \nset prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg\n"),
        )
}

fn efi_checked(guest: &MemoryGuest) -> Readiness {
    let mut facts = facts_of(guest);
    facts.firmware = FirmwareOnDisk::Uefi;
    facts.block.push(device(0, 3, "vfat"));
    facts.mounts.push(Mount {
        mountpoint: "/boot/efi".to_owned(),
        device: "/dev/sda3".to_owned(),
        ..Mount::default()
    });
    gather(guest, &mut facts).unwrap();
    check(&facts, guest, &Target { uefi: true, ..target() })
}

#[test]
fn shim_starts_grub_whose_stub_leads_to_its_configuration() {
    let found = efi_checked(&efi_guest());
    assert_eq!(open(&found), Vec::<String>::new());
    let shown: Vec<String> = found.links.iter().take(2).map(ToString::to_string).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    firmware: /boot/efi/EFI/BOOT/BOOTX64.EFI: the firmware starts it: shim, which starts /boot/efi/EFI/BOOT/grubx64.efi
    boot loader: /boot/grub/grub.cfg: starts "Debian GNU/Linux" by default
    "#);
}

#[test]
fn without_a_fallback_loader_nothing_starts() {
    let mut guest = efi_guest();
    guest.delete("/boot/efi/EFI/BOOT/BOOTX64.EFI");
    assert_eq!(
        open(&efi_checked(&guest)),
        [
            "broken firmware: /boot/efi: there is no EFI/BOOT/BOOTX64.EFI, and the new VM's firmware has no boot entry \
          for another"
        ]
    );
    let guest = efi_guest().file("/boot/efi/EFI/BOOT/BOOTX64.EFI", "<html>");
    assert_eq!(
        open(&efi_checked(&guest)),
        ["broken firmware: /boot/efi/EFI/BOOT/BOOTX64.EFI: it is no EFI program"]
    );
    let guest = efi_guest().file("/boot/efi/EFI/BOOT/BOOTX64.EFI", "MZ something");
    assert!(open(&efi_checked(&guest))[0].ends_with("h2k does not know what it is"));
}

#[test]
fn shim_alone_starts_nothing() {
    let mut guest = efi_guest();
    guest.delete("/boot/efi/EFI/BOOT/grubx64.efi");
    let why = "broken firmware: /boot/efi/EFI/BOOT/BOOTX64.EFI: it is shim, and there is no grubx64.efi or grub.efi that \
               it could start";
    assert_eq!(open(&efi_checked(&guest)), [why]);
    // With its fallback program it starts what a distribution's directory names.
    let guest =
        guest.file("/boot/efi/EFI/BOOT/fbx64.efi", "MZ").file("/boot/efi/EFI/debian/BOOTX64.CSV", "x");
    assert_eq!(open(&efi_checked(&guest)), Vec::<String>::new());
}

#[test]
fn a_stub_that_leads_nowhere() {
    let guest = changed(efi_guest(), "/boot/efi/EFI/debian/grub.cfg", ROOT, "1234-dead");
    let found = open(&efi_checked(&guest));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("broken boot loader: /boot/efi/EFI/debian/grub.cfg: it leads on to another: ")
    );
    assert!(found[0].contains("GRUB searches for UUID=1234-dead, which is on no disk"), "{found:?}");
}

#[test]
fn an_esp_that_is_not_mounted_is_unknown() {
    let guest = guest();
    let mut facts = facts_of(&guest);
    facts.firmware = FirmwareOnDisk::Uefi;
    let found = open(&check(&facts, &guest, &Target { uefi: true, ..target() }));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("unknown firmware: UEFI: the guest does not mount"), "{found:?}");
}

fn systemd_boot() -> MemoryGuest {
    let boot = [b"MZ".to_vec(), b"#### LoaderInfo: systemd-boot 252 ####".to_vec()].concat();
    let entry = |version: &str| {
        format!(
            "title Debian\nversion {version}\nlinux /abc/{version}/linux\ninitrd /abc/{version}/initrd\noptions root=UUID={ROOT} ro\n"
        )
    };
    let mut guest = guest();
    guest.delete(CFG);
    guest
        .file("/boot/efi/EFI/BOOT/BOOTX64.EFI", boot)
        .file("/boot/efi/loader/loader.conf", "timeout 3\n")
        .file(&format!("/boot/efi/loader/entries/abc-{KERNEL}.conf"), entry(KERNEL))
        .file("/boot/efi/loader/entries/abc-5.10.0-1-amd64.conf", entry("5.10.0-1-amd64"))
        .file(&format!("/boot/efi/abc/{KERNEL}/linux"), "kernel")
        .file(&format!("/boot/efi/abc/{KERNEL}/initrd"), image(VIRTIO))
}

#[test]
fn systemd_boots_paths_start_at_the_esp() {
    // As kernel-install writes it where the ESP was not mounted, in a chroot.
    let entry = format!(
        "title Debian\nversion {KERNEL}\nlinux /boot/efi/abc/{KERNEL}/linux\ninitrd /boot/efi/abc/{KERNEL}/initrd\noptions root=UUID={ROOT} ro\n"
    );
    let guest = systemd_boot().file(&format!("/boot/efi/loader/entries/abc-{KERNEL}.conf"), entry);
    let found = open(&efi_checked(&guest));
    assert!(found[0].contains(&format!("there is no /boot/efi/boot/efi/abc/{KERNEL}/linux")), "{found:?}");
}

#[test]
fn systemd_boot_starts_the_newest_or_the_default() {
    let guest = systemd_boot();
    assert_eq!(open(&efi_checked(&guest)), Vec::<String>::new());
    let guest = guest.file("/boot/efi/loader/loader.conf", "default abc-5.10*\n");
    let found = open(&efi_checked(&guest));
    assert!(
        found[0].contains("abc-5.10.0-1-amd64.conf: there is no /boot/efi/abc/5.10.0-1-amd64/linux"),
        "{found:?}"
    );
    let mut guest = systemd_boot();
    guest.put(&format!("/boot/efi/abc/{KERNEL}/initrd"), &image(&["nvme"]));
    assert!(
        open(&efi_checked(&guest))[0]
            .starts_with(&format!("broken initramfs: /boot/efi/abc/{KERNEL}/initrd: "))
    );
    for version in [KERNEL, "5.10.0-1-amd64"] {
        guest.delete(&format!("/boot/efi/loader/entries/abc-{version}.conf"));
    }
    assert_eq!(
        open(&efi_checked(&guest)),
        ["broken boot loader: /boot/efi/loader/loader.conf: systemd-boot has no entry to start"]
    );
    let guest = guest.file("/boot/efi/EFI/Linux/debian.efi", "MZ");
    assert!(
        open(&efi_checked(&guest))[0].starts_with("unknown boot loader: /boot/efi/EFI/Linux/debian.efi: ")
    );
}

#[test]
fn the_one_unified_kernel_image_is_looked_into() {
    let image_with = |modules: &[&str], root: &str| {
        let (cmdline, initrd) = (format!("root={root} ro"), image(modules));
        let sections =
            [(".linux", b"kernel".as_slice()), (".cmdline", cmdline.as_bytes()), (".initrd", &initrd)];
        crate::inspect::uki_image(&sections, 0)
    };
    let mut guest = systemd_boot();
    for version in [KERNEL, "5.10.0-1-amd64"] {
        guest.delete(&format!("/boot/efi/loader/entries/abc-{version}.conf"));
    }
    let path = "/boot/efi/EFI/Linux/debian.efi";
    let root = format!("UUID={ROOT}");
    guest.put(path, &image_with(VIRTIO, &root));
    assert_eq!(open(&efi_checked(&guest)), Vec::<String>::new());
    guest.put(path, &image_with(&["nvme"], &root));
    let want = format!(
        "broken initramfs: {path}: it holds no virtio_pci, virtio_blk, which the target's disk needs"
    );
    assert_eq!(open(&efi_checked(&guest)), [want]);
    guest.put(path, &image_with(VIRTIO, "/dev/sda1"));
    assert!(open(&efi_checked(&guest))[0].starts_with("broken root: root=/dev/sda1: "));
}
