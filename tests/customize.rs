//! What goes into a guest besides the repairs, from settings to the disk: looked at through this host's kernel, not through h2k.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use crate::common::guest::guest;
use crate::common::host_tree::look;
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
    look(&disk, assert_there);
    for file in ["plan.json", "report.json", "report.md"] {
        let text = std::fs::read_to_string(place.path("out/web01").join(file)).unwrap();
        assert!(!text.contains("$y$secret") && !text.contains("PRIVATE"), "{file} holds a secret");
    }

    let again = place.h2k(["plan", "--json", disk.to_str().unwrap()]).expect(0).json();
    assert_eq!(again["vms"][0]["edits"], serde_json::json!([]), "the result still needs edits");
}

/// What was asked for, in the guest's root.
fn assert_there(root: &Path) {
    let at = |path: &str| root.join(path.trim_start_matches('/'));
    for (path, mode, owner) in [
        ("/home/admin", 0o700, Some((1000, 1000))),
        ("/home/admin/.ssh", 0o700, Some((1000, 1000))),
        ("/home/admin/.ssh/authorized_keys", 0o600, Some((1000, 1000))),
        ("/srv/deep/motd", 0o640, Some((1000, 27))),
        ("/var/lib/h2k/first-boot/scripts/0001-register.sh", 0o700, Some((0, 0))),
        ("/etc/machine-id", 0o644, None),
    ] {
        let about = fs::symlink_metadata(at(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
        assert_eq!(about.mode() & 0o7777, mode, "{path}");
        assert!(owner.is_none_or(|owner| (about.uid(), about.gid()) == owner), "{path}: {about:?}");
    }
    let label = |path: &str| -> Option<String> {
        let mut value = [0; 256];
        match rustix::fs::lgetxattr(at(path), "security.selinux", &mut value) {
            Ok(length) => Some(String::from_utf8_lossy(&value[..length]).trim_end_matches('\0').to_owned()),
            Err(rustix::io::Errno::NODATA) => None,
            Err(error) => panic!("{path}: {error}"),
        }
    };
    for (path, expected) in [
        ("/home/admin/.ssh/authorized_keys", Some("unconfined_u:object_r:ssh_home_t:s0")),
        ("/var/lib/h2k/first-boot/run", Some("system_u:object_r:var_lib_t:s0")),
        ("/etc/systemd/system/ctrl-alt-del.target", Some("system_u:object_r:etc_t:s0")),
        ("/srv/deep", Some("system_u:object_r:default_t:s0")),
        // It is only changed, and had none.
        ("/etc/fstab", None),
    ] {
        assert_eq!(label(path).as_deref(), expected, "{path}");
    }
    let text = |path: &str| fs::read_to_string(at(path)).unwrap();
    assert!(text("/etc/shadow").contains("root:$y$secret:19000::::::\nadmin:*:::::::\n"));
    assert_eq!(text("/etc/hostname"), "web02.example.org\n");
    assert!(text("/etc/yum.repos.d/v.repo").contains("enabled=0"));
    assert!(fs::symlink_metadata(at("/etc/ssh/ssh_host_ed25519_key")).is_err());
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
