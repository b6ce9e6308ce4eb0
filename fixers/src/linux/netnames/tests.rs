use super::*;
use crate::MemoryGuest;
use crate::linux::testing::{facts, interface, nic, run, show, show_concerns};

mod cases;
mod stacks;

const MAC1: &str = "00:50:56:aa:00:01";
const MAC2: &str = "00:50:56:aa:00:02";
const INTERFACES: &str = "/etc/network/interfaces";

fn with(nics: &[(&str, Option<u32>)], names: &[(&str, Option<&str>)]) -> GuestFacts {
    let mut facts = facts();
    facts.hardware.nics = nics.iter().map(|(mac, slot)| nic(mac, *slot)).collect();
    facts.network.interfaces = names.iter().map(|(name, mac)| interface(name, *mac, INTERFACES)).collect();
    facts
}

fn plan(facts: &GuestFacts, guest: MemoryGuest) -> (String, Vec<String>) {
    let mut guest = guest.file("/usr/lib/systemd/libsystemd-shared-252.so", "");
    let proposal = run(&NicNames, facts, &mut guest);
    (show(&proposal.edits), show_concerns(&proposal))
}

fn pins(facts: &GuestFacts) -> String {
    let (edits, concerns) = plan(facts, MemoryGuest::new());
    assert_eq!(concerns, Vec::<String>::new());
    let kept = |line: &&str| line.starts_with("+MACAddress") || line.starts_with("+Name");
    edits.lines().filter(kept).map(|l| l.trim_start_matches(|c| c != '=')).collect::<Vec<_>>().join(" ")
}

#[test]
fn nothing_is_pinned_without_a_name() {
    assert_eq!(plan(&with(&[(MAC1, Some(192))], &[]), MemoryGuest::new()), (String::new(), Vec::new()));
    let by_mac = with(&[(MAC1, Some(192))], &[("", Some(MAC1))]);
    assert_eq!(plan(&by_mac, MemoryGuest::new()), (String::new(), Vec::new()));
}

#[test]
fn a_link_file() {
    let (edits, _) = plan(&with(&[(MAC1, Some(192))], &[("ens192", None)]), MemoryGuest::new());
    insta::assert_snapshot!(edits, @r"
    write /etc/systemd/network/10-h2k-ens192.link
    +# Written by h2k: the network configuration knows this NIC as ens192.
    +[Match]
    +MACAddress=00:50:56:aa:00:01
    +Path=*pci-*
    +
    +[Link]
    +Name=ens192
    ");
}

#[test]
fn a_rule_where_udev_is_old() {
    let mut facts = with(&[(MAC1, None), (MAC2, None)], &[("eth0", Some(MAC1)), ("eth1", Some(MAC2))]);
    facts.init.link_files = false;
    let (edits, concerns) = plan(&facts, MemoryGuest::new());
    insta::assert_snapshot!(edits, @r#"
    write /etc/udev/rules.d/70-h2k-net.rules
    +# Written by h2k: the network configuration knows these NICs by these names.
    +SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", ATTR{address}=="00:50:56:aa:00:01", NAME="eth0"
    +SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", ATTR{address}=="00:50:56:aa:00:02", NAME="eth1"
    "#);
    assert!(concerns.is_empty());
    let mut old = facts.clone();
    old.init.link_files = true;
    let proposal =
        run(&NicNames, &old, &mut MemoryGuest::new().file("/lib/systemd/libsystemd-shared-237.so", ""));
    assert_eq!(show(&proposal.edits), edits, "an initramfs without the .link file would decide the names");
    let one = "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{address}==\"00:50:56:aa:00:01\", NAME=\"eth0\"\n";
    let (edits, _) = plan(&facts, MemoryGuest::new().file("/etc/udev/rules.d/70-h2k-net.rules", one));
    assert!(edits.contains("eth1") && !edits.contains("eth0"), "{edits}");
}

#[test]
fn what_proves_a_name() {
    let cases = [
        (
            with(&[(MAC1, None), (MAC2, None)], &[("lan", Some(MAC2)), ("wan", Some(MAC1))]),
            "=00:50:56:aa:00:02 =lan =00:50:56:aa:00:01 =wan",
        ),
        (
            with(&[(MAC1, Some(192)), (MAC2, Some(224))], &[("ens224", None), ("ens192", None)]),
            "=00:50:56:aa:00:01 =ens192 =00:50:56:aa:00:02 =ens224",
        ),
        (with(&[(MAC1, Some(33))], &[("ens33", None)]), "=00:50:56:aa:00:01 =ens33"),
        (with(&[(MAC1, Some(160))], &[("eno16777984", None)]), "=00:50:56:aa:00:01 =eno16777984"),
        (with(&[(MAC1, None)], &[("ens160", None)]), "=00:50:56:aa:00:01 =ens160"),
        (with(&[(MAC1, Some(192))], &[("eth0", None)]), "=00:50:56:aa:00:01 =eth0"),
        (
            with(&[(MAC1, Some(192)), (MAC2, None)], &[("ens192", None), ("storage", None)]),
            "=00:50:56:aa:00:01 =ens192 =00:50:56:aa:00:02 =storage",
        ),
        // The one configuration is tied to a MAC that is gone.
        (with(&[(MAC1, None)], &[("eth0", Some("00:0c:29:00:00:09"))]), "=00:50:56:aa:00:01 =eth0"),
    ];
    for (facts, want) in cases {
        assert_eq!(pins(&facts), want, "{:?}", facts.network.interfaces);
    }
}

#[test]
fn a_name_in_two_stacks_is_pinned_once() {
    let mut facts = with(&[(MAC1, Some(192))], &[("ens192", None)]);
    facts.network.interfaces.push(interface(
        "ens192",
        Some(MAC1),
        "/etc/sysconfig/network-scripts/ifcfg-ens192",
    ));
    assert_eq!(pins(&facts), "=00:50:56:aa:00:01 =ens192");
}

#[test]
fn what_is_not_proven_is_a_concern() {
    let two = with(&[(MAC1, None), (MAC2, None)], &[("eth0", None), ("eth1", None)]);
    assert_eq!(
        plan(&two, MemoryGuest::new()),
        (
            String::new(),
            vec![
                "Warning guest.network.unmatched eth0".to_owned(),
                "Warning guest.network.unmatched eth1".to_owned(),
            ]
        )
    );
    let leftover = with(&[(MAC1, Some(192))], &[("ens192", None), ("ens224", None)]);
    assert_eq!(plan(&leftover, MemoryGuest::new()).1, ["Information guest.network.unmatched ens224"]);
    let other_slot = with(&[(MAC1, Some(192))], &[("ens224", None)]);
    assert_eq!(
        plan(&other_slot, MemoryGuest::new()),
        (String::new(), vec!["Warning guest.network.unmatched ens224".to_owned()])
    );
    let none = with(&[], &[("eth0", None)]);
    assert_eq!(plan(&none, MemoryGuest::new()).1, ["Information guest.network.unmatched eth0"]);
}

#[test]
fn what_the_guest_does_itself_needs_nothing() {
    let facts = with(&[(MAC1, Some(192)), (MAC2, Some(224))], &[("eth0", None), ("eth1", None)]);
    let rule = |mac: &str, name: &str| {
        format!(
            "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{{address}}==\"{mac}\", ATTR{{type}}==\"1\", KERNEL==\"eth*\", NAME=\"{name}\"\n"
        )
    };
    let rules = MemoryGuest::new()
        .file("/etc/udev/rules.d/70-persistent-net.rules", rule(MAC1, "eth1") + &rule(MAC2, "eth0"))
        .link("/etc/udev/rules.d/80-net-setup-link.rules", "/dev/null");
    assert_eq!(plan(&facts, rules), (String::new(), Vec::new()));
    let links = MemoryGuest::new()
        .file("/etc/systemd/network/10-a.link", format!("[Match]\nMACAddress={MAC1}\n[Link]\nName=eth0\n"))
        .file("/etc/systemd/network/20-b.link", format!("[Match]\nMACAddress={MAC2}\n[Link]\nName=eth1\n"))
        .link("/etc/systemd/network/99-default.link", "/dev/null");
    assert_eq!(plan(&facts, links), (String::new(), Vec::new()));
    let netplan = "network:\n  ethernets:\n    a:\n      match: {macaddress: \"00:50:56:aa:00:01\"}\n      set-name: \"ens192\"\n";
    let mut facts = with(&[(MAC1, Some(192))], &[]);
    facts.network.interfaces = vec![interface("ens192", Some(MAC1), "/etc/netplan/50-cloud-init.yaml")];
    assert_eq!(
        plan(&facts, MemoryGuest::new().file("/etc/netplan/50-cloud-init.yaml", netplan)),
        (String::new(), Vec::new())
    );
}

#[test]
fn a_rule_for_the_old_hardware_does_not_count() {
    let rule =
        format!("SUBSYSTEM==\"net\", ATTR{{address}}==\"{MAC1}\", DRIVERS==\"vmxnet3\", NAME=\"eth0\"\n");
    let guest = MemoryGuest::new().file("/etc/udev/rules.d/70-net.rules", rule);
    let (edits, _) = plan(&with(&[(MAC1, Some(192))], &[("eth0", None)]), guest);
    assert!(edits.contains("10-h2k-eth0.link"));
}

#[test]
fn a_link_file_without_a_name_is_in_the_way() {
    let guest = MemoryGuest::new().file(
        "/etc/systemd/network/05-mtu.link",
        format!("[Match]\nMACAddress={MAC1}\n[Link]\nMTUBytes=9000\n"),
    );
    let (edits, concerns) = plan(&with(&[(MAC1, Some(192))], &[("ens192", None)]), guest);
    assert_eq!((edits.as_str(), concerns), ("", vec!["Warning guest.network.unpinned ens192".to_owned()]));
}

#[test]
fn a_kernel_name_in_another_place_is_pinned_with_a_warning() {
    let facts = with(&[(MAC1, None), (MAC2, None)], &[("eth1", Some(MAC1)), ("eth0", Some(MAC2))]);
    let (edits, concerns) = plan(&facts, MemoryGuest::new());
    assert!(edits.contains("10-h2k-eth0.link") && edits.contains("10-h2k-eth1.link"));
    assert_eq!(
        concerns,
        ["Warning guest.network.kernel-name eth1", "Warning guest.network.kernel-name eth0"]
    );
}

#[test]
fn an_own_link_file_for_another_mac_is_rewritten() {
    let guest = MemoryGuest::new().file(
        "/etc/systemd/network/10-h2k-ens192.link",
        "[Match]\nMACAddress=00:0c:29:00:00:09\n[Link]\nName=ens192\n",
    );
    let (edits, _) = plan(&with(&[(MAC1, Some(192))], &[("ens192", None)]), guest);
    assert!(edits.contains(&format!("+MACAddress={MAC1}")), "{edits}");
}

#[test]
fn hostile_names_and_macs_are_not_written() {
    for name in ["a\"b", "a/b", "a b", "x\nName=y", "..", "$x", "%k", "sixteencharacter"] {
        let (edits, concerns) = plan(&with(&[(MAC1, None)], &[(name, None)]), MemoryGuest::new());
        assert_eq!((edits.as_str(), concerns.len()), ("", 1), "{name}");
    }
    let (edits, concerns) = plan(&with(&[("x\" y", None)], &[("eth0", None)]), MemoryGuest::new());
    assert_eq!((edits.as_str(), concerns.len()), ("", 1));
}
