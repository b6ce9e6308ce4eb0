use super::*;
use crate::facts::Mount;
use crate::linux::testing::{device, facts, show};
use crate::{GuestMut, MemoryGuest, Recorder};

/// Lines as Red Hat's targeted policy has them.
const POLICY: &str = "\
/.*\tsystem_u:object_r:default_t:s0
/etc/.*\tsystem_u:object_r:etc_t:s0
/etc/systemd/system(/.*)?\tsystem_u:object_r:systemd_unit_file_t:s0
/usr/lib/systemd/system(/.*)?\tsystem_u:object_r:systemd_unit_file_t:s0
/var/lib(/.*)?\tsystem_u:object_r:var_lib_t:s0
/etc/ssh/ssh_host.*_key\t--\tsystem_u:object_r:sshd_key_t:s0
/boot/.*\t-l\tsystem_u:object_r:boot_l_t:s0
/boot/initramfs-[^/]*\\.img(\\.old)?\t--\tsystem_u:object_r:boot_t:s0
/run/.*\t<<none>>
/etc/hosts\tsystem_u:object_r:net_conf_t:s0
/opt/(a|b)/x[0-9]+\tsystem_u:object_r:opt_t:s0
";

fn guest() -> MemoryGuest {
    MemoryGuest::new()
        .file(CONFIG, "# SELINUX= can take\nSELINUX=enforcing\nSELINUXTYPE=targeted\n")
        .file("/etc/selinux/targeted/contexts/files/file_contexts", POLICY)
        .file(
            "/etc/selinux/targeted/contexts/files/file_contexts.homedirs",
            "/home/[^/]+/\\.ssh(/.*)?\tunconfined_u:object_r:ssh_home_t:s0\n",
        )
        .file(
            "/etc/selinux/targeted/contexts/files/file_contexts.subs_dist",
            "/lib /usr/lib\n/etc/systemd/system /usr/lib/systemd/system\n",
        )
        .file("/etc/fstab", "old\n")
        .dir("/etc/systemd/system")
}

/// What the fixer proposes after `edits`; after it, nothing more.
fn after(guest: &MemoryGuest, facts: &GuestFacts, changes: Vec<Change>) -> String {
    let mut recorder = Recorder::new(guest);
    let mut applied = guest.clone();
    for change in changes {
        let edit = Edit::new("test", "test", change);
        recorder.apply(&edit).unwrap();
        applied.apply(&edit).unwrap();
    }
    let proposal = SeLinux.plan(facts, &recorder, &Policy::default()).unwrap();
    assert_eq!(proposal.concerns, Vec::new());
    for edit in &proposal.edits {
        recorder.apply(edit).unwrap();
        applied.apply(edit).unwrap();
    }
    assert_eq!(
        SeLinux.plan(facts, &recorder, &Policy::default()).unwrap().edits,
        Vec::new(),
        "not idempotent"
    );
    assert_eq!(SeLinux.plan(facts, &applied, &Policy::default()).unwrap().edits, Vec::new());
    show(&proposal.edits)
}

fn create(path: &str) -> Change {
    Edit::create("test", path, "x", 0o644, "test").change
}

fn link(path: &str) -> Change {
    Change::Symlink { path: path.to_owned(), before: None, target: "/dev/null".to_owned() }
}

#[test]
fn files_that_are_only_changed_keep_their_labels() {
    assert_eq!(after(&guest(), &facts(), vec![]), "");
    let change = Edit::rewrite("test", "/etc/fstab", "old\n", "new\n", "test").change;
    assert_eq!(after(&guest(), &facts(), vec![change]), "");
}

#[test]
fn what_is_created_gets_the_label_of_the_policy() {
    let run = Change::Run {
        argv: vec!["dracut".to_owned()],
        changes: vec!["/boot/initramfs-5.14.0.img".to_owned()],
    };
    let changes = vec![
        create("/etc/systemd/network/10-h2k.link"),
        link("/etc/systemd/system/vmtoolsd.service"),
        create("/home/me/.ssh/authorized_keys"),
        create("/run/h2k"),
        create("/etc/hosts"),
        create("/opt/b/x12"),
        create("/lib/systemd/system/x.service"),
        run,
    ];
    insta::assert_snapshot!(after(&guest(), &facts(), changes), @r"
    label /etc/systemd/network system_u:object_r:etc_t:s0
    label /etc/systemd/network/10-h2k.link system_u:object_r:etc_t:s0
    label /etc/systemd/system/vmtoolsd.service system_u:object_r:systemd_unit_file_t:s0
    label /home system_u:object_r:default_t:s0
    label /home/me system_u:object_r:default_t:s0
    label /home/me/.ssh unconfined_u:object_r:ssh_home_t:s0
    label /home/me/.ssh/authorized_keys unconfined_u:object_r:ssh_home_t:s0
    label /run system_u:object_r:default_t:s0
    label /etc/hosts system_u:object_r:net_conf_t:s0
    label /opt system_u:object_r:default_t:s0
    label /opt/b system_u:object_r:default_t:s0
    label /opt/b/x12 system_u:object_r:opt_t:s0
    label /lib system_u:object_r:default_t:s0
    label /lib/systemd system_u:object_r:default_t:s0
    label /lib/systemd/system system_u:object_r:systemd_unit_file_t:s0
    label /lib/systemd/system/x.service system_u:object_r:systemd_unit_file_t:s0
    label /boot system_u:object_r:default_t:s0
    label /boot/initramfs-5.14.0.img system_u:object_r:boot_t:s0
    ");
}

#[test]
fn the_kind_of_a_file_counts() {
    insta::assert_snapshot!(after(&guest().dir("/boot"), &facts(), vec![link("/boot/vmlinuz"), create("/boot/x")]), @r"
    label /boot/vmlinuz system_u:object_r:boot_l_t:s0
    label /boot/x system_u:object_r:default_t:s0
    ");
}

#[test]
fn an_efi_partition_has_no_labels() {
    let mut facts = facts();
    facts.block.push(device(0, 3, "vfat"));
    facts.mounts.push(Mount {
        mountpoint: "/boot/efi".to_owned(),
        device: "/dev/sda3".to_owned(),
        ..Mount::default()
    });
    assert_eq!(after(&guest().dir("/boot/efi"), &facts, vec![create("/boot/efi/EFI/BOOT/BOOTX64.EFI")]), "");
}

#[test]
fn a_guest_without_selinux_is_left_alone() {
    for config in ["SELINUX=disabled\n", "#SELINUX=enforcing\n", ""] {
        let guest = guest().file(CONFIG, config);
        assert_eq!(after(&guest, &facts(), vec![create("/etc/x")]), "", "{config}");
    }
    let mut guest = guest();
    guest.delete(CONFIG);
    assert_eq!(after(&guest, &facts(), vec![create("/etc/x")]), "");
}

#[test]
fn a_policy_that_cannot_be_read_makes_the_guest_relabel_itself() {
    let file = "/etc/selinux/targeted/contexts/files/file_contexts";
    let mut none = guest();
    none.delete(file);
    for guest in [none, guest().file(file, "/etc/(?=x).*\tsystem_u:object_r:etc_t:s0\n")] {
        assert_eq!(after(&guest, &facts(), vec![create("/etc/x")]), "write /.autorelabel\n");
        assert_eq!(after(&guest.file(AUTORELABEL, ""), &facts(), vec![create("/etc/x")]), "");
    }
}
