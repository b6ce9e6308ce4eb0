use h2k_config::{Addressing, Policy, nic};

use super::*;
use crate::MemoryGuest;
use crate::inspect::gather;
use crate::linux::testing::{facts, nic as hardware, show, show_concerns};

mod stacks;

const MAC: &str = "00:50:56:aa:00:01";
const MAC2: &str = "00:50:56:aa:00:02";

fn policy(ips: &[&str]) -> Policy {
    let mut policy = Policy::default();
    for ip in ips {
        let (mac, address) = nic::address(ip).unwrap();
        match policy.addressing.entry(mac).or_insert_with(|| Addressing::Static(Vec::new())) {
            Addressing::Static(list) => list.push(address),
            Addressing::Dhcp => unreachable!(),
        }
    }
    policy
}

fn dhcp(mac: &str) -> Policy {
    Policy { addressing: [(mac.to_owned(), Addressing::Dhcp)].into(), ..Policy::default() }
}

fn gathered(guest: &MemoryGuest) -> GuestFacts {
    let mut facts = facts();
    facts.hardware.nics = vec![hardware(MAC, Some(192))];
    gather(guest, &mut facts).unwrap();
    facts
}

/// Plans, applies, looks at the guest anew and plans again, which must come to nothing. What was done, and what the
/// first configured interface has then.
fn run(guest: &mut MemoryGuest, policy: &Policy) -> (String, Vec<String>) {
    let facts = gathered(guest);
    let proposal = Addresses.plan(&facts, guest, policy).unwrap();
    for edit in &proposal.edits {
        assert!(!edit.reason.is_empty());
        guest.apply(edit).unwrap();
    }
    let again = gathered(guest);
    for facts in [&facts, &again] {
        assert_eq!(Addresses.plan(facts, guest, policy).unwrap().edits, Vec::new(), "not idempotent");
    }
    if !proposal.concerns.is_empty() {
        return (show(&proposal.edits), show_concerns(&proposal));
    }
    let has = |i: &crate::facts::InterfaceFacts| {
        let dhcp = if i.dhcp { vec!["dhcp".to_owned()] } else { Vec::new() };
        [dhcp, i.addresses.clone()].concat()
    };
    (show(&proposal.edits), again.network.interfaces.first().map(has).unwrap_or_default())
}

fn text(guest: &MemoryGuest, path: &str) -> String {
    guest.read_text(path).unwrap().unwrap()
}

const STATIC: &[&str] =
    &["00:50:56:aa:00:01=192.0.2.10/24,192.0.2.1,192.0.2.53", "00:50:56:aa:00:01=192.0.2.11/25"];

#[test]
fn without_options_nothing_is_done() {
    let mut guest = MemoryGuest::new().file("/etc/network/interfaces", "iface ens192 inet dhcp\n");
    assert_eq!(run(&mut guest, &Policy::default()).0, "");
}

#[test]
fn what_cannot_be_written_is_critical() {
    let refused = vec![format!("Critical guest.network.not-written {MAC}")];
    let bond = "iface bond0 inet static\n bond-slaves ens192\n address 10.0.0.1/24\n";
    let wicked = "<interface><name>ens192</name></interface>";
    for guest in [
        MemoryGuest::new().file("/etc/network/interfaces", bond),
        MemoryGuest::new().file("/etc/wicked/ifconfig/a.xml", wicked),
        MemoryGuest::new(),
        // Which of them it is cannot be told.
        MemoryGuest::new().file("/etc/network/interfaces", "iface eth0 inet dhcp\niface eth1 inet dhcp\n"),
        MemoryGuest::new().file("/etc/network/interfaces", "iface ens192\n use dhcp\n"),
        MemoryGuest::new()
            .file("/etc/netplan/a.yaml", "network:\n  ethernets:\n    ens192: {\n      dhcp4: true}\n"),
        MemoryGuest::new().file("/etc/netplan/a.yaml", "network: {ethernets: {ens192: {dhcp4: true}}}\n"),
    ] {
        assert_eq!(run(&mut guest.clone(), &policy(STATIC)), (String::new(), refused.clone()));
    }
}

#[test]
fn two_nics_in_one_file() {
    let mut guest = MemoryGuest::new().file(
        "/etc/network/interfaces",
        "iface ens192 inet dhcp\niface ens224 inet static\n\taddress 10.0.0.1/24\n",
    );
    let mut facts = gathered(&guest);
    facts.hardware.nics.push(hardware(MAC2, Some(224)));
    let wanted = policy(&["00:50:56:aa:00:01=192.0.2.10/24", "00:50:56:aa:00:02=198.51.100.2/24"]);
    for edit in Addresses.plan(&facts, &guest, &wanted).unwrap().edits {
        guest.apply(&edit).unwrap();
    }
    assert_eq!(
        text(&guest, "/etc/network/interfaces"),
        "iface ens192 inet static\n\taddress 192.0.2.10\n\tnetmask 255.255.255.0\n\
         iface ens224 inet static\n\taddress 198.51.100.2\n\tnetmask 255.255.255.0\n"
    );
}

#[test]
fn a_nic_without_a_file_gets_one_for_the_stack_that_there_is() {
    let all = |path: &str| MemoryGuest::new().file(path, "");
    for (guest, path) in [
        (all("/usr/sbin/netplan"), "/etc/netplan/90-h2k-005056aa0001.yaml"),
        (
            all("/usr/sbin/NetworkManager"),
            "/etc/NetworkManager/system-connections/h2k-005056aa0001.nmconnection",
        ),
        (all("/etc/sysconfig/network-scripts/ifup"), "/etc/sysconfig/network-scripts/ifcfg-005056aa0001"),
        (
            all("/etc/systemd/system/multi-user.target.wants/systemd-networkd.service"),
            "/etc/systemd/network/05-h2k-005056aa0001.network",
        ),
        (
            MemoryGuest::new().file(
                "/var/lib/connman/ethernet_005056aa0001_cable/settings",
                "[ethernet_005056aa0001_cable]\nIPv4.method=dhcp\n",
            ),
            "/var/lib/connman/h2k-005056aa0001.config",
        ),
    ] {
        let mut guest = guest;
        let one = policy(&["00:50:56:aa:00:01=192.0.2.10/24,192.0.2.1,192.0.2.53"]);
        let (edits, _) = run(&mut guest, &one);
        assert_eq!(edits.lines().next(), Some(format!("write {path}").as_str()));
        let facts = gathered(&guest);
        let known = facts
            .network
            .interfaces
            .iter()
            .any(|i| i.mac.as_deref() == Some(MAC) && i.addresses == ["192.0.2.10/24"] && i.file == path);
        assert!(known, "{:?}", facts.network.interfaces);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn no_text_panics_and_all_edits_are_lasting(text in "(iface ens192 inet(6)? static|auto ens192|address 10.0.0.1/24|network:|  ethernets:|    ens192:|      addresses: \\[|\\]|      dhcp4: true|\\[Match\\]|Name=ens192|\\[Network\\]|\\[ipv4\\]|method=auto|DEVICE=ens192|IPADDR=1.2.3.4|up ip addr add|\\\\|[ \n\t]|\n|ä){0,30}") {
        for path in [
            "/etc/network/interfaces",
            "/etc/netplan/a.yaml",
            "/etc/systemd/network/10-a.network",
            "/etc/NetworkManager/system-connections/a",
            "/etc/sysconfig/network-scripts/ifcfg-ens192",
            "/etc/sysconfig/network/ifcfg-ens192",
        ] {
            run(&mut MemoryGuest::new().file(path, &text), &policy(STATIC));
        }
    }
}
