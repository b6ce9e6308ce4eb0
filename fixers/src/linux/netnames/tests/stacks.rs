//! Bonds, bridges and VLANs on top of NICs, in each stack: the NICs keep their names, and no file of the
//! configuration is touched.

use super::super::NicNames;
use super::{MAC1, MAC2};
use crate::MemoryGuest;
use crate::inspect::gather;
use crate::linux::macpins::MacPins;
use crate::linux::testing::{facts, nic, run, show, show_concerns};

const RH: &str = "/etc/sysconfig/network-scripts";
const SUSE: &str = "/etc/sysconfig/network";
const NM: &str = "/etc/NetworkManager/system-connections";
const ND: &str = "/etc/systemd/network";

/// With NICs in the slots 192 and 224: everything that is written, and every concern.
fn planned(guest: MemoryGuest) -> (String, Vec<String>) {
    let mut guest = guest
        .file("/usr/lib/systemd/systemd", "")
        .file("/usr/lib/systemd/systemd-udevd", "")
        .file("/usr/lib/systemd/libsystemd-shared-252.so", "");
    let mut facts = facts();
    facts.hardware.nics = vec![nic(MAC1, Some(192)), nic(MAC2, Some(224))];
    gather(&guest, &mut facts).unwrap();
    let pins = run(&MacPins, &facts, &mut guest);
    let names = run(&NicNames, &facts, &mut guest);
    assert_eq!(pins.edits, Vec::new());
    let mut concerns = show_concerns(&pins);
    concerns.extend(show_concerns(&names));
    (show(&names.edits), concerns)
}

/// Both NICs keep their names, and nothing else happens.
fn both_are_kept(guest: MemoryGuest) {
    let (edits, concerns) = planned(guest);
    let written: Vec<&str> = edits
        .lines()
        .filter(|l| !l.starts_with("+#") && (l.starts_with("write") || l.contains("MAC")))
        .collect();
    assert_eq!(
        written,
        [
            "write /etc/systemd/network/10-h2k-ens192.link",
            "+MACAddress=00:50:56:aa:00:01",
            "write /etc/systemd/network/10-h2k-ens224.link",
            "+MACAddress=00:50:56:aa:00:02",
        ]
    );
    assert_eq!(concerns, Vec::<String>::new());
}

#[test]
fn ifcfg_of_red_hat() {
    let slave = |name: &str| format!("DEVICE={name}\nMASTER=bond0\nSLAVE=yes\nONBOOT=yes\n");
    both_are_kept(
        MemoryGuest::new()
            .file(&format!("{RH}/ifcfg-bond0"), "DEVICE=bond0\nTYPE=Bond\nBONDING_MASTER=yes\nBRIDGE=br0\n")
            .file(&format!("{RH}/ifcfg-br0"), "DEVICE=br0\nTYPE=Bridge\nIPADDR=10.0.0.5\nPREFIX=24\n")
            .file(&format!("{RH}/ifcfg-bond0.7"), "DEVICE=bond0.7\nVLAN=yes\nIPADDR=10.7.0.5\nPREFIX=24\n")
            .file(&format!("{RH}/ifcfg-ens192"), slave("ens192"))
            .file(&format!("{RH}/ifcfg-ens224"), slave("ens224")),
    );
    // A VLAN names what it sits upon; the NIC has no file.
    both_are_kept(
        MemoryGuest::new()
            .file(&format!("{RH}/ifcfg-ens192.7"), "DEVICE=ens192.7\nVLAN=yes\nBOOTPROTO=dhcp\n")
            .file(&format!("{RH}/ifcfg-vlan8"), "DEVICE=vlan8\nVLAN=yes\nPHYSDEV=ens224\nVLAN_ID=8\n"),
    );
}

#[test]
fn ifcfg_of_suse() {
    both_are_kept(
        MemoryGuest::new()
            .file(
                &format!("{SUSE}/ifcfg-bond0"),
                "BONDING_MASTER='yes'\nBONDING_SLAVE_0='ens192'\nBONDING_SLAVE0='ens224'\nIPADDR='10.0.0.5/24'\n",
            )
            .file(&format!("{SUSE}/ifcfg-br0"), "BRIDGE='yes'\nBRIDGE_PORTS='bond0'\n")
            .file(&format!("{SUSE}/ifcfg-vlan7"), "ETHERDEVICE='bond0'\nVLAN_ID='7'\n"),
    );
    both_are_kept(
        MemoryGuest::new()
            .file(&format!("{SUSE}/ifcfg-br0"), "BRIDGE='yes'\nBRIDGE_PORTS='ens192'\n")
            .file(&format!("{SUSE}/ifcfg-vlan7"), "ETHERDEVICE='ens224'\nVLAN_ID='7'\n"),
    );
}

#[test]
fn keyfiles() {
    let port = |name: &str, controller: &str| {
        format!(
            "[connection]\nid={name}\ntype=ethernet\ninterface-name={name}\nmaster={controller}\nslave-type=bond\n"
        )
    };
    both_are_kept(
        MemoryGuest::new()
            .file(
                &format!("{NM}/bond0.nmconnection"),
                "[connection]\ntype=bond\ninterface-name=bond0\n[bond]\nmode=active-backup\n",
            )
            .file(&format!("{NM}/ens192.nmconnection"), port("ens192", "bond0"))
            .file(&format!("{NM}/ens224.nmconnection"), port("ens224", "bond0"))
            .file(&format!("{NM}/br0.nmconnection"), "[connection]\ntype=bridge\ninterface-name=br0\n")
            .file(
                &format!("{NM}/vlan7.nmconnection"),
                "[connection]\ntype=vlan\ninterface-name=vlan7\n[vlan]\nid=7\nparent=bond0\n",
            ),
    );
    both_are_kept(
        MemoryGuest::new()
            .file(&format!("{NM}/vlan7"), "[connection]\ntype=vlan\n[vlan]\nid=7\nparent=ens192\n")
            .file(&format!("{NM}/vlan8"), "[connection]\ntype=vlan\n[vlan]\nid=8\nparent=ens224\n")
            .file(
                &format!("{NM}/vlan9"),
                "[connection]\ntype=vlan\n[vlan]\nid=9\nparent=1f2ea111-624b-32f6-8c93-12b2388516a6\n",
            ),
    );
}

#[test]
fn netplan() {
    both_are_kept(MemoryGuest::new().file(
        "/etc/netplan/50-lan.yaml",
        "network:\n  version: 2\n  renderer: networkd\n  ethernets:\n    ens192: {}\n    ens224: {dhcp4: no}\n  bonds:\n    bond0:\n\
         \x20     interfaces: [ens192, ens224]\n  vlans:\n    vlan7: {id: 7, link: bond0}\n  bridges:\n    br0: {interfaces: [vlan7]}\n",
    ));
}

#[test]
fn networkd() {
    both_are_kept(
        MemoryGuest::new()
            .file(&format!("{ND}/10-bond0.netdev"), "[NetDev]\nName=uplink\nKind=bond\n")
            .file(&format!("{ND}/10-br0.netdev"), "[NetDev]\nName=lan\nKind=bridge\n")
            .file(&format!("{ND}/10-v7.netdev"), "[NetDev]\nName=storage\nKind=vlan\n[VLAN]\nId=7\n")
            .file(&format!("{ND}/20-ports.network"), "[Match]\nName=ens192 ens224\n[Network]\nBond=uplink\n")
            .file(
                &format!("{ND}/30-uplink.network"),
                "[Match]\nName=uplink\n[Network]\nVLAN=storage\nBridge=lan\n",
            )
            .file(
                &format!("{ND}/40-lan.network"),
                "[Match]\nName=lan storage\n[Network]\nDHCP=no\nAddress=10.0.0.5/24\n",
            ),
    );
}

#[test]
fn ifupdown() {
    both_are_kept(MemoryGuest::new().file(
        "/etc/network/interfaces",
        "auto bond0 br0 bond0.7\niface bond0 inet manual\n bond-slaves ens192 ens224\n bond-mode 1\n\
         iface br0 inet static\n address 10.0.0.5/24\n bridge_ports bond0\niface bond0.7 inet dhcp\n",
    ));
    // Neither NIC has a stanza.
    both_are_kept(
        MemoryGuest::new()
            .file("/etc/network/interfaces", "source-directory interfaces.d\niface br0 inet dhcp\n bridge_ports ens192 regex (veth|tap).* none\n")
            .file("/etc/network/interfaces.d/vlan", "iface ens224.7 inet dhcp\niface vlan8 inet dhcp\n vlan-raw-device ens224\n"),
    );
}

#[test]
fn a_pattern_for_the_slots_name_is_served() {
    let networkd = |matching: &str| {
        MemoryGuest::new()
            .file(&format!("{ND}/99-dhcp.network"), format!("[Match]\n{matching}\n[Network]\nDHCP=yes\n"))
    };
    both_are_kept(networkd("Name=ens*"));
    // As Photon has it: any name will do.
    assert_eq!(planned(networkd("Name=e*")), (String::new(), Vec::new()));
    let warned = vec![format!("Warning guest.network.other-hardware {ND}/99-dhcp.network")];
    assert_eq!(planned(networkd("Name=eth*")), (String::new(), warned.clone()));
    assert_eq!(planned(networkd("Driver=vmxnet3")), (String::new(), warned.clone()));
    assert_eq!(planned(networkd("Path=pci-0000:0b:00.0")), (String::new(), warned));
    let netplan = "network:\n  ethernets:\n    a:\n      match: {name: \"ens*\"}\n      dhcp4: true\n";
    both_are_kept(MemoryGuest::new().file("/etc/netplan/a.yaml", netplan));
    let driver = "network:\n  ethernets:\n    a:\n      match: {driver: [vmxnet3, e1000e]}\n";
    let concerns = planned(MemoryGuest::new().file("/etc/netplan/a.yaml", driver)).1;
    assert_eq!(concerns, ["Warning guest.network.other-hardware /etc/netplan/a.yaml"]);
}

#[test]
fn what_could_not_be_read_is_said() {
    let (edits, concerns) = planned(MemoryGuest::new().file("/etc/netplan/a.yaml", "network: [\n"));
    assert_eq!(
        (edits.as_str(), concerns),
        ("", vec!["Warning guest.network.unparsed /etc/netplan/a.yaml".to_owned()])
    );
}

/// A guest of another age than systemd's, with NICs that the source tells no slots of.
fn without_systemd(guest: &MemoryGuest, macs: &[&str]) -> (String, Vec<String>) {
    let mut guest = guest.clone();
    let mut facts = facts();
    facts.hardware.nics = macs.iter().map(|mac| nic(mac, None)).collect();
    gather(&guest, &mut facts).unwrap();
    let pins = run(&MacPins, &facts, &mut guest);
    let names = run(&NicNames, &facts, &mut guest);
    (show(&pins.edits) + &show(&names.edits), [show_concerns(&pins), show_concerns(&names)].concat())
}

#[test]
fn guests_with_udev_alone_get_rules() {
    // Red Hat 6, SUSE 11.
    for (udev, dir) in [("/sbin/udevd", RH), ("/sbin/udevd", SUSE)] {
        let file = |name: &str, mac: &str| format!("DEVICE={name}\nHWADDR={mac}\nBOOTPROTO=dhcp\n");
        let guest = MemoryGuest::new()
            .file(udev, "")
            .file(&format!("{dir}/ifcfg-eth0"), file("eth0", MAC1))
            .file(&format!("{dir}/ifcfg-eth1"), file("eth1", MAC2));
        let (edits, concerns) = without_systemd(&guest, &[MAC1, MAC2]);
        assert!(edits.starts_with("write /etc/udev/rules.d/70-h2k-net.rules\n"), "{edits}");
        assert_eq!((edits.lines().count(), concerns.len()), (4, 0), "{edits}");
        // What udev wrote itself is enough.
        let rule = |mac: &str, name: &str| {
            format!(
                "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{{address}}==\"{mac}\", ATTR{{type}}==\"1\", KERNEL==\"eth*\", NAME=\"{name}\"\n"
            )
        };
        let rules = rule(MAC1, "eth0") + &rule(MAC2, "eth1");
        let guest = guest.file("/etc/udev/rules.d/70-persistent-net.rules", rules);
        assert_eq!(without_systemd(&guest, &[MAC1, MAC2]), (String::new(), Vec::new()));
    }
}

#[test]
fn guests_without_udev_keep_the_kernels_names() {
    // Alpine with mdev.
    let one = MemoryGuest::new().file("/etc/network/interfaces", "auto eth0\niface eth0 inet dhcp\n");
    assert_eq!(without_systemd(&one, &[MAC1]), (String::new(), Vec::new()));
    let leases = |name: &str, mac: &str| {
        format!(
            "lease {{\n interface \"{name}\";\n fixed-address 10.0.0.1;\n option dhcp-client-identifier 1:{mac};\n}}\n"
        )
    };
    let two = MemoryGuest::new()
        .file("/etc/network/interfaces", "iface eth0 inet dhcp\niface eth1 inet dhcp\n")
        .file("/var/lib/dhcp/a.leases", leases("eth0", MAC1) + &leases("eth1", MAC2));
    assert_eq!(
        without_systemd(&two, &[MAC1, MAC2]),
        (
            String::new(),
            vec![
                "Warning guest.network.unpinned eth0".to_owned(),
                "Warning guest.network.unpinned eth1".to_owned(),
            ]
        )
    );
    let renamed = MemoryGuest::new().file("/etc/network/interfaces", "iface lan0 inet dhcp\n");
    assert_eq!(without_systemd(&renamed, &[MAC1]).1, ["Warning guest.network.unpinned lan0"]);
}
