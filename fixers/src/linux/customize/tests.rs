use std::io::Write;
use std::path::PathBuf;

use h2k_config::Policy;
use h2k_config::customize::{CopyIn, Customize, Units, User};

use super::files::Files;
use super::first_boot::FirstBoot;
use super::hostname::HostName;
use super::units::WantedUnits;
use super::users::Users;
use crate::linux::testing::{facts, run, run_with, show, show_concerns};
use crate::{Edit, Fixer, Guest, GuestFacts, MemoryGuest, Proposal};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 admin@example.org";

fn text<T: TryFrom<String, Error = String>>(text: &str) -> T {
    T::try_from(text.to_owned()).unwrap()
}

fn wanted(customize: Customize) -> Policy {
    Policy { customize, ..Policy::default() }
}

fn host_file(content: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().prefix("in put").suffix(".sh").tempfile().unwrap();
    file.write_all(content).unwrap();
    file
}

fn debian() -> MemoryGuest {
    MemoryGuest::new()
        .file("/etc/hostname", "old\n")
        .file(
            "/etc/hosts",
            "127.0.0.1\tlocalhost\n127.0.1.1\told.example.org\told\n# 127.0.1.1 old\n192.0.2.9 old\n",
        )
        .file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nme:x:1000:1000::/home/me:/bin/bash\n")
        .file("/etc/shadow", "root:$y$secret:19000::::::\nme:$y$other:19000::::::\n")
        .file("/etc/group", "root:x:0:\nsudo:x:27:me\nwheel:x:28:\nme:x:1000:\n")
        .file("/etc/gshadow", "root:*::\nsudo:*::me\nme:!::\n")
        .dir("/home/me")
        .file("/etc/motd", "hello\n")
        .file(
            "/usr/lib/systemd/system/ssh.service",
            "[Install]\nWantedBy=multi-user.target\nAlias=sshd.service\n",
        )
        .file("/usr/lib/systemd/system/static.service", "[Service]\nExecStart=/bin/true\n")
        .link(
            "/etc/systemd/system/timers.target.wants/apt-daily.timer",
            "/lib/systemd/system/apt-daily.timer",
        )
}

fn shown(fixer: &dyn Fixer, facts: &GuestFacts, guest: &mut MemoryGuest, customize: Customize) -> String {
    let proposal = run_with(fixer, facts, guest, wanted(customize));
    assert_eq!(proposal.concerns, Vec::new());
    show(&proposal.edits)
}

#[test]
fn nothing_is_done_that_was_not_asked_for() {
    for fixer in [&HostName as &dyn Fixer, &Users, &Files, &WantedUnits, &FirstBoot] {
        assert_eq!(run(fixer, &facts(), &mut debian()), Proposal::default(), "{}", fixer.id());
    }
}

#[test]
fn the_name_is_changed_where_it_stands() {
    let named = |name| Customize { hostname: Some(text(name)), ..Customize::default() };
    insta::assert_snapshot!(shown(&HostName, &facts(), &mut debian(), named("web01.example.org")), @r"
    write /etc/hostname
    -old
    +web01.example.org
    write /etc/hosts
    -127.0.1.1	old.example.org	old
    +127.0.1.1	web01.example.org	web01
    ");
    assert_eq!(shown(&HostName, &facts(), &mut debian(), named("old")), "");
    let mut redhat6 = MemoryGuest::new().file("/etc/sysconfig/network", "NETWORKING=yes\nHOSTNAME=old\n");
    insta::assert_snapshot!(shown(&HostName, &facts(), &mut redhat6, named("web01")), @r#"
    write /etc/sysconfig/network
    -HOSTNAME=old
    +HOSTNAME="web01"
    "#);
}

fn user(name: &str, groups: &[&str]) -> Customize {
    let user = User {
        name: text(name),
        ssh_keys: vec![text(KEY)],
        groups: groups.iter().map(|g| text(g)).collect(),
        shell: None,
    };
    Customize { users: vec![user], ..Customize::default() }
}

#[test]
fn a_user_is_made_with_a_key_and_no_password() {
    let mut guest = debian();
    insta::assert_snapshot!(shown(&Users, &facts(), &mut guest, user("admin", &["sudo", "wheel"])), @r"
    append /etc/passwd
    +admin:x:1001:1001::/home/admin:/bin/sh
    append /etc/shadow
    +admin:*:::::::
    append /etc/group
    +admin:x:1001:
    append /etc/gshadow
    +admin:!::
    mkdir /home/admin 700
    chown /home/admin 1001:1001
    write /etc/group
    -sudo:x:27:me
    +sudo:x:27:me,admin
    write /etc/group
    -wheel:x:28:
    +wheel:x:28:admin
    mkdir /home/admin/.ssh 700
    chown /home/admin/.ssh 1001:1001
    write /home/admin/.ssh/authorized_keys
    +ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 admin@example.org
    chown /home/admin/.ssh/authorized_keys 1001:1001
    ");
    let keys = guest.lstat("/home/admin/.ssh/authorized_keys").unwrap().unwrap();
    assert_eq!((keys.mode, keys.uid, keys.gid), (0o600, 1001, 1001));
    assert_eq!(guest.lstat("/home/admin/.ssh").unwrap().unwrap().mode, 0o700);
}

#[test]
fn what_shadow_holds_is_in_no_plan() {
    let mut guest = debian();
    let proposal = run_with(&Users, &facts(), &mut guest, wanted(user("admin", &[])));
    let plan = serde_json::to_string(&proposal.edits).unwrap();
    assert!(!plan.contains("secret") && !plan.contains("$y$"), "{plan}");
    assert!(guest.read_text("/etc/shadow").unwrap().unwrap().contains("$y$secret"));
}

#[test]
fn a_user_who_is_there_only_gets_the_key() {
    let mut guest = debian().file("/home/me/.ssh/authorized_keys", "ssh-rsa AAAAB3 old");
    insta::assert_snapshot!(shown(&Users, &facts(), &mut guest, user("me", &["sudo"])), @r"
    write /home/me/.ssh/authorized_keys
    +ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 admin@example.org
    ");
}

#[test]
fn links_in_a_home_are_not_followed() {
    for guest in [
        debian().link("/home/me/.ssh", "/etc"),
        debian().dir("/home/me/.ssh").link("/home/me/.ssh/authorized_keys", "/etc/shadow"),
    ] {
        let proposal = run_with(&Users, &facts(), &mut guest.clone(), wanted(user("me", &[])));
        assert_eq!(proposal.edits, Vec::new());
        assert_eq!(show_concerns(&proposal), ["Critical customize.impossible me"]);
    }
    let away = debian().file("/etc/passwd", "me:x:1000:1000::/home/../etc:/bin/sh\n");
    let proposal = run_with(&Users, &facts(), &mut away.clone(), wanted(user("me", &[])));
    assert_eq!(show_concerns(&proposal), ["Critical customize.impossible me"]);
    let proposal = run_with(&Users, &facts(), &mut debian(), wanted(user("me", &["nobody-has-it"])));
    assert_eq!(show_concerns(&proposal), ["Critical customize.impossible me"]);
}

fn copied(from: &std::path::Path, to: &str, mode: Option<&str>, owner: Option<&str>) -> Customize {
    let file = CopyIn { from: from.to_owned(), to: text(to), mode: mode.map(text), owner: owner.map(text) };
    Customize { files: vec![file], ..Customize::default() }
}

#[test]
fn a_file_is_copied_in_with_mode_and_owner() {
    let host = host_file(b"new\n");
    let from = host.path();
    insta::assert_snapshot!(
        shown(&Files, &facts(), &mut debian(), copied(from, "/opt/x/conf", Some("0640"), Some("me:sudo"))),
        @r"
    write /opt/x/conf
    +new
    chown /opt/x/conf 1000:27
    "
    );
    let mut guest = debian().link("/etc/motd.link", "motd");
    insta::assert_snapshot!(
        shown(&Files, &facts(), &mut guest, copied(from, "/etc/motd.link", Some("600"), None)),
        @r"
    write /etc/motd
    -hello
    +new
    chmod /etc/motd 600
    "
    );
}

#[test]
fn a_file_that_cannot_be_copied_is_told() {
    let host = host_file(b"new\n");
    for (to, owner) in [("/etc", None), ("/etc/shadow", None), ("/etc/motd", Some("nobody:me"))] {
        let policy = wanted(copied(host.path(), to, None, owner));
        let proposal = run_with(&Files, &facts(), &mut debian(), policy);
        assert_eq!(proposal.edits, Vec::new());
        assert_eq!(show_concerns(&proposal), [format!("Critical customize.impossible {to}")]);
    }
    let missing = wanted(copied(&PathBuf::from("/nowhere/at all"), "/etc/x", None, None));
    let error = Files.plan(&facts(), &debian(), &missing).unwrap_err();
    assert_eq!(error.to_string(), "reading /nowhere/at all");
}

#[test]
fn units_are_enabled_disabled_and_masked() {
    let units = Units {
        enable: vec![text("ssh.service")],
        disable: vec![text("apt-daily.timer")],
        mask: vec![text("ctrl-alt-del.target")],
    };
    let customize = Customize { units, ..Customize::default() };
    insta::assert_snapshot!(shown(&WantedUnits, &facts(), &mut debian(), customize.clone()), @r"
    remove /etc/systemd/system/timers.target.wants/apt-daily.timer
    link /etc/systemd/system/ctrl-alt-del.target → /dev/null
    link /etc/systemd/system/multi-user.target.wants/ssh.service → /usr/lib/systemd/system/ssh.service
    link /etc/systemd/system/sshd.service → /usr/lib/systemd/system/ssh.service
    ");
    let mut masked = debian().link("/etc/systemd/system/ssh.service", "/dev/null");
    assert!(
        shown(&WantedUnits, &facts(), &mut masked, customize.clone())
            .contains("remove /etc/systemd/system/ssh.service\n")
    );
    let mut facts = facts();
    facts.init.systemd = false;
    let proposal = run_with(&WantedUnits, &facts, &mut debian(), wanted(customize));
    assert_eq!(show_concerns(&proposal), ["Critical customize.impossible customize.units"]);
}

#[test]
fn a_unit_that_cannot_be_enabled_is_told() {
    for unit in ["static.service", "none.service"] {
        let units = Units { enable: vec![text(unit)], ..Units::default() };
        let policy = wanted(Customize { units, ..Customize::default() });
        let proposal = run_with(&WantedUnits, &facts(), &mut debian(), policy);
        assert_eq!(show_concerns(&proposal), [format!("Critical customize.impossible {unit}")]);
    }
}

#[test]
fn scripts_run_once_in_order() {
    let scripts = [host_file(b"#!/bin/sh\nexit 0\n"), host_file(b"#!/bin/sh\nexit 1\n")];
    let first_boot = scripts.iter().map(|s| s.path().to_owned()).collect();
    let mut guest = debian();
    let policy = wanted(Customize { first_boot, ..Customize::default() });
    let proposal = run_with(&FirstBoot, &facts(), &mut guest, policy);
    let paths: Vec<&str> = proposal.edits.iter().flat_map(Edit::paths).collect();
    let [dir, one, two, rest @ ..] = paths.as_slice() else { panic!("{paths:?}") };
    assert_eq!(*dir, "/var/lib/h2k/first-boot");
    assert!(one.starts_with("/var/lib/h2k/first-boot/scripts/0001-in_put") && one.ends_with(".sh"), "{one}");
    assert!(two.starts_with("/var/lib/h2k/first-boot/scripts/0002-in_put"), "{two}");
    assert_eq!(
        rest,
        [
            "/var/lib/h2k/first-boot/run",
            "/etc/systemd/system/h2k-first-boot.service",
            "/etc/systemd/system/multi-user.target.wants/h2k-first-boot.service",
        ]
    );
    assert_eq!(guest.lstat(one).unwrap().unwrap().mode, 0o700);
}
