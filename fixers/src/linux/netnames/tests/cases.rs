//! Small guests with what the hypervisor knows of their addresses, and the names that must be pinned: the cases that
//! other tools of this kind are tested with, and those that they are known to get wrong.

use super::super::NicNames;
use crate::MemoryGuest;
use crate::edit::Change;
use crate::facts::NicHardware;
use crate::inspect::gather;
use crate::linux::testing::{facts, run};

const A: &str = "00:50:56:83:00:0a";
const B: &str = "00:50:56:83:00:0b";
const RH: &str = "/etc/sysconfig/network-scripts";
const SUSE: &str = "/etc/sysconfig/network";
const NM: &str = "/etc/NetworkManager/system-connections";
const LEASES: &str = "/var/lib/NetworkManager";

/// The names that are pinned, as `mac name`, where the hypervisor saw these addresses at these MACs.
fn pinned(guest: MemoryGuest, seen: &[(&str, &str)]) -> Vec<String> {
    let mut guest = guest
        .file("/usr/lib/systemd/systemd", "")
        .file("/usr/lib/systemd/systemd-udevd", "")
        .file("/usr/lib/systemd/libsystemd-shared-252.so", "");
    let mut facts = facts();
    gather(&guest, &mut facts).unwrap();
    for (mac, address) in seen {
        let nic = NicHardware {
            mac: (*mac).to_owned(),
            mac_from_source: true,
            addresses: vec![(*address).to_owned()],
            ..NicHardware::default()
        };
        match facts.hardware.nics.iter_mut().find(|n| n.mac == *mac) {
            Some(known) => known.addresses.extend(nic.addresses),
            None => facts.hardware.nics.push(nic),
        }
    }
    let proposal = run(&NicNames, &facts, &mut guest);
    let mut found = Vec::new();
    for edit in &proposal.edits {
        let Change::Write { after: crate::Content::Text(text), .. } = &edit.change else {
            panic!("{edit:?}")
        };
        let value = |key: &str| text.lines().find_map(|l| l.strip_prefix(key)).unwrap().to_owned();
        found.push(format!("{} {}", value("MACAddress="), value("Name=")));
    }
    found.sort();
    found
}

fn two() -> [String; 2] {
    [format!("{A} eth0"), format!("{B} eth1")]
}

#[test]
fn ifcfg_in_every_style_of_quotes() {
    for quote in ["", "'", "\""] {
        let file = |name: &str, address: &str| {
            format!(
                "DEVICE={quote}{name}{quote}\nBOOTPROTO={quote}none{quote}\nIPADDR={quote}{address}{quote}\nPREFIX=24\n"
            )
        };
        let guest = MemoryGuest::new()
            .file(&format!("{RH}/ifcfg-eth0"), file("eth0", "192.168.1.1"))
            .file(&format!("{RH}/ifcfg-eth1"), file("eth1", "192.168.1.2"));
        assert_eq!(pinned(guest, &[(A, "192.168.1.1"), (B, "192.168.1.2")]), two(), "{quote}");
    }
}

#[test]
fn ifcfg_with_hwaddr_and_without_device() {
    let guest = MemoryGuest::new()
        .file(
            &format!("{RH}/ifcfg-ens192"),
            format!("HWADDR={}\nIPADDR=10.0.0.1\nPREFIX=24\n", A.to_uppercase()),
        )
        .file(&format!("{RH}/ifcfg-ens224"), format!("HWADDR='{B}'\nBOOTPROTO=dhcp\n"));
    let want = [format!("{A} ens192"), format!("{B} ens224")];
    assert_eq!(pinned(guest, &[(A, "10.0.0.1"), (B, "10.0.0.2")]), want);
}

#[test]
fn ifcfg_of_suse_is_named_by_its_file() {
    let guest = MemoryGuest::new()
        .file(
            &format!("{SUSE}/ifcfg-eth0"),
            "BOOTPROTO='static'\nSTARTMODE='auto'\nIPADDR='192.168.1.1/24'\n",
        )
        .file(
            &format!("{SUSE}/ifcfg-eth1"),
            "BOOTPROTO='static'\nIPADDR='192.168.1.2'\nNETMASK='255.255.255.0'\n",
        )
        .file(&format!("{SUSE}/ifcfg-lo"), "IPADDR=127.0.0.1\n");
    assert_eq!(pinned(guest, &[(A, "192.168.1.1"), (B, "192.168.1.2")]), two());
}

#[test]
fn an_address_that_begins_like_another_is_another() {
    let ifcfg = MemoryGuest::new()
        .file(&format!("{RH}/ifcfg-eth0"), "DEVICE=eth0\nIPADDR=192.168.1.1\nPREFIX=24\n")
        .file(&format!("{RH}/ifcfg-eth1"), "DEVICE=eth1\nIPADDR=192.168.1.10\nPREFIX=24\n");
    assert_eq!(pinned(ifcfg, &[(A, "192.168.1.1"), (B, "192.168.1.10")]), two());
    let keyfiles = MemoryGuest::new()
        .file(&format!("{NM}/eth0.nmconnection"), keyfile("eth0", "address1=192.168.1.10/24"))
        .file(&format!("{NM}/eth1.nmconnection"), keyfile("eth1", "address1=192.168.1.1/24"));
    assert_eq!(pinned(keyfiles, &[(A, "192.168.1.10"), (B, "192.168.1.1")]), two());
}

fn keyfile(name: &str, addresses: &str) -> String {
    format!(
        "[connection]\nid={name}\ntype=ethernet\ninterface-name={name}\n\n[ethernet]\n\n[ipv4]\nmethod=manual\n{addresses}\n"
    )
}

#[test]
fn keyfiles() {
    let plain = MemoryGuest::new()
        .file(&format!("{NM}/eth0.nmconnection"), keyfile("eth0", "address1=10.0.0.1/24,10.0.0.254"))
        .file(
            &format!("{NM}/eth1 with spaces.nmconnection"),
            keyfile("eth1", "address1=10.0.0.2/24,10.0.0.254"),
        );
    assert_eq!(pinned(plain, &[(A, "10.0.0.1"), (B, "10.0.0.2")]), two());
    let several = MemoryGuest::new().file(
        &format!("{NM}/eth0.nmconnection"),
        keyfile("eth0", "address1=10.0.0.1/24,10.0.0.254\naddress2=10.0.0.7/24\naddress3=10.0.0.8/24"),
    );
    assert_eq!(pinned(several, &[(A, "10.0.0.7"), (A, "10.0.0.8"), (A, "10.0.0.1")]), [format!("{A} eth0")]);
    let old = MemoryGuest::new()
        .file(&format!("{NM}/System eth0"), keyfile("eth0", "addresses1=10.0.0.1;24;10.0.0.254;"))
        .file(&format!("{NM}/System eth1"), keyfile("eth1", "addresses1=10.0.0.2;24;10.0.0.254;"));
    assert_eq!(pinned(old, &[(A, "10.0.0.1"), (B, "10.0.0.2")]), two());
}

#[test]
fn keyfiles_that_name_the_mac_beside_the_name() {
    let with_mac = |name: &str, mac: &str| {
        keyfile(name, "address1=10.0.0.9/24")
            .replace("[ethernet]\n", &format!("[ethernet]\nauto-negotiate=true\nmac-address={mac}\n"))
    };
    // Both have the same address, so that only the MAC tells them apart.
    let guest = MemoryGuest::new()
        .file(&format!("{NM}/a.nmconnection"), with_mac("eth0", A))
        .file(&format!("{NM}/b.nmconnection"), with_mac("eth1", &B.to_uppercase()));
    assert_eq!(pinned(guest, &[(A, "10.0.0.9"), (B, "10.0.0.9")]), two());
    let without_section = MemoryGuest::new()
        .file(&format!("{NM}/eth0.nmconnection"), "[connection]\nid=eth0\ntype=ethernet\ninterface-name=eth0\n\n[ipv4]\nmethod=manual\naddress1=10.0.0.1/24,10.0.0.254\ndns=10.0.0.3;10.0.0.4;\n\n[ipv6]\nmethod=disabled\n")
        .file(&format!("{NM}/eth1.nmconnection"), keyfile("eth1", "address1=10.0.0.2/24"));
    assert_eq!(pinned(without_section, &[(A, "10.0.0.1"), (B, "10.0.0.2")]), two());
    let matched = MemoryGuest::new().file(
        &format!("{NM}/ens33.nmconnection"),
        "[connection]\ntype=ethernet\n[match]\ninterface-name=ens33;\n[ipv4]\naddress1=10.0.0.1/24\n",
    );
    assert_eq!(pinned(matched, &[(A, "10.0.0.1"), (B, "10.0.0.2")]), [format!("{A} ens33")]);
}

#[test]
fn a_profile_for_any_nic_names_none() {
    let profile =
        "TYPE=Ethernet\nBOOTPROTO=none\nIPADDR=192.168.10.72\nPREFIX=32\nNAME=\"Profile 1\"\nONBOOT=yes\n";
    let guest = MemoryGuest::new()
        .file(&format!("{RH}/ifcfg-Profile_1"), profile)
        .file(&format!("{RH}/ifcfg-eno16780032"), "TYPE=Ethernet\nBOOTPROTO=dhcp\nDEVICE=eno16780032\n");
    assert_eq!(pinned(guest, &[(A, "192.168.10.72")]), [format!("{A} eno16780032")]);
    let alone = MemoryGuest::new().file(&format!("{RH}/ifcfg-Profile_1"), profile);
    assert_eq!(pinned(alone, &[(A, "192.168.10.72")]), Vec::<String>::new());
}

fn dhclient(interface: &str, address: &str, ends: &str) -> String {
    format!(
        "lease {{\n  interface \"{interface}\";\n  fixed-address {address};\n  option routers 192.168.122.1;\n  \
         renew 3 2025/04/30 17:02:54;\n  expire {ends};\n}}\n"
    )
}

#[test]
fn leases_of_dhclient() {
    // Both had both addresses; the newer lease counts.
    let (old, new) = ("3 2025/04/29 23:00:00", "3 2025/04/30 17:42:30");
    let guest = MemoryGuest::new()
        .file(
            "/var/lib/dhclient/dhclient-17cdc369-2f93-4b93-9b65-603bddfd3c6d-eth0.lease",
            dhclient("eth0", "192.168.122.83", old) + &dhclient("eth0", "192.168.122.82", new),
        )
        .file(
            "/var/lib/dhclient/dhclient-f03027ac-4b98-4dc5-b5ec-fca59d071766-eth1.lease",
            dhclient("eth1", "192.168.122.83", new) + &dhclient("eth1", "192.168.122.82", old),
        );
    assert_eq!(pinned(guest, &[(A, "192.168.122.82"), (B, "192.168.122.83")]), two());
}

#[test]
fn leases_of_networkmanager() {
    let (one, two_) = ("1f2ea111-624b-32f6-8c93-12b2388516a6", "6a0608c2-9d57-46d8-84d1-d2bbf6767acc");
    let own = |address: &str| format!("# This is private data. Do not parse.\nADDRESS={address}\n");
    let guest = MemoryGuest::new()
        .file(&format!("{LEASES}/internal-{one}-eth1.lease"), own("192.168.122.179"))
        .file(&format!("{LEASES}/internal-{two_}-eth0.lease"), own("192.168.122.179"))
        .file(
            &format!("{LEASES}/timestamps"),
            format!("[timestamps]\n{one}=1700000000\n{two_}=1700000099\n"),
        );
    assert_eq!(pinned(guest, &[(A, "192.168.122.179")]), [format!("{A} eth0")]);
    let with_dhclient = MemoryGuest::new()
        .file(
            &format!("{LEASES}/dhclient-{one}-eth0.lease"),
            dhclient("eth0", "192.168.122.82", "3 2025/04/30 17:42:30"),
        )
        .file(&format!("{LEASES}/dhclient-{two_}-eth1.lease"), dhclient("eth1", "192.168.122.83", "never"));
    assert_eq!(pinned(with_dhclient, &[(A, "192.168.122.82"), (B, "192.168.122.83")]), two());
}

#[test]
fn leases_of_wicked() {
    let lease = |address: &str| {
        format!(
            "<lease>\n <family>ipv4</family>\n <ipv4:dhcp>\n  <address>{address}</address>\n </ipv4:dhcp>\n</lease>\n"
        )
    };
    let guest = MemoryGuest::new()
        .file("/var/lib/wicked/lease-eth0-dhcp-ipv4.xml", lease("192.168.122.82"))
        .file("/var/lib/wicked/lease-eth1-dhcp-ipv4.xml", lease("192.168.122.83"))
        .file("/var/lib/wicked/duid.xml", "<duid>00:01</duid>");
    assert_eq!(pinned(guest, &[(A, "192.168.122.82"), (B, "192.168.122.83")]), two());
}

#[test]
fn a_lease_tells_the_mac_itself() {
    let lease = |name: &str, mac: &str| {
        dhclient(name, "10.0.0.1", "never")
            .replace("option routers 192.168.122.1", &format!("option dhcp-client-identifier 1:{mac}"))
    };
    let guest = MemoryGuest::new()
        .file("/etc/network/interfaces", "iface eth0 inet dhcp\niface eth1 inet dhcp\n")
        .file("/var/lib/dhcp/dhclient.eth0.leases", lease("eth0", "0:50:56:83:0:a"))
        .file("/var/lib/dhcp/dhclient.eth1.leases", lease("eth1", "0:50:56:83:0:b"));
    // The hypervisor knows nothing that helps.
    assert_eq!(pinned(guest, &[(A, "fe80::1"), (B, "fe80::2")]), two());
}

#[test]
fn netplan_networkd_and_interfaces() {
    let netplan = MemoryGuest::new().file(
        "/etc/netplan/01-netcfg.yaml",
        "network:\n  version: 2\n  ethernets:\n    eth0:\n      addresses: [192.168.1.1/24]\n    eth1:\n      addresses:\n      - 192.168.1.10/24\n",
    );
    let seen = [(A, "192.168.1.1"), (B, "192.168.1.10")];
    assert_eq!(pinned(netplan, &seen), two());
    let networkd = MemoryGuest::new()
        .file(
            "/etc/systemd/network/10-eth0.network",
            "[Match]\nName=eth0\n[Network]\nAddress=192.168.1.1/24\n",
        )
        .file(
            "/etc/systemd/network/10-eth1.network",
            "[Match]\nName=eth1\n[Address]\nAddress=192.168.1.10/24\n",
        );
    assert_eq!(pinned(networkd, &seen), two());
    let single = MemoryGuest::new().file(
        "/etc/network/interfaces",
        "auto lo\niface lo inet loopback\nallow-hotplug eth0\niface eth0 inet static\n address 192.168.1.1\n netmask 255.255.255.0\n\
         auto eth1\niface eth1 inet static\n address 192.168.1.10/24\n",
    );
    assert_eq!(pinned(single, &seen), two());
    let several = MemoryGuest::new()
        .file(
            "/etc/network/interfaces",
            "source /etc/network/interfaces.d/*\niface eth0 inet static\n address 192.168.1.1/24\n",
        )
        .file("/etc/network/interfaces.d/if-eth1", "iface eth1 inet static\n address 192.168.1.10/24\n");
    assert_eq!(pinned(several, &seen), two());
}

#[test]
fn a_mac_with_an_address_that_nothing_has_is_not_pinned() {
    let guest = MemoryGuest::new()
        .file(&format!("{RH}/ifcfg-eth0"), "DEVICE=eth0\nIPADDR=10.0.0.1\nPREFIX=24\n")
        .file(&format!("{RH}/ifcfg-eth1"), "DEVICE=eth1\nIPADDR=10.0.0.2\nPREFIX=24\n");
    assert_eq!(
        pinned(guest, &[(A, "10.0.0.1"), (B, "10.9.9.9"), ("00:50:56:83:00:0c", "10.9.9.8")]),
        [format!("{A} eth0")]
    );
}

#[test]
fn wicked_and_connman() {
    let wicked = MemoryGuest::new().file(
        "/etc/wicked/ifconfig/lan.xml",
        "<interface><name>eth0</name><ipv4:static><address><local>10.0.0.1/24</local></address></ipv4:static></interface>\n\
         <interface><name>eth1</name><ipv4:static><address><local>10.0.0.2/24</local></address></ipv4:static></interface>\n",
    );
    assert_eq!(pinned(wicked, &[(A, "10.0.0.1"), (B, "10.0.0.2")]), two());
    // ConnMan goes by MACs alone.
    let connman = MemoryGuest::new()
        .file(
            "/var/lib/connman/ethernet_00505683000a_cable/settings",
            "[ethernet_00505683000a_cable]\nIPv4.method=dhcp\n",
        )
        .file(
            "/var/lib/connman/lan.config",
            format!("[service_lan]\nType=ethernet\nMAC={B}\nIPv4=10.0.0.2/24/10.0.0.1\n"),
        );
    assert_eq!(pinned(connman, &[(A, "10.0.0.1"), (B, "10.0.0.2")]), Vec::<String>::new());
}
