//! A stock Debian 12: its initramfs holds virtio already, so nothing is rebuilt. It becomes another guest: with an
//! identity, a name, a user and an address of its own, and what its first-boot script is to do.

use crate::common::guest::guest;
use crate::common::story::{self, With};

const SETTINGS: &str = "\
regenerate-identity: true
customize:
  hostname: moved
  users:
    - name: admin
      ssh-keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q admin]
      groups: [sudo]
      shell: /bin/bash
  first-boot: [fail.sh, tell.sh]
  files:
";

/// Says what it finds on the serial port. What it sends is seen on the wire.
const TELL: &str = r#"#!/bin/sh
exec >/dev/ttyS0 2>&1
for i in $(seq 30); do
    ip -br -4 address show dev ens192 | grep -q / && break
    sleep 1
done
echo "report: address $(ip -br -4 address show dev ens192 | awk '{ print $3 }')"
echo "report: gateway $(ip -4 route show default | awk '{ print $3 }')"
echo "report: name $(cat /proc/sys/kernel/hostname)"
echo "report: machine $(cat /etc/machine-id)"
echo "report: user $(id admin)"
echo "report: keys $(stat -c '%a %U' /home/admin/.ssh/authorized_keys)"
echo "report: shell $(su -l admin -c 'echo "$HOME $(id -un) $(wc -l <.ssh/authorized_keys)"')"
echo "report: ran $(ls /var/lib/h2k/first-boot/ran | tr '\n' ' ')"
bash -c 'echo up >/dev/udp/10.0.2.2/514'
"#;

#[test]
fn nothing_is_rebuilt_where_nothing_is_missing_and_it_becomes_another_guest() {
    let guest = guest("debian12-stock");
    // The files of ifupdown had DHCP.
    let address = format!("{}=10.0.2.77/24,10.0.2.2", guest.text("mac"));
    let with = With {
        options: &["--ip", &address],
        files: &[
            ("h2k.yaml", &format!("{SETTINGS}{}\n", story::BEFORE_LOGIN_FILE)),
            ("before-login.conf", story::BEFORE_LOGIN),
            ("fail.sh", "#!/bin/sh\nexit 3\n"),
            ("tell.sh", TELL),
        ],
        ..With::default()
    };
    let story = story::migrate_with(&guest, &guest.vmx(), &[("/dev/sda1", "/")], &with);
    let edits = story.plan["edits"].as_array().unwrap();
    assert!(!edits.iter().any(|e| e["kind"] == "run"), "a program of the guest was run: {edits:#?}");
    assert_eq!(
        story.plan["concerns"].as_array().unwrap().iter().filter(|c| c["severity"] == "critical").count(),
        0
    );

    let said = story.said();
    for expected in [
        "address 10.0.2.77/24",
        "gateway 10.0.2.2",
        "name moved",
        "user uid=1000(admin) gid=1000(admin) groups=1000(admin),27(sudo)",
        "keys 600 admin",
        "shell /home/admin admin 1",
        // A script that fails does not keep the next from running.
        "ran 0001-fail.sh 0002-tell.sh",
    ] {
        assert!(said.iter().any(|line| line == expected), "no {expected:?} in {said:#?}");
    }
    let machine = said.iter().find_map(|line| line.strip_prefix("machine ")).unwrap_or_default();
    let digits = machine.len() == 32 && machine.bytes().all(|b| b.is_ascii_hexdigit());
    assert!(digits && machine != guest.text("machine_id"), "the machine id is {machine:?}");
    // systemd makes it of the VM's UUID, which is another too.
    let uuid = story.plan["target"]["uuid"].as_str().unwrap();
    assert_ne!(uuid, guest.text("bios_uuid"));
    assert_eq!(machine, uuid.replace('-', ""));
    // It is the new name that the login prompt tells.
    assert_eq!(story.verdict()["evidence"]["login_prompt"], "moved login:");
    story.assert_sent_from("10.0.2.77");
}
