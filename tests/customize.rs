//! What goes into a guest besides the repairs, from settings to the disk: looked at through guestfish, not through h2k.

use std::process::Command;

use crate::common::guest::guest;
use crate::common::{Place, phony, run, story};

const POLICY: &str = "/.*\tsystem_u:object_r:default_t:s0\n/etc/.*\tsystem_u:object_r:etc_t:s0\n\
    /home/[^/]+/\\.ssh(/.*)?\tunconfined_u:object_r:ssh_home_t:s0\n/var/lib/h2k(/.*)?\tsystem_u:object_r:var_lib_t:s0\n";

const GUEST: &[(&str, &str)] = &[
    ("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"),
    ("/etc/shadow", "root:$y$secret:19000::::::\n"),
    ("/etc/group", "root:x:0:\nsudo:x:27:\n"),
    ("/etc/gshadow", "root:*::\nsudo:*::\n"),
    ("/etc/machine-id", "4f1b6c2f8d1e4a0f9c3b2a1d0e9f8a7b\n"),
    ("/etc/ssh/ssh_host_ed25519_key", "PRIVATE"),
    ("/usr/bin/ssh-keygen", ""),
    ("/etc/selinux/config", "SELINUX=enforcing\nSELINUXTYPE=targeted\n"),
    ("/etc/selinux/targeted/contexts/files/file_contexts", POLICY),
    ("/etc/yum.repos.d/v.repo", "[v]\nbaseurl=http://packages.vmware.com/tools/x\n"),
    ("/usr/lib/systemd/system/ssh.service", "[Install]\nWantedBy=multi-user.target\n"),
    ("/home/.keep", ""),
];

const SETTINGS: &str = "\
regenerate-identity: true
serial-console: true
customize:
  hostname: web02.example.org
  users:
    - name: admin
      ssh-keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 admin]
      groups: [sudo]
  files:
    - {from: motd, to: /srv/deep/motd, mode: 0640, owner: admin:sudo}
  units: {enable: [ssh.service], mask: [ctrl-alt-del.target]}
  first-boot: [register.sh]
";

#[test]
fn everything_that_was_asked_for_is_on_the_disk() {
    let place = Place::new();
    let vmx = phony::guest_with(&place, "web01", GUEST);
    place.write("h2k.yaml", SETTINGS);
    place.write("motd", "welcome\n");
    place.write("register.sh", "#!/bin/sh\nexit 0\n");

    let plan = place.h2k(["plan", vmx.to_str().unwrap()]).expect(0);
    for part in ["+admin:*:::::::", "+welcome"] {
        assert!(plan.stdout.contains(part), "{part} is not in\n{}", plan.stdout);
    }
    for secret in ["$y$secret", "PRIVATE"] {
        assert!(!plan.stdout.contains(secret), "{secret} is in the plan");
    }
    let result = place.h2k(["migrate", vmx.to_str().unwrap(), "-o", "out", "--no-boot"]);
    result.expect(0);
    let disk = place.path("out/web01/disk0.qcow2");
    let look = [
        ("stat /home/admin", "0 700 1000:1000"),
        ("stat /home/admin/.ssh", "0 700 1000:1000"),
        ("stat /home/admin/.ssh/authorized_keys", "0 600 1000:1000"),
        ("stat /srv/deep/motd", "0 640 1000:27"),
        ("stat /var/lib/h2k/first-boot/scripts/0001-register.sh", "0 700 0:0"),
        ("stat /etc/machine-id", "0 644"),
        ("label /home/admin/.ssh/authorized_keys", "unconfined_u:object_r:ssh_home_t:s0"),
        ("label /var/lib/h2k/first-boot/run", "system_u:object_r:var_lib_t:s0"),
        ("label /etc/systemd/system/ctrl-alt-del.target", "system_u:object_r:etc_t:s0"),
        ("label /srv/deep", "system_u:object_r:default_t:s0"),
    ];
    let mut script = String::new();
    for (what, _) in look {
        let (kind, path) = what.split_once(' ').unwrap();
        script.push_str(&format!("echo {what}\n"));
        script.push_str(&match kind {
            "stat" => format!("lstatns {path}\n"),
            _ => format!("-lgetxattr {path} security.selinux\n"),
        });
    }
    script
        .push_str("echo texts\ncat /etc/shadow\ncat /etc/hostname\n-lstatns /etc/ssh/ssh_host_ed25519_key\n");
    script.push_str("-lgetxattr /etc/fstab security.selinux\ncat /etc/yum.repos.d/v.repo\n");
    let mut fish = Command::new("guestfish");
    fish.env("LIBGUESTFS_BACKEND", "direct").env("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg");
    fish.args(["--ro", "--format=qcow2", "-a"]).arg(&disk).args(["-m", "/dev/sda1:/", "-f"]);
    fish.arg(place.write("look", script));
    let seen = run(&mut fish);
    for (what, expected) in look {
        let part = seen.stdout.split(&format!("{what}\n")).nth(1).unwrap_or_default();
        let part = part.split("\nstat ").next().unwrap().split("\nlabel ").next().unwrap();
        if what.starts_with("label") {
            assert!(part.contains(expected), "{what}: {part}\n{}", seen.stderr);
            continue;
        }
        let number = |key: &str| -> u32 {
            let line =
                part.lines().find_map(|l| l.trim().strip_prefix(&format!("{key}: "))).unwrap_or_default();
            line.parse().unwrap_or_else(|_| panic!("{what}: no {key} in {part}\n{}", seen.stderr))
        };
        let mut words = expected.split(' ').skip(1);
        assert_eq!(format!("{:o}", number("st_mode") & 0o7777), words.next().unwrap(), "{what}");
        if let Some(owner) = words.next() {
            assert_eq!(format!("{}:{}", number("st_uid"), number("st_gid")), owner, "{what}");
        }
    }
    let texts = seen.stdout.split("texts\n").nth(1).unwrap();
    for part in ["root:$y$secret:19000::::::\nadmin:*:::::::\n", "\nweb02.example.org\n"] {
        assert!(texts.contains(part), "{part} is not in {texts}");
    }
    assert!(texts.contains("enabled=0"), "{texts}");
    assert!(seen.stderr.contains("No such file"), "{}", seen.stderr);
    assert!(seen.stderr.contains("No data available"), "fstab kept what it had: {}", seen.stderr);
    for file in ["plan.json", "report.json", "report.md"] {
        let text = std::fs::read_to_string(place.path("out/web01").join(file)).unwrap();
        assert!(!text.contains("$y$secret") && !text.contains("PRIVATE"), "{file} holds a secret");
    }

    let again = place.h2k(["plan", "--json", disk.to_str().unwrap()]).expect(0).json();
    assert_eq!(again["vms"][0]["edits"], serde_json::json!([]), "the result still needs edits");
}

#[test]
fn a_mistake_in_the_settings_is_told_before_anything_starts() {
    let place = Place::new();
    let vmx = phony::guest(&place, "web01");
    let vmx = vmx.to_str().unwrap();
    place.write("h2k.yaml", "customize:\n  users:\n    - name: Root\n");
    let ran = place.h2k(["plan", vmx]).expect(2);
    assert!(
        ran.stderr.contains("h2k.yaml:3:13: customize.users[0].name: \"Root\" is no user"),
        "{}",
        ran.stderr
    );
    place.write("h2k.yaml", "customize:\n  files:\n    - {from: not-there, to: /etc/x}\n");
    let ran = place.h2k(["plan", vmx]).expect(2);
    assert!(ran.stderr.contains("not-there"), "{}", ran.stderr);
}

/// The guest's own dpkg installs and removes, and changes nothing but what the plan lists.
#[test]
fn tools_are_removed_and_the_agent_installed_by_dpkg() {
    let guest = guest("debian12-bios");
    let place = Place::new();
    let packages = place.path("packages");
    std::fs::create_dir_all(&packages).unwrap();
    let names = ["qemu-guest-agent", "libglib2.0-0", "libnuma1", "liburing2"];
    let download = || run(Command::new("apt-get").arg("download").args(names).current_dir(&packages));
    if download().code != 0 {
        // The lists are absent, or older than what they list.
        run(Command::new("apt-get").args(["update", "-q"])).expect(0);
        download().expect(0);
    }
    let options = ["--tools", "remove", "--agent-packages", packages.to_str().unwrap(), "--serial-console"];
    let with = story::With { options: &options, short: true, ..story::With::default() };
    let story = story::migrate_with(&guest, &guest.vmx(), &[("/dev/sda1", "/")], &with);
    let concerns = story.plan["concerns"].as_array().unwrap();
    assert!(
        !concerns.iter().any(|c| c["subject"] == "open-vm-tools" || c["subject"] == "qemu-guest-agent"),
        "{concerns:?}"
    );
    assert_eq!(story.verdict()["evidence"]["agent_ping"], true, "the agent answers: {:#}", story.verdict());
    story.assert_serial_console();
}
