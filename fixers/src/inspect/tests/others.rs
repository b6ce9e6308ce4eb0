//! SUSE, Alpine, Arch, and what no distribution ships.

use super::*;

#[test]
fn suse_with_wicked() {
    let guest = MemoryGuest::new()
        .dir("/etc/wicked")
        .file("/boot/vmlinuz-5.14.21-150500.53-default", "")
        .file("/boot/initrd-5.14.21-150500.53-default", image("5.14.21-150500.53-default", &["ahci"]))
        .file("/lib/modules/5.14.21-150500.53-default/modules.dep", "")
        .file(
            "/etc/sysconfig/network/ifcfg-eth0",
            "BOOTPROTO='static'\nIPADDR='10.0.0.5/24'\nIPADDR_1='10.0.0.6'\nPREFIXLEN_1='24'\n",
        )
        .file("/etc/sysconfig/network/ifcfg-eth1", "BOOTPROTO='dhcp4'\nSTARTMODE='auto'\n")
        .file("/etc/sysconfig/network/ifcfg-eth-id-00:50:56:aa:bb:cc", "BOOTPROTO='dhcp+autoip'\n")
        .file("/etc/sysconfig/network/ifcfg-br0", "BRIDGE='yes'\nBRIDGE_PORTS='eth1'\n")
        .file("/etc/sysconfig/network/ifcfg-vlan5", "ETHERDEVICE='eth0'\n")
        .file("/etc/sysconfig/network/ifcfg.template", "")
        .file("/etc/vmware-tools/locations", "answer BINDIR /usr/bin\n")
        .file("/usr/bin/vmtoolsd", "");
    let facts = gathered(&guest, &[("/", "btrfs")]);
    assert_eq!(facts.network.stacks, ["ifcfg", "wicked"]);
    assert_eq!(
        interfaces(&facts),
        [
            " 00:50:56:aa:bb:cc [] dhcp /etc/sysconfig/network/ifcfg-eth-id-00:50:56:aa:bb:cc",
            "eth0 - [\"10.0.0.5/24\", \"10.0.0.6/24\"] /etc/sysconfig/network/ifcfg-eth0",
            "eth1 - [] dhcp /etc/sysconfig/network/ifcfg-eth1",
        ]
    );
    assert_eq!(facts.kernels[0].initramfs.as_ref().unwrap().modules, ["ahci"]);
    let names: Vec<_> = facts.tools.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["vmware-tools"]);
}

#[test]
fn alpine_with_extlinux() {
    let guest = MemoryGuest::new()
        .file("/boot/extlinux.conf", "")
        .file("/boot/vmlinuz-lts", "")
        .file("/boot/initramfs-lts", image("6.6.58-0-lts", &["virtio_blk"]))
        .file("/lib/modules/6.6.57-0-lts/modules.dep", "")
        .file("/lib/modules/6.6.58-0-lts/modules.dep", "kernel/drivers/virtio/virtio.ko.gz:\n")
        .file("/sbin/init", "busybox")
        .file("/sbin/mkinitfs", "")
        .file("/lib/apk/db/installed", "P:musl\nV:1.2\n\nC:Q1\nP:open-vm-tools\nV:12.4.5-r0\nA:x86_64\n")
        .file(
            "/etc/network/interfaces",
            "auto eth0\niface eth0\n\tuse dhcp\n\niface eth1\n\taddress 10.0.0.5/24\n",
        );
    let facts = gathered(&guest, &[("/", "ext4")]);
    assert_eq!(facts.bootloader.extlinux, ["/boot/extlinux.conf"]);
    let [old, new] = facts.kernels.as_slice() else { panic!("{:?}", facts.kernels) };
    assert_eq!((old.image.as_deref(), old.initramfs.as_ref()), (None, None));
    assert_eq!(new.image.as_deref(), Some("/boot/vmlinuz-lts"));
    assert_eq!(new.initramfs.as_ref().unwrap().path, "/boot/initramfs-lts");
    assert_eq!(new.modules, ["virtio"]);
    assert_eq!(
        interfaces(&facts),
        ["eth0 - [] dhcp /etc/network/interfaces", "eth1 - [\"10.0.0.5/24\"] /etc/network/interfaces"]
    );
    assert_eq!(facts.tools[0].version, "12.4.5-r0");
    assert!(!facts.init.systemd && !facts.init.link_files);
    assert_eq!(facts.init.initramfs_generator, "mkinitfs");
}

#[test]
fn networkd_with_names_macs_and_patterns() {
    let guest = MemoryGuest::new()
        .file("/etc/systemd/network/10-a.network", "[Match]\nName=ens192\nMACAddress=00:50:56:AA:BB:CC\n[Network]\nAddress=10.0.0.5/24\n[Address]\nAddress=10.0.0.6/24\n")
        .file("/etc/systemd/network/10-a.network.d/dhcp.conf", "[Network]\nDHCP=ipv4\n")
        .file("/etc/systemd/network/20-any.network", "[Match]\nName=en* eth*\n[Network]\nDHCP=yes\n")
        .file("/etc/systemd/network/30-two.network", "[Match]\nName=eth0 eth1\n[Network]\nDHCP=no\n")
        .file("/etc/systemd/network/40-mac.network", "[Match]\nMACAddress=00:50:56:aa:bb:dd\n[Network]\nDHCP=yes\n")
        .file("/etc/systemd/network/50-lan.netdev", "[NetDev]\nName=lan\nKind=bridge\n")
        .file("/etc/systemd/network/50-lan.network", "[Match]\nName=lan\n[Network]\nDHCP=yes\n");
    let facts = gathered(&guest, &[]);
    assert_eq!(facts.network.stacks, ["networkd"]);
    assert_eq!(
        interfaces(&facts),
        [
            "ens192 00:50:56:aa:bb:cc [\"10.0.0.5/24\", \"10.0.0.6/24\"] dhcp /etc/systemd/network/10-a.network",
            "eth0 - [] /etc/systemd/network/30-two.network",
            "eth1 - [] /etc/systemd/network/30-two.network",
            " 00:50:56:aa:bb:dd [] dhcp /etc/systemd/network/40-mac.network",
        ]
    );
}

#[test]
fn systemd_boot_keeps_kernels_on_the_esp() {
    let version = "6.9.1-arch1-1";
    let guest = MemoryGuest::new()
        .file(&format!("/usr/lib/modules/{version}/modules.dep"), "")
        .file("/boot/EFI/systemd/systemd-bootx64.efi", "")
        .file(
            "/boot/loader/entries/arch.conf",
            format!("version {version}\nlinux /id/linux\ninitrd /id/initrd\n"),
        )
        .file("/boot/id/linux", "")
        .file("/boot/id/initrd", image(version, &["nvme"]));
    let facts = gathered(&guest, &[("/", "ext4"), ("/boot", "vfat")]);
    assert_eq!(facts.bootloader.esp.as_deref(), Some("/boot"));
    assert_eq!(facts.bootloader.efi_binaries, ["/boot/EFI/systemd/systemd-bootx64.efi"]);
    assert_eq!(facts.kernels[0].image.as_deref(), Some("/boot/id/linux"));
    assert_eq!(facts.kernels[0].initramfs.as_ref().unwrap().path, "/boot/id/initrd");
}

#[test]
fn arch_names_kernels_by_package() {
    let guest = MemoryGuest::new()
        .file("/usr/lib/modules/6.9.1-arch1-1/modules.dep", "")
        .file("/usr/lib/modules/6.9.1-arch1-1/pkgbase", "linux\n")
        .file("/boot/vmlinuz-linux", "")
        .file("/boot/initramfs-linux.img", image("6.9.1-arch1-1", &["nvme"]))
        .dir("/var/lib/pacman/local/open-vm-tools-6:12.4.5-1");
    let facts = gathered(&guest, &[("/", "ext4")]);
    assert_eq!(facts.kernels[0].image.as_deref(), Some("/boot/vmlinuz-linux"));
    assert_eq!(facts.kernels[0].initramfs.as_ref().unwrap().modules, ["nvme"]);
    assert_eq!(facts.tools[0].version, "6:12.4.5-1");
}

#[test]
fn what_is_not_linux_is_left_alone() {
    let mut facts = GuestFacts::default();
    gather(&MemoryGuest::new().file("/etc/fstab", "a / b"), &mut facts).unwrap();
    assert_eq!(facts, GuestFacts::default());
}

#[test]
fn hostile_names_are_no_kernels() {
    let guest = MemoryGuest::new()
        .file("/lib/modules/-rf/modules.dep", "")
        .file("/lib/modules/a b/modules.dep", "")
        .file("/lib/modules/$(id)/modules.dep", "")
        .file("/boot/vmlinuz-0-rescue-a b", "")
        .link("/lib/modules/6.1.0/modules.dep", "/lib/modules/6.1.0/modules.dep");
    let facts = gathered(&guest, &[]);
    let versions: Vec<_> = facts.kernels.iter().map(|k| k.version.as_str()).collect();
    assert_eq!(versions, ["6.1.0"]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(100))]

    #[test]
    fn whatever_is_in_the_files_facts_come_of_it(
        text in "([a-z0-9.:/*\\[\\]=#,;&{}'\" \\\\-]{0,12}(\n|=|: | |\t)){0,30}",
    ) {
        let mut guest = MemoryGuest::new();
        for path in [
            "/etc/fstab",
            "/boot/loader/entries/a.conf",
            "/lib/modules/6.1.0/modules.dep",
            "/lib/modules/6.1.0/pkgbase",
            "/boot/initrd.img-6.1.0",
            "/etc/network/interfaces",
            "/etc/systemd/network/a.network",
            "/etc/netplan/a.yaml",
            "/etc/NetworkManager/system-connections/a",
            "/etc/sysconfig/network-scripts/ifcfg-eth0",
            "/etc/sysconfig/network/ifcfg-eth0",
            "/etc/wicked/ifconfig/a.xml",
            "/var/lib/connman/a.config",
            "/var/lib/connman/ethernet_005056aa0001_cable/settings",
            "/var/lib/dhcp/dhclient.leases",
            "/var/lib/NetworkManager/timestamps",
            "/var/lib/dpkg/status",
            "/lib/apk/db/installed",
        ] {
            guest.put(path, text.as_bytes());
        }
        gathered(&guest, &[("/", "ext4")]);
    }
}
