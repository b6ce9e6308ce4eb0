use super::*;
use crate::MemoryGuest;
use crate::facts::GuestTool;
use crate::linux::testing::{facts, run, show, show_concerns};

mod install;

const UNIT: &str =
    "[Unit]\nDescription=agent\n[Install]\nWantedBy=dev-virtio\\x2dports-org.qemu.guest_agent.0.device\n";

fn installed() -> GuestFacts {
    let mut facts = facts();
    facts.tools.push(GuestTool { name: AGENT.to_owned(), ..GuestTool::default() });
    facts
}

fn guest() -> MemoryGuest {
    MemoryGuest::new().file("/usr/lib/systemd/system/qemu-guest-agent.service", UNIT).link(
        "/etc/systemd/system/dev-virtio\\x2dports-org.qemu.guest_agent.0.device.wants/qemu-guest-agent.service",
        "/usr/lib/systemd/system/qemu-guest-agent.service",
    )
}

#[test]
fn an_enabled_agent_needs_nothing() {
    assert_eq!(run(&GuestAgent, &installed(), &mut guest()), Proposal::default());
}

#[test]
fn a_disabled_agent_is_enabled() {
    let mut guest = guest();
    guest.delete(
        "/etc/systemd/system/dev-virtio\\x2dports-org.qemu.guest_agent.0.device.wants/qemu-guest-agent.service",
    );
    let proposal = run(&GuestAgent, &installed(), &mut guest);
    insta::assert_snapshot!(show(&proposal.edits), @r"link /etc/systemd/system/dev-virtio\x2dports-org.qemu.guest_agent.0.device.wants/qemu-guest-agent.service → /usr/lib/systemd/system/qemu-guest-agent.service");
    assert_eq!(proposal.concerns, Vec::new());
}

#[test]
fn a_masked_agent_stays_masked() {
    let mut guest = guest().link("/etc/systemd/system/qemu-guest-agent.service", "/dev/null");
    let proposal = run(&GuestAgent, &installed(), &mut guest);
    assert_eq!(proposal.edits, Vec::new());
    assert_eq!(show_concerns(&proposal), ["Information guest.agent.masked qemu-guest-agent.service"]);
}

#[test]
fn openrc_starts_it_by_a_link() {
    let mut facts = installed();
    facts.init.systemd = false;
    let guest = MemoryGuest::new().file(OPENRC_SCRIPT, "#!/sbin/openrc-run\n").dir("/etc/runlevels/default");
    let proposal = run(&GuestAgent, &facts, &mut guest.clone());
    insta::assert_snapshot!(show(&proposal.edits), @"link /etc/runlevels/default/qemu-guest-agent → /etc/init.d/qemu-guest-agent");
    assert_eq!(run(&GuestAgent, &facts, &mut guest.link(OPENRC_LINK, OPENRC_SCRIPT)).edits, Vec::new());
}

#[test]
fn a_missing_agent_is_told() {
    let proposal = run(&GuestAgent, &facts(), &mut MemoryGuest::new());
    assert_eq!(show_concerns(&proposal), ["Information guest.agent.absent qemu-guest-agent"]);
}
