use super::*;
use crate::MemoryGuest;
use crate::facts::GuestTool;
use crate::linux::testing::{facts, run, run_with, show, show_concerns};

const OPEN_VM_TOOLS: &str = "/lib/systemd/system/open-vm-tools.service";
const WANTED: &str = "/etc/systemd/system/multi-user.target.wants/open-vm-tools.service";

fn tool(name: &str, units: &[&str]) -> GuestTool {
    GuestTool {
        name: name.to_owned(),
        enabled_units: units.iter().map(|u| (*u).to_owned()).collect(),
        ..GuestTool::default()
    }
}

/// A guest with the agent, and `tools`.
fn with(tools: &[GuestTool]) -> GuestFacts {
    let mut facts = facts();
    facts.tools = tools.to_vec();
    facts.tools.push(tool("qemu-guest-agent", &["qemu-guest-agent.service"]));
    facts
}

fn plan(facts: &GuestFacts, guest: MemoryGuest) -> String {
    let mut guest = guest;
    let proposal = run(&GuestTools, facts, &mut guest);
    assert_eq!(proposal.concerns, Vec::new());
    show(&proposal.edits)
}

#[test]
fn a_guest_without_tools_needs_nothing() {
    assert_eq!(plan(&with(&[]), MemoryGuest::new()), "");
    assert_eq!(plan(&with(&[tool("open-vm-tools", &[])]), MemoryGuest::new()), "");
}

#[test]
fn enabled_units_are_masked_and_aliases_replaced() {
    let guest = MemoryGuest::new()
        .file(OPEN_VM_TOOLS, "[Service]\n")
        .link(WANTED, OPEN_VM_TOOLS)
        .link("/etc/systemd/system/vmtoolsd.service", OPEN_VM_TOOLS)
        .link("/etc/systemd/system/done.service", "/dev/null");
    let units = [
        "open-vm-tools.service",
        "run-vmblock\\x2dfuse.mount",
        "vgauth.service",
        "vmtoolsd.service",
        "done.service",
    ];
    insta::assert_snapshot!(plan(&with(&[tool("open-vm-tools", &units)]), guest), @r"
    link /etc/systemd/system/open-vm-tools.service → /dev/null
    link /etc/systemd/system/run-vmblock\x2dfuse.mount → /dev/null
    link /etc/systemd/system/vgauth.service → /dev/null
    link /etc/systemd/system/vmtoolsd.service → /dev/null (was /lib/systemd/system/open-vm-tools.service)
    ");
}

#[test]
fn a_unit_file_in_etc_is_disabled() {
    let guest = MemoryGuest::new().file("/etc/systemd/system/vmware-tools.service", "[Service]\n").link(
        "/etc/systemd/system/multi-user.target.wants/vmware-tools.service",
        "/etc/systemd/system/vmware-tools.service",
    );
    insta::assert_snapshot!(
        plan(&with(&[tool("vmware-tools", &["vmware-tools.service"])]), guest),
        @"remove /etc/systemd/system/multi-user.target.wants/vmware-tools.service"
    );
}

#[test]
fn hostile_unit_names_are_passed_over() {
    let units = ["../../passwd.service", "a/b.service", ".x", "x", "a b.service", ""];
    assert_eq!(plan(&with(&[tool("open-vm-tools", &units)]), MemoryGuest::new()), "");
}

fn sysv() -> MemoryGuest {
    MemoryGuest::new()
        .file("/etc/init.d/vmware-tools", "#!/bin/sh\n")
        .link("/etc/rc2.d/S38vmware-tools", "../init.d/vmware-tools")
        .link("/etc/rc3.d/S38vmware-tools", "../init.d/vmware-tools")
        .link("/etc/rc0.d/K62vmware-tools", "../init.d/vmware-tools")
        .link("/etc/rc2.d/S20ssh", "../init.d/ssh")
}

#[test]
fn without_systemd_start_links_become_stop_links() {
    let mut facts = with(&[tool("vmware-tools", &[])]);
    facts.init.systemd = false;
    insta::assert_snapshot!(plan(&facts, sysv()), @r"
    remove /etc/rc2.d/S38vmware-tools
    link /etc/rc2.d/K62vmware-tools → ../init.d/vmware-tools
    remove /etc/rc3.d/S38vmware-tools
    link /etc/rc3.d/K62vmware-tools → ../init.d/vmware-tools
    ");
    let redhat = MemoryGuest::new()
        .link("/etc/rc3.d", "rc.d/rc3.d")
        .link("/etc/rc.d/rc3.d/S03open-vm-tools", "../init.d/open-vm-tools");
    insta::assert_snapshot!(plan(&facts, redhat), @r"
    remove /etc/rc.d/rc3.d/S03open-vm-tools
    link /etc/rc.d/rc3.d/K97open-vm-tools → ../init.d/open-vm-tools
    ");
}

#[test]
fn with_systemd_the_unit_of_a_start_link_is_masked() {
    insta::assert_snapshot!(
        plan(&with(&[tool("vmware-tools", &[])]), sysv()),
        @"link /etc/systemd/system/vmware-tools.service → /dev/null"
    );
}

#[test]
fn every_vendor_is_known() {
    let found = [
        tool("hyperv-daemons", &["hypervkvpd.service"]),
        tool("virtualbox-guest-additions", &["vboxadd.service"]),
        tool("xe-guest-utilities", &["xe-linux-distribution.service"]),
        tool("parallels-tools", &["prltoolsd.service"]),
        tool("nutanix-guest-tools", &["ngt_guest_agent.service"]),
    ];
    insta::assert_snapshot!(plan(&with(&found), MemoryGuest::new()), @r"
    link /etc/systemd/system/hypervkvpd.service → /dev/null
    link /etc/systemd/system/ngt_guest_agent.service → /dev/null
    link /etc/systemd/system/prltoolsd.service → /dev/null
    link /etc/systemd/system/vboxadd.service → /dev/null
    link /etc/systemd/system/xe-linux-distribution.service → /dev/null
    ");
}

#[test]
fn the_agents_of_qemu_and_azure_stay() {
    let facts = with(&[tool("azure-agent", &["walinuxagent.service"])]);
    let proposal = run(&GuestTools, &facts, &mut MemoryGuest::new());
    assert_eq!(show(&proposal.edits), "");
    assert_eq!(show_concerns(&proposal), ["Warning guest.tools.azure azure-agent"]);
}

#[test]
fn tools_are_kept_if_the_user_says_so() {
    let facts = with(&[tool("open-vm-tools", &["open-vm-tools.service"])]);
    let policy = Policy { tools: Tools::Keep, ..Policy::default() };
    assert_eq!(run_with(&GuestTools, &facts, &mut sysv(), policy).edits, Vec::new());
}

#[test]
fn runlevels_of_openrc_lose_their_links() {
    let mut facts = with(&[tool("open-vm-tools", &[])]);
    facts.init.systemd = false;
    let guest = MemoryGuest::new()
        .link("/etc/runlevels/default/open-vm-tools", "/etc/init.d/open-vm-tools")
        .link("/etc/runlevels/default/sshd", "/etc/init.d/sshd");
    insta::assert_snapshot!(plan(&facts, guest), @"remove /etc/runlevels/default/open-vm-tools");
}

#[test]
fn jobs_of_upstart_become_manual() {
    let mut facts = with(&[tool("open-vm-tools", &[])]);
    facts.init.systemd = false;
    let guest = MemoryGuest::new()
        .file("/etc/init/open-vm-tools.conf", "start on runlevel [2345]\n")
        .file("/etc/init/hv-kvp-daemon.conf", "start on runlevel [2345]\n")
        .file("/etc/init/hv-kvp-daemon.override", "# local")
        .file("/etc/init/ssh.conf", "start on runlevel [2345]\n");
    insta::assert_snapshot!(plan(&facts, guest), @r"
    write /etc/init/open-vm-tools.override
    +manual
    write /etc/init/hv-kvp-daemon.override
    +manual
    ");
}
