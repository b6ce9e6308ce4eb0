use super::*;
use crate::MemoryGuest;
use crate::linux::testing::{facts, run, run_with, show, show_concerns};

fn wanted() -> Policy {
    Policy { regenerate_identity: true, ..Policy::default() }
}

fn guest() -> MemoryGuest {
    MemoryGuest::new()
        .file(MACHINE_ID, "4f1b6c2f8d1e4a0f9c3b2a1d0e9f8a7b\n")
        .link(DBUS_ID, "/etc/machine-id")
        .file("/etc/ssh/ssh_host_ed25519_key", "PRIVATE")
        .file("/etc/ssh/ssh_host_ed25519_key.pub", "public")
        .file("/etc/ssh/sshd_config", "UsePAM yes\n")
        .file("/usr/bin/ssh-keygen", "")
}

#[test]
fn nothing_is_touched_unless_it_is_wanted() {
    assert_eq!(run(&Identity, &facts(), &mut guest()), Proposal::default());
}

#[test]
fn debian_gets_a_unit_that_makes_keys() {
    let mut guest = guest();
    let proposal = run_with(&Identity, &facts(), &mut guest, wanted());
    assert_eq!(proposal.concerns, Vec::new());
    insta::assert_snapshot!(show(&proposal.edits).replace(UNIT_TEXT, ""), @r"
    write /etc/machine-id
    -4f1b6c2f8d1e4a0f9c3b2a1d0e9f8a7b
    write /etc/systemd/system/h2k-ssh-host-keys.service
    +# Written by h2k: makes the SSH host keys that --regenerate-identity removed.
    +[Unit]
    +Description=Make missing SSH host keys (h2k)
    +Before=ssh.service ssh.socket sshd.service sshd.socket
    +ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key
    +
    +[Service]
    +Type=oneshot
    +ExecStart=/usr/bin/ssh-keygen -A
    +
    +[Install]
    +WantedBy=multi-user.target
    link /etc/systemd/system/multi-user.target.wants/h2k-ssh-host-keys.service → /etc/systemd/system/h2k-ssh-host-keys.service
    erase /etc/ssh/ssh_host_ed25519_key
    erase /etc/ssh/ssh_host_ed25519_key.pub
    ");
    assert!(!serde_json::to_string(&proposal.edits).unwrap().contains("PRIVATE"));
    assert!(guest.exists("/etc/ssh/sshd_config").unwrap());
}

#[test]
fn a_distribution_that_makes_keys_needs_no_unit() {
    let mut guest = guest().file("/usr/lib/systemd/system/sshd-keygen@.service", "");
    let proposal = run_with(&Identity, &facts(), &mut guest, wanted());
    insta::assert_snapshot!(show(&proposal.edits), @r"
    write /etc/machine-id
    -4f1b6c2f8d1e4a0f9c3b2a1d0e9f8a7b
    erase /etc/ssh/ssh_host_ed25519_key
    erase /etc/ssh/ssh_host_ed25519_key.pub
    ");
}

#[test]
fn keys_stay_where_nothing_makes_new_ones() {
    let mut facts = facts();
    facts.init.systemd = false;
    let mut guest = guest().file("/etc/init.d/ssh", "#!/bin/sh\nstart-stop-daemon --start\n");
    let proposal = run_with(&Identity, &facts, &mut guest, wanted());
    assert_eq!(show_concerns(&proposal), ["Warning guest.identity.ssh-keys /etc/ssh"]);
    assert!(guest.exists("/etc/ssh/ssh_host_ed25519_key").unwrap());
    let mut redhat6 =
        guest.file("/etc/init.d/sshd", "do_rsa_keygen() {\n\t/usr/bin/ssh-keygen -q -t rsa\n}\n");
    assert_eq!(run_with(&Identity, &facts, &mut redhat6, wanted()).concerns, Vec::new());
    assert!(!redhat6.exists("/etc/ssh/ssh_host_ed25519_key").unwrap());
}

#[test]
fn copies_seeds_and_leases_go() {
    let mut guest = MemoryGuest::new()
        .file(DBUS_ID, "4f1b6c2f8d1e4a0f9c3b2a1d0e9f8a7b\n")
        .file("/var/lib/systemd/random-seed", [7; 512])
        .file("/var/lib/dhcp/dhclient.ens192.leases", "default-duid \"x\";\n")
        .file("/var/lib/NetworkManager/secret_key", "x")
        .file("/var/lib/NetworkManager/timestamps", "x");
    let proposal = run_with(&Identity, &facts(), &mut guest, wanted());
    insta::assert_snapshot!(show(&proposal.edits), @r"
    erase /var/lib/dbus/machine-id
    link /var/lib/dbus/machine-id → /etc/machine-id
    erase /var/lib/systemd/random-seed
    erase /var/lib/dhcp/dhclient.ens192.leases
    erase /var/lib/NetworkManager/secret_key
    ");
}
