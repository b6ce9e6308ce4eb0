//! Debian and Ubuntu.

use super::*;

fn debian() -> MemoryGuest {
    MemoryGuest::new()
        .file("/etc/fstab", "UUID=1 / ext4 errors=remount-ro 0 1\n/dev/sda5 none swap sw 0 0\n")
        .file("/boot/grub/grub.cfg", "")
        .file("/boot/grub/grubenv", "")
        .file("/etc/default/grub", "")
        .file("/etc/default/grub.d/init-select.cfg", "")
        .file("/etc/default/grub.d/README", "")
        .file("/boot/vmlinuz-6.1.0-9-amd64", "")
        .file("/boot/vmlinuz-6.1.0-56-amd64", "")
        .file("/boot/initrd.img-6.1.0-9-amd64", image("6.1.0-9-amd64", &["virtio_blk"]))
        .file("/boot/initrd.img-6.1.0-56-amd64", image("6.1.0-56-amd64", &["vmw_pvscsi"]))
        .link("/lib", "usr/lib")
        .file(
            "/usr/lib/modules/6.1.0-56-amd64/modules.dep",
            "kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio.ko\n\
             kernel/drivers/virtio/virtio_pci.ko.xz:\nkernel/drivers/char/hw_random/virtio-rng.ko:\n\
             kernel/fs/ext4/ext4.ko: kernel/lib/crc16.ko\n",
        )
        .file("/usr/lib/modules/6.1.0-56-amd64/modules.builtin", "kernel/drivers/virtio/virtio_ring.ko\n")
        .file("/usr/lib/modules/6.1.0-9-amd64/modules.dep", "")
        .dir("/usr/lib/modules/5.10.0-removed")
        .file("/usr/lib/systemd/systemd", "")
        .file("/usr/lib/systemd/systemd-udevd", "")
        .link("/sbin/init", "/lib/systemd/systemd")
        .file("/usr/sbin/mkinitramfs", "")
        .file(
            "/var/lib/dpkg/status",
            "Package: bash\nStatus: install ok installed\nVersion: 5.2\n\n\
             Package: open-vm-tools\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2:12.2.0-1\n\n\
             Package: qemu-guest-agent\nStatus: deinstall ok config-files\nVersion: 1:7.2\n",
        )
        .link("/etc/systemd/system/multi-user.target.wants/open-vm-tools.service", "/lib/systemd/system/x")
        .link("/etc/systemd/system/open-vm-tools.service.requires/vgauth.service", "/lib/systemd/system/y")
        .link("/etc/systemd/system/vmtoolsd.service", "/lib/systemd/system/x")
        .link("/etc/systemd/system/vgauth.service", "/dev/null")
        .file(
            "/etc/network/interfaces",
            "# loopback\nsource /etc/network/interfaces.d/*\nsource /etc/shadow ../../root/x\n\
             auto lo ens192\niface lo inet loopback\n\niface ens192 inet static\n\
             \taddress 10.0.0.5\n\tnetmask 255.255.255.0\n\tgateway 10.0.0.1\niface ens192 inet6 static\n\
             \taddress fd00::5/64\n\niface br0 inet dhcp\n bridge_ports ens256\n\
             mapping eth*\n script x\n",
        )
        .file(
            "/etc/network/interfaces.d/two",
            "iface ens224 inet \\\n dhcp\niface ens224:1 inet static\n address 10.1.0.9/16\n\
             iface ens192.7 inet manual\nsource interfaces.d/*\nsource /etc/network/interfaces\n",
        )
        .file("/etc/network/interfaces.d/.hidden", "iface eth9 inet dhcp\n")
        .file("/etc/shadow", "iface eth8 inet dhcp\n")
}

#[test]
fn debian_12() {
    let facts = gathered(&debian(), &[("/", "ext4")]);
    assert_eq!(facts.fstab.len(), 2);
    let boot = &facts.bootloader;
    assert_eq!(boot.grub_cfg, ["/boot/grub/grub.cfg"]);
    assert_eq!(boot.grubenv, ["/boot/grub/grubenv"]);
    assert_eq!(boot.grub_defaults, ["/etc/default/grub", "/etc/default/grub.d/init-select.cfg"]);
    assert_eq!(boot.esp, None);
    let [old, new] = facts.kernels.as_slice() else { panic!("{:?}", facts.kernels) };
    assert_eq!((old.version.as_str(), new.version.as_str()), ("6.1.0-9-amd64", "6.1.0-56-amd64"));
    assert_eq!(new.image.as_deref(), Some("/boot/vmlinuz-6.1.0-56-amd64"));
    assert_eq!(new.modules, ["virtio_blk", "virtio_pci", "virtio_rng"]);
    assert_eq!(new.builtin, ["virtio_ring"]);
    let initramfs = new.initramfs.as_ref().unwrap();
    assert_eq!(initramfs.path, "/boot/initrd.img-6.1.0-56-amd64");
    assert_eq!(initramfs.modules, ["vmw_pvscsi"]);
    assert_eq!((initramfs.segments.as_slice(), initramfs.entries), (&["zstd".to_owned()][..], 1));
    assert!(initramfs.size > 100);
    assert_eq!(initramfs.unreadable, None);
    assert_eq!(facts.network.stacks, ["ifupdown"]);
    assert_eq!(
        interfaces(&facts),
        [
            "ens192 - [\"10.0.0.5/24\", \"fd00::5/64\"] /etc/network/interfaces",
            "ens224 - [\"10.1.0.9/16\"] dhcp /etc/network/interfaces.d/two",
            // A bridge sits upon it.
            "ens256 - [] /etc/network/interfaces",
        ]
    );
    let [tools] = facts.tools.as_slice() else { panic!("{:?}", facts.tools) };
    assert_eq!((tools.name.as_str(), tools.version.as_str()), ("open-vm-tools", "2:12.2.0-1"));
    assert_eq!(tools.enabled_units, ["open-vm-tools.service", "vmtoolsd.service"]);
    assert!(facts.init.systemd && facts.init.link_files);
    assert_eq!(facts.init.initramfs_generator, "initramfs-tools");
}

#[test]
fn an_initramfs_that_cannot_be_listed_is_a_fact() {
    let mut guest = debian();
    guest.put("/boot/initrd.img-6.1.0-56-amd64", b"\x28\xb5\x2f\xfdbroken");
    let facts = gathered(&guest, &[]);
    let initramfs = facts.kernels[1].initramfs.as_ref().unwrap();
    assert!(
        initramfs.unreadable.as_ref().unwrap().starts_with("segment 1 (zstd from byte 0"),
        "{initramfs:?}"
    );
}

#[test]
fn modules_of_another_kernel_do_not_count() {
    let mut guest = debian();
    guest.put("/boot/initrd.img-6.1.0-56-amd64", &image("6.1.0-9-amd64", &["virtio_blk"]));
    let facts = gathered(&guest, &[]);
    assert!(facts.kernels[1].initramfs.as_ref().unwrap().modules.is_empty());
}

#[test]
fn ubuntu_with_netplan_on_uefi() {
    let guest = MemoryGuest::new()
        .file("/boot/grub/grub.cfg", "")
        .file("/boot/efi/EFI/ubuntu/grub.cfg", "")
        .file("/boot/efi/EFI/ubuntu/shimx64.efi", "")
        .file("/boot/efi/EFI/BOOT/BOOTX64.EFI", "")
        .file("/boot/efi/EFI/BOOT/readme.txt", "")
        .file("/usr/lib/modules/6.8.0-45-generic/modules.dep", "")
        .file("/boot/vmlinuz-6.8.0-45-generic", "")
        .file(
            "/etc/netplan/00-installer-config.yaml",
            "network:\n  version: 2\n  ethernets:\n    ens160:\n      dhcp4: yes\n    ens192:\n\
             \x20     addresses: [10.0.0.7/24, {\"10.0.0.8/24\": {label: x}}]\n    lan:\n\
             \x20     match: {macaddress: \"00:50:56:AA:BB:CC\"}\n      set-name: lan0\n\
             \x20   any:\n      match: {name: \"en*\"}\n      dhcp4: true\n    m:\n\
             \x20     match: {macaddress: \"00:50:56:aa:bb:dd\"}\n      dhcp6: true\n\
             \x20 bridges:\n    br0: {interfaces: [ens192]}\n",
        )
        .file("/etc/netplan/50-cloud-init.yaml", "network:\n  ethernets:\n    ens160: {dhcp4: false}\n")
        .file("/etc/netplan/60-broken.yaml", "network: [\n")
        .file("/etc/netplan/70-bomb.yaml", "a: &a [1,2]\nb: [*a, *a]\n")
        .file("/etc/netplan/notes.txt", "");
    let facts = gathered(&guest, &[("/", "ext4"), ("/boot/efi", "vfat")]);
    assert_eq!(facts.bootloader.esp.as_deref(), Some("/boot/efi"));
    assert_eq!(facts.bootloader.grub_cfg, ["/boot/efi/EFI/ubuntu/grub.cfg", "/boot/grub/grub.cfg"]);
    let binaries = ["/boot/efi/EFI/BOOT/BOOTX64.EFI", "/boot/efi/EFI/ubuntu/shimx64.efi"];
    assert_eq!(facts.bootloader.efi_binaries, binaries);
    assert_eq!(facts.kernels[0].initramfs, None);
    assert_eq!(facts.network.stacks, ["netplan"]);
    assert_eq!(
        interfaces(&facts),
        [
            "ens160 - [] /etc/netplan/00-installer-config.yaml",
            "ens192 - [\"10.0.0.7/24\", \"10.0.0.8/24\"] /etc/netplan/00-installer-config.yaml",
            "lan0 00:50:56:aa:bb:cc [] /etc/netplan/00-installer-config.yaml",
            " 00:50:56:aa:bb:dd [] dhcp /etc/netplan/00-installer-config.yaml",
        ]
    );
    let [broken, bomb] = facts.network.unparsed.as_slice() else { panic!("{:?}", facts.network.unparsed) };
    assert!(broken.starts_with("/etc/netplan/60-broken.yaml: "), "{broken}");
    assert_eq!(bomb, "/etc/netplan/70-bomb.yaml: YAML aliases are not followed");
}

#[test]
fn what_boots_is_looked_at_where_debian_has_systemd_boot() {
    let version = "6.1.0-9-amd64";
    let entry =
        format!("version {version}\nlinux /id/{version}/linux\ninitrd /id/{version}/initrd.img-{version}\n");
    let guest = MemoryGuest::new()
        .file(&format!("/lib/modules/{version}/modules.dep"), "")
        .file(&format!("/boot/vmlinuz-{version}"), "")
        .file(&format!("/boot/initrd.img-{version}"), image(version, &["virtio_blk"]))
        .file("/boot/efi/loader/entries/id.conf", entry)
        .file(&format!("/boot/efi/id/{version}/linux"), "")
        .file(&format!("/boot/efi/id/{version}/initrd.img-{version}"), image(version, &["nvme"]));
    let path = |guest: &MemoryGuest| {
        let facts = gathered(guest, &[("/boot/efi", "vfat")]);
        facts.kernels[0].initramfs.clone().unwrap().path
    };
    assert_eq!(path(&guest), format!("/boot/efi/id/{version}/initrd.img-{version}"));
    let with_grub = guest.file("/boot/grub/grub.cfg", "");
    assert_eq!(path(&with_grub), format!("/boot/initrd.img-{version}"));
}
