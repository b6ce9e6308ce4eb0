use super::*;
use crate::MemoryGuest;
use crate::linux::testing::{facts, interface, nic, run, show, show_concerns};

const MAC1: &str = "00:50:56:aa:00:01";
const OLD: &str = "00:0c:29:00:00:09";
const PERSISTENT: &str = "/etc/udev/rules.d/70-persistent-net.rules";
const IFCFG: &str = "/etc/sysconfig/network-scripts/ifcfg-eth0";

fn with(from_source: bool, interfaces: &[(&str, Option<&str>, &str)]) -> GuestFacts {
    let mut facts = facts();
    facts.hardware.nics = vec![NicHardware { mac_from_source: from_source, ..nic(MAC1, None) }];
    facts.network.interfaces =
        interfaces.iter().map(|(name, mac, file)| interface(name, *mac, file)).collect();
    facts
}

fn plan(facts: &GuestFacts, guest: MemoryGuest) -> (String, Vec<String>) {
    let mut guest = guest;
    let proposal = run(&MacPins, facts, &mut guest);
    (show(&proposal.edits), show_concerns(&proposal))
}

fn rule(mac: &str, name: &str) -> String {
    format!(
        "\n# PCI device 0x15ad:0x07b0 (vmxnet3)\nSUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", \
         ATTR{{address}}==\"{mac}\", ATTR{{type}}==\"1\", KERNEL==\"eth*\", NAME=\"{name}\"\n"
    )
}

#[test]
fn pins_to_present_nics_stay() {
    let facts = with(true, &[("eth0", Some(MAC1), IFCFG)]);
    let guest =
        MemoryGuest::new().file(PERSISTENT, rule(MAC1, "eth0")).file(IFCFG, format!("HWADDR={MAC1}\n"));
    assert_eq!(plan(&facts, guest), (String::new(), Vec::new()));
}

#[test]
fn a_stale_rule_goes_if_its_name_is_needed() {
    let facts = with(true, &[("eth0", Some(MAC1), IFCFG)]);
    let rules = format!(
        "# This file was automatically generated\n{}{}",
        rule(OLD, "eth0"),
        rule("00:0c:29:00:00:08", "eth7")
    );
    let guest = MemoryGuest::new().file(PERSISTENT, &rules);
    let mut after = guest.clone();
    let proposal = run(&MacPins, &facts, &mut after);
    assert_eq!(proposal.edits.len(), 1);
    let want = format!("# This file was automatically generated\n\n{}", rule("00:0c:29:00:00:08", "eth7"));
    assert_eq!(after.read_text(PERSISTENT).unwrap().unwrap(), want);
}

#[test]
fn a_stale_rule_stays_if_its_name_is_free_or_the_file_is_the_administrators() {
    let facts = with(true, &[("eth1", Some(MAC1), IFCFG)]);
    let guest = MemoryGuest::new().file(PERSISTENT, rule(OLD, "eth0"));
    assert_eq!(plan(&facts, guest), (String::new(), Vec::new()));
    let facts = with(true, &[("eth0", Some(MAC1), IFCFG)]);
    let guest = MemoryGuest::new().file("/etc/udev/rules.d/10-lan.rules", rule(OLD, "eth0"));
    assert_eq!(plan(&facts, guest).0, "");
}

#[test]
fn the_name_that_the_guest_gives_the_nic_is_needed() {
    let facts = with(true, &[("eth0", None, "/etc/network/interfaces")]);
    let guest = MemoryGuest::new().file(PERSISTENT, rule(OLD, "eth0") + &rule(MAC1, "eth1"));
    assert_eq!(plan(&facts, guest).0, "", "the NIC is eth1");
}

#[test]
fn the_one_configuration_follows_the_one_nic_with_a_new_mac() {
    let facts = with(false, &[("eth0", Some(OLD), IFCFG)]);
    let (edits, concerns) =
        plan(&facts, MemoryGuest::new().file(IFCFG, "DEVICE=eth0\nHWADDR=00:0C:29:00:00:09\n"));
    insta::assert_snapshot!(edits, @r"
    write /etc/sysconfig/network-scripts/ifcfg-eth0
    -HWADDR=00:0C:29:00:00:09
    +HWADDR=00:50:56:AA:00:01
    ");
    assert!(concerns.is_empty());
}

#[test]
fn a_netplan_match_is_never_emptied() {
    let file = "/etc/netplan/00-installer-config.yaml";
    let facts = with(false, &[("ens192", Some(OLD), file)]);
    let yaml = format!(
        "network:\n  version: 2\n  ethernets:\n    ens192:\n      dhcp4: no # static\n      match:\n        macaddress: {OLD}\n      set-name: ens192\n"
    );
    let mut guest = MemoryGuest::new().file(file, &yaml);
    run(&MacPins, &facts, &mut guest);
    assert_eq!(guest.read_text(file).unwrap().unwrap(), yaml.replace(OLD, MAC1));
}

#[test]
fn a_networkd_file_keeps_its_match_and_its_addresses() {
    let file = "/etc/systemd/network/10-lan.network";
    let text = format!("[Match]\nMACAddress={OLD}\n\n[Network]\nDHCP=no\nAddress=10.0.0.5/24\n");
    let mut guest = MemoryGuest::new().file(file, &text);
    run(&MacPins, &with(false, &[("", Some(OLD), file)]), &mut guest);
    assert_eq!(guest.read_text(file).unwrap().unwrap(), text.replace(OLD, MAC1));
}

#[test]
fn other_stale_pins_stay_with_a_concern() {
    let warned = vec![format!("Warning guest.network.stale-mac {IFCFG}")];
    let guest = || MemoryGuest::new().file(IFCFG, format!("HWADDR={OLD}\n"));
    // It did not apply on the source either.
    assert_eq!(plan(&with(true, &[("eth0", Some(OLD), IFCFG)]), guest()), (String::new(), warned.clone()));
    // There is another configuration that the NIC may belong to.
    let two = with(false, &[("eth0", Some(OLD), IFCFG), ("ens192", None, "/etc/network/interfaces")]);
    assert_eq!(plan(&two, guest()), (String::new(), warned.clone()));
    // There is another NIC.
    let mut nics = with(false, &[("eth0", Some(OLD), IFCFG)]);
    nics.hardware.nics.push(nic("00:50:56:aa:00:02", None));
    assert_eq!(plan(&nics, guest()), (String::new(), warned));
    // The pin is not in the file's text.
    let renamed = "/etc/sysconfig/network/ifcfg-eth-id-00:0c:29:00:00:09";
    let facts = with(false, &[("", Some(OLD), renamed)]);
    let concerns = plan(&facts, MemoryGuest::new().file(renamed, "BOOTPROTO=dhcp\n")).1;
    assert_eq!(concerns, [format!("Warning guest.network.stale-mac {renamed}")]);
}

#[test]
fn a_vm_without_nics_needs_nothing() {
    let mut facts = with(true, &[("eth0", Some(OLD), IFCFG)]);
    facts.hardware.nics.clear();
    assert_eq!(
        plan(&facts, MemoryGuest::new().file(PERSISTENT, rule(OLD, "eth0"))),
        (String::new(), Vec::new())
    );
}

/// With a NIC that had [`OLD`] and is given [`MAC1`].
fn given(guest: &MemoryGuest) -> GuestFacts {
    let mut facts = facts();
    facts.hardware.nics = vec![NicHardware { source_mac: Some(OLD.to_owned()), ..nic(MAC1, Some(192)) }];
    crate::inspect::gather(guest, &mut facts).unwrap();
    facts
}

#[test]
fn everything_follows_a_nic_to_the_mac_that_it_is_given() {
    let mut guest = MemoryGuest::new()
        .file(PERSISTENT, rule(OLD, "eth0"))
        .file("/etc/udev/rules.d/10-lan.rules", rule(OLD, "eth0"))
        .file(IFCFG, "# was 00:0C:29:00:00:09\nDEVICE=eth0\nHWADDR=\"00:0C:29:00:00:09\"\n")
        .file(
            "/etc/NetworkManager/system-connections/lan 1.nmconnection",
            format!("[connection]\ntype=ethernet\n[ethernet]\nmac-address={OLD}\n"),
        )
        .file(
            "/etc/netplan/50-cloud-init.yaml",
            format!("network:\n  ethernets:\n    a:\n      match: {{macaddress: \"{OLD}\"}} # NIC\n      set-name: eth0\n"),
        )
        .file("/etc/systemd/network/10-eth0.link", format!("[Match]\nMACAddress={OLD}\n[Link]\nName=eth0\n"))
        .file("/etc/systemd/network/10-eth0.network", format!("[Match]\nMACAddress={OLD}\n[Network]\nDHCP=no\n"))
        .file("/etc/systemd/network/10-eth0.network.d/a.conf", format!("[Match]\nMACAddress={OLD}\n"))
        .file("/etc/network/interfaces", format!("iface eth0 inet dhcp\n hwaddress ether {OLD}\n"))
        .file("/etc/wicked/ifconfig/a.xml", format!("<interface><name><permanent-address>{OLD}</permanent-address></name></interface>"))
        .file("/etc/sysconfig/network/ifcfg-eth-id-00:0c:29:00:00:09", "BOOTPROTO='dhcp'\n");
    let facts = given(&guest);
    let proposal = run(&MacPins, &facts, &mut guest);
    insta::assert_snapshot!(show(&proposal.edits), @r#"
    write /etc/udev/rules.d/70-persistent-net.rules
    -SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", ATTR{address}=="00:0c:29:00:00:09", ATTR{type}=="1", KERNEL=="eth*", NAME="eth0"
    +SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", ATTR{address}=="00:50:56:aa:00:01", ATTR{type}=="1", KERNEL=="eth*", NAME="eth0"
    write /etc/NetworkManager/system-connections/lan 1.nmconnection
    -mac-address=00:0c:29:00:00:09
    +mac-address=00:50:56:aa:00:01
    write /etc/netplan/50-cloud-init.yaml
    -      match: {macaddress: "00:0c:29:00:00:09"} # NIC
    +      match: {macaddress: "00:50:56:aa:00:01"} # NIC
    write /etc/network/interfaces
    - hwaddress ether 00:0c:29:00:00:09
    + hwaddress ether 00:50:56:aa:00:01
    write /etc/sysconfig/network-scripts/ifcfg-eth0
    -HWADDR="00:0C:29:00:00:09"
    +HWADDR="00:50:56:AA:00:01"
    rename /etc/sysconfig/network/ifcfg-eth-id-00:0c:29:00:00:09 → /etc/sysconfig/network/ifcfg-eth-id-00:50:56:aa:00:01
    write /etc/systemd/network/10-eth0.link
    -MACAddress=00:0c:29:00:00:09
    +MACAddress=00:50:56:aa:00:01
    write /etc/systemd/network/10-eth0.network
    -MACAddress=00:0c:29:00:00:09
    +MACAddress=00:50:56:aa:00:01
    write /etc/systemd/network/10-eth0.network.d/a.conf
    -MACAddress=00:0c:29:00:00:09
    +MACAddress=00:50:56:aa:00:01
    write /etc/udev/rules.d/10-lan.rules
    -SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", ATTR{address}=="00:0c:29:00:00:09", ATTR{type}=="1", KERNEL=="eth*", NAME="eth0"
    +SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", ATTR{address}=="00:50:56:aa:00:01", ATTR{type}=="1", KERNEL=="eth*", NAME="eth0"
    write /etc/wicked/ifconfig/a.xml
    -<interface><name><permanent-address>00:0c:29:00:00:09</permanent-address></name></interface>
    +<interface><name><permanent-address>00:50:56:aa:00:01</permanent-address></name></interface>
    "#);
    assert_eq!(show_concerns(&proposal), Vec::<String>::new());
    let after = given(&guest);
    assert!(after.network.interfaces.iter().all(|i| i.mac.as_deref().is_none_or(|mac| mac == MAC1)));
    assert_eq!(run(&MacPins, &after, &mut guest).edits, Vec::new());
}

#[test]
fn connman_forgets_a_nic_with_another_mac() {
    let path = "/var/lib/connman/ethernet_000c29000009_cable/settings";
    let mut guest = MemoryGuest::new().file(path, "[ethernet_000c29000009_cable]\nIPv4.method=dhcp\n");
    let facts = given(&guest);
    let proposal = run(&MacPins, &facts, &mut guest);
    assert_eq!(show_concerns(&proposal), [format!("Warning guest.network.stale-mac {path}")]);
}
