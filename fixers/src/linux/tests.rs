//! All repairs together, as PLAN runs them: each sees what those before it propose.

use h2k_config::Policy;

use super::testing::{ROOT, device, facts, interface, nic, show};
use crate::facts::{FirmwareOnDisk, GuestTool};
use crate::registry::FIXERS;
use crate::{Edit, GuestFacts, GuestMut, MemoryGuest, Recorder};

/// The initramfs is left out: its generator runs.
const APART: &str = "linux.initramfs";

fn habits() -> (GuestFacts, MemoryGuest) {
    let mut facts = facts();
    facts.firmware = FirmwareOnDisk::Uefi;
    facts.block.push(device(0, 3, "crypto_LUKS"));
    facts.bootloader.esp = Some("/boot/efi".to_owned());
    facts.bootloader.grub_cfg = vec!["/boot/grub/grub.cfg".to_owned()];
    facts.bootloader.grub_defaults = vec!["/etc/default/grub".to_owned()];
    facts.hardware.nics = vec![nic("00:50:56:aa:00:01", Some(192))];
    facts.network.interfaces = vec![interface("ens192", None, "/etc/network/interfaces")];
    facts.tools = vec![
        GuestTool {
            name: "open-vm-tools".to_owned(),
            enabled_units: vec!["open-vm-tools.service".to_owned(), "vmtoolsd.service".to_owned()],
            ..GuestTool::default()
        },
        GuestTool { name: "qemu-guest-agent".to_owned(), ..GuestTool::default() },
    ];
    let guest = MemoryGuest::new()
        .file("/etc/fstab", "/dev/sda1 / ext4 defaults 0 1\n/dev/sda2 none swap sw 0 0\n")
        .file("/etc/crypttab", "data /dev/sda3 none luks\n")
        .file("/boot/grub/grub.cfg", "set root='hd0,gpt2'\nlinux /vmlinuz root=/dev/sda1 ro\n")
        .file("/etc/default/grub", "GRUB_CMDLINE_LINUX=\"root=/dev/sda1\"\nGRUB_DISABLE_LINUX_UUID=true\n")
        .file("/etc/initramfs-tools/conf.d/resume", "RESUME=/dev/sda2\n")
        .file("/etc/dracut.conf.d/h.conf", "kernel_cmdline=\"root=/dev/sda1\"\nadd_device+=\" /dev/sda2 \"\n")
        .file("/etc/lvm/devices/system.devices", "IDTYPE=sys_wwid IDNAME=naa.6000c29 DEVNAME=/dev/sda2\n")
        .file(
            "/etc/udev/rules.d/70-persistent-net.rules",
            "SUBSYSTEM==\"net\", ATTR{address}==\"00:0c:29:00:00:09\", NAME=\"ens192\"\n",
        )
        .file("/usr/lib/systemd/libsystemd-shared-252.so", "")
        .link("/etc/systemd/system/vmtoolsd.service", "/lib/systemd/system/open-vm-tools.service")
        .file("/boot/efi/EFI/debian/shimx64.efi", "shim")
        .file("/boot/efi/EFI/debian/grubx64.efi", "grub");
    (facts, guest)
}

fn propose(facts: &GuestFacts, guest: &MemoryGuest) -> Vec<Edit> {
    let mut recorder = Recorder::new(guest);
    for fixer in FIXERS.iter().filter(|fixer| fixer.id() != APART) {
        let proposal = fixer.plan(facts, &recorder, &Policy::default()).unwrap();
        assert_eq!(proposal.concerns, Vec::new(), "{}", fixer.id());
        for edit in &proposal.edits {
            recorder.apply(edit).unwrap();
        }
    }
    recorder.into_edits()
}

#[test]
fn every_habit_is_repaired_in_one_pass() {
    let (facts, mut guest) = habits();
    let edits = propose(&facts, &guest);
    insta::assert_snapshot!(show(&edits), @r#"
    write /etc/fstab
    -/dev/sda1 / ext4 defaults 0 1
    +UUID=0a000000-0000-4000-8000-000000000001 / ext4 defaults 0 1
    -/dev/sda2 none swap sw 0 0
    +UUID=0a000000-0000-4000-8000-000000000002 none swap sw 0 0
    write /etc/crypttab
    -data /dev/sda3 none luks
    +data UUID=0a000000-0000-4000-8000-000000000003 none luks
    write /boot/grub/grub.cfg
    -linux /vmlinuz root=/dev/sda1 ro
    +linux /vmlinuz root=UUID=0a000000-0000-4000-8000-000000000001 ro
    write /etc/default/grub
    -GRUB_CMDLINE_LINUX="root=/dev/sda1"
    +GRUB_CMDLINE_LINUX="root=UUID=0a000000-0000-4000-8000-000000000001"
    -GRUB_DISABLE_LINUX_UUID=true
    +GRUB_DISABLE_LINUX_UUID=false
    write /etc/dracut.conf.d/h.conf
    -kernel_cmdline="root=/dev/sda1"
    +kernel_cmdline="root=UUID=0a000000-0000-4000-8000-000000000001"
    write /etc/initramfs-tools/conf.d/resume
    -RESUME=/dev/sda2
    +RESUME=UUID=0a000000-0000-4000-8000-000000000002
    write /etc/dracut.conf.d/h.conf
    -add_device+=" /dev/sda2 "
    +add_device+=" /dev/disk/by-uuid/0a000000-0000-4000-8000-000000000002 "
    copy /boot/efi/EFI/debian/shimx64.efi → /boot/efi/EFI/BOOT/BOOTX64.EFI (4 bytes)
    copy /boot/efi/EFI/debian/grubx64.efi → /boot/efi/EFI/BOOT/grubx64.efi (4 bytes)
    remove /etc/lvm/devices/system.devices
    write /etc/udev/rules.d/70-persistent-net.rules
    -SUBSYSTEM=="net", ATTR{address}=="00:0c:29:00:00:09", NAME="ens192"
    write /etc/systemd/network/10-h2k-ens192.link
    +# Written by h2k: the network configuration knows this NIC as ens192.
    +[Match]
    +MACAddress=00:50:56:aa:00:01
    +Path=*pci-*
    +
    +[Link]
    +Name=ens192
    link /etc/systemd/system/open-vm-tools.service → /dev/null
    link /etc/systemd/system/vmtoolsd.service → /dev/null (was /lib/systemd/system/open-vm-tools.service)
    "#);
    for edit in &edits {
        guest.apply(edit).unwrap();
    }
    assert_eq!(propose(&facts, &guest), Vec::new());
    let text = |path: &str| crate::Guest::read_text(&guest, path).unwrap().unwrap();
    assert!(text("/etc/dracut.conf.d/h.conf").starts_with(&format!("kernel_cmdline=\"root=UUID={ROOT}\"\n")));
}

#[test]
fn every_repair_explains_itself() {
    for fixer in FIXERS {
        let system = ["linux.", "windows."].iter().any(|prefix| fixer.id().starts_with(prefix));
        assert!(system, "{}", fixer.id());
        assert!(!fixer.summary().is_empty() && !fixer.summary().ends_with('.'), "{}", fixer.id());
        assert!(fixer.explanation().ends_with('.'), "{}", fixer.id());
    }
}
