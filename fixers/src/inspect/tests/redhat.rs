//! Red Hat Enterprise Linux.

use super::*;

fn rhel() -> MemoryGuest {
    let version = "5.14.0-427.el9.x86_64";
    MemoryGuest::new()
        .file("/boot/grub2/grub.cfg", "")
        .file("/boot/efi/EFI/redhat/grubenv", "")
        .link("/boot/grub2/grubenv", "../efi/EFI/redhat/grubenv")
        .file(&format!("/boot/loader/entries/3f1c-{version}.conf"), "version x\nlinux /vmlinuz-x\n")
        .file("/boot/loader/entries/3f1c-0-rescue.conf", "")
        .file("/etc/kernel/cmdline", "root=UUID=1 ro\n")
        .file(&format!("/boot/vmlinuz-{version}"), "")
        .file("/boot/vmlinuz-0-rescue-3f1c", "")
        .file("/boot/initramfs-0-rescue-3f1c.img", image(version, &["virtio_blk", "virtio_pci"]))
        .file(&format!("/boot/initramfs-{version}.img"), image(version, &["vmw_pvscsi"]))
        .file(&format!("/lib/modules/{version}/modules.dep"), "kernel/drivers/block/virtio_blk.ko.xz:\n")
        .file("/usr/lib/systemd/systemd", "")
        .link("/usr/sbin/init", "../lib/systemd/systemd")
        .link("/sbin", "usr/sbin")
        .file("/usr/bin/dracut", "")
        .file("/usr/bin/vmtoolsd", "")
        .link("/etc/systemd/system/multi-user.target.wants/vmtoolsd.service", "/usr/lib/systemd/system/z")
        .file(
            "/etc/NetworkManager/system-connections/ens192.nmconnection",
            "[connection]\nid=ens192\ntype=ethernet\ninterface-name=ens192\n\n[ethernet]\n\n\
             [ipv4]\naddress1=10.0.0.5/24,10.0.0.1\naddress2=10.0.0.6/24\nmethod=manual\n[ipv6]\nmethod=auto\n",
        )
        .file(
            "/etc/NetworkManager/system-connections/Wired 1",
            "[connection]\ntype=802-3-ethernet\n[802-3-ethernet]\nmac-address=00:50:56:AA:BB:CC\n\
             [ipv4]\nmethod=auto\n",
        )
        .file(
            "/etc/NetworkManager/system-connections/old",
            "[connection]\ntype=ethernet\ninterface-name=ens224\n[ipv4]\naddresses1=10.9.0.5;24;10.9.0.1;\n",
        )
        .file("/etc/NetworkManager/system-connections/br0", "[connection]\ntype=bridge\ninterface-name=br0\n")
        .file("/etc/NetworkManager/system-connections/any", "[connection]\ntype=ethernet\n[ipv4]\nmethod=auto\n")
        .file(
            "/etc/sysconfig/network-scripts/ifcfg-eth0",
            "TYPE=Ethernet\nBOOTPROTO=none\nIPADDR=192.168.1.5\nPREFIX=24\nIPADDR1=\"192.168.1.6\"\n\
             NETMASK1=255.255.0.0 # second\nHWADDR='00:50:56:AA:BB:EE'\nNAME=\"System eth0\"\n",
        )
        .file("/etc/sysconfig/network-scripts/ifcfg-bond0", "DEVICE=bond0\nTYPE=Bond\nBONDING_MASTER=yes\n")
        .file("/etc/sysconfig/network-scripts/ifcfg-eth0.bak", "DEVICE=eth5\n")
        .file("/etc/sysconfig/network-scripts/ifcfg-lo", "DEVICE=lo\n")
        .file("/etc/sysconfig/network-scripts/ifup", "")
}

#[test]
fn rhel_9_with_boot_entries_and_keyfiles() {
    let facts = gathered(&rhel(), &[("/", "xfs"), ("/boot", "xfs"), ("/boot/efi", "vfat")]);
    assert_eq!(facts.bootloader.bls_entries.len(), 2);
    assert_eq!(facts.bootloader.grubenv, ["/boot/efi/EFI/redhat/grubenv"]);
    assert_eq!(facts.bootloader.kernel_cmdline, ["/etc/kernel/cmdline"]);
    let versions: Vec<_> = facts.kernels.iter().map(|k| k.version.as_str()).collect();
    assert_eq!(versions, ["0-rescue-3f1c", "5.14.0-427.el9.x86_64"]);
    let rescue = facts.kernels[0].initramfs.as_ref().unwrap();
    assert_eq!(rescue.modules, ["virtio_blk", "virtio_pci"]);
    assert_eq!(facts.kernels[1].modules, ["virtio_blk"]);
    assert_eq!(facts.network.stacks, ["networkmanager", "ifcfg"]);
    assert_eq!(
        interfaces(&facts),
        [
            " 00:50:56:aa:bb:cc [] dhcp /etc/NetworkManager/system-connections/Wired 1",
            "ens192 - [\"10.0.0.5/24\", \"10.0.0.6/24\"] /etc/NetworkManager/system-connections/ens192.nmconnection",
            "ens224 - [\"10.9.0.5/24\"] /etc/NetworkManager/system-connections/old",
            "eth0 00:50:56:aa:bb:ee [\"192.168.1.5/24\", \"192.168.1.6/16\"] \
             /etc/sysconfig/network-scripts/ifcfg-eth0",
        ]
    );
    assert_eq!(facts.tools[0].name, "open-vm-tools");
    assert_eq!(facts.tools[0].enabled_units, ["vmtoolsd.service"]);
    assert!(facts.init.systemd);
    assert_eq!(facts.init.initramfs_generator, "dracut");
}
