//! Guests whose files are broken, hostile or missing: each repair ends in a concern or an error that names the file, and
//! nothing else changes.

use h2k_config::Policy;

use super::testing::{ROOT, device, facts, show};
use crate::registry::FIXERS;
use crate::{Concern, Edit, Fixer, Guest, GuestError, GuestFacts, GuestMut, MemoryGuest, Recorder, inspect};

/// What all repairs propose for a guest whose files are these.
fn all(guest: &MemoryGuest) -> Result<(Vec<Edit>, Vec<Concern>), GuestError> {
    let mut facts = facts();
    inspect::gather(guest, &mut facts)?;
    plan(guest, &facts)
}

fn plan(guest: &MemoryGuest, facts: &GuestFacts) -> Result<(Vec<Edit>, Vec<Concern>), GuestError> {
    let mut recorder = Recorder::new(guest);
    let mut concerns = Vec::new();
    for fixer in FIXERS {
        let proposal = fixer.plan(facts, &recorder, &Policy::default())?;
        for edit in &proposal.edits {
            recorder.apply(edit)?;
        }
        concerns.extend(proposal.concerns);
    }
    Ok((recorder.into_edits(), concerns))
}

/// Ids of concerns and what they are about.
fn told(concerns: &[Concern]) -> Vec<String> {
    concerns.iter().map(|c| format!("{} {}", c.id, c.subject)).collect()
}

#[test]
fn an_empty_root_is_a_concern_and_no_edit() {
    let (edits, concerns) = all(&MemoryGuest::new()).unwrap();
    assert_eq!(edits, Vec::new());
    assert!(told(&concerns).contains(&"guest.kernel.none-found kernels".to_owned()), "{concerns:?}");
}

#[test]
fn a_missing_boot_does_not_hide_the_rest() {
    let guest = MemoryGuest::new()
        .file("/etc/fstab", "/dev/sda1 / ext4 defaults 0 1\n")
        .file("/lib/modules/6.1.0/modules.dep", "kernel/virtio_blk.ko:\n");
    let (edits, concerns) = all(&guest).unwrap();
    assert!(show(&edits).contains(&format!("+UUID={ROOT} / ext4 defaults 0 1")));
    assert!(told(&concerns).contains(&"guest.kernel.none-found kernels".to_owned()), "{concerns:?}");
}

#[test]
fn files_of_noise_are_told_and_left() {
    let noise: Vec<u8> =
        (0..4000_u32).map(|n| u8::try_from(n.wrapping_mul(2_654_435_761) >> 24).unwrap()).collect();
    let mut guest = MemoryGuest::new();
    for path in [
        "/etc/fstab",
        "/etc/crypttab",
        "/etc/default/grub",
        "/etc/default/grub.d/x.cfg",
        "/etc/kernel/cmdline",
        "/etc/grub.d/40_custom",
        "/etc/lilo.conf",
        "/etc/update-extlinux.conf",
        "/etc/sysconfig/bootloader",
        "/boot/grub/grub.cfg",
        "/boot/grub/menu.lst",
        "/boot/grub/device.map",
        "/boot/grub2/grubenv",
        "/boot/loader/entries/x.conf",
        "/boot/extlinux/extlinux.conf",
        "/boot/vmlinuz-6.1.0",
        "/boot/initrd.img-6.1.0",
    ] {
        guest.put(path, &noise);
    }
    let (edits, concerns) = all(&guest).unwrap();
    assert_eq!(edits, Vec::new());
    let told = told(&concerns);
    assert!(told.iter().any(|t| t.starts_with("guest.fstab.malformed /etc/fstab line ")), "{told:?}");
}

#[test]
fn a_mistake_in_a_file_is_told_by_its_line() {
    let guest = MemoryGuest::new()
        .file("/etc/fstab", "# x\n/dev/sda1 /\n/dev/sdx9 /var ext4 defaults 0 2\n")
        .file("/etc/crypttab", "\ndata /dev/sdx2 none luks\n")
        .file(
            "/etc/default/grub",
            "GRUB_TIMEOUT=5\nGRUB_DISTRIBUTOR=it's\nGRUB_CMDLINE_LINUX=\"root=/dev/sda1\"\n",
        )
        .file("/boot/grub/grub.cfg", "# 1\n# 2\nlinux /v root=/dev/sdx3\nlinux /w root=/dev/sdx3\n");
    let (edits, concerns) = all(&guest).unwrap();
    assert!(show(&edits).contains(&format!("+GRUB_CMDLINE_LINUX=\"root=UUID={ROOT}\"")));
    let told = told(&concerns);
    for wanted in [
        "guest.fstab.malformed /etc/fstab line 2",
        "guest.fstab.unresolved /etc/fstab line 3",
        "guest.crypttab.unresolved /etc/crypttab line 2",
        "guest.boot.syntax /etc/default/grub line 2",
        "guest.boot.unresolved /boot/grub/grub.cfg line 3",
    ] {
        assert!(told.contains(&wanted.to_owned()), "{wanted} is not in {told:?}");
    }
}

#[test]
fn links_that_leave_the_root_stay_inside() {
    let guest = MemoryGuest::new()
        .link("/etc/fstab", "../../../../../../srv/fstab")
        .file("/srv/fstab", "/dev/sda1 / ext4 defaults 0 1\n")
        .link("/etc/crypttab", "/../../outside")
        .link("/boot/grub/grub.cfg", "/proc/1/root/etc/shadow")
        .link("/etc/default/grub", "/dev/sda");
    let (edits, _) = all(&guest).unwrap();
    let paths: Vec<&str> = edits.iter().flat_map(Edit::paths).collect();
    assert_eq!(paths, ["/srv/fstab"], "the file that the link means inside of the guest");
}

#[test]
fn links_in_a_circle_are_an_error_that_names_the_file() {
    let guest = MemoryGuest::new().link("/etc/fstab", "/etc/fstab2").link("/etc/fstab2", "fstab");
    let error = plan(&guest, &facts()).unwrap_err();
    assert_eq!(error.to_string(), "/etc/fstab: too many symbolic links");
}

#[test]
fn a_file_too_large_is_an_error_that_names_it() {
    let guest = MemoryGuest::new().file("/etc/fstab", vec![b'#'; 9 << 20]);
    let error = all(&guest).unwrap_err();
    assert!(matches!(&error, GuestError::TooLarge { path, .. } if path == "/etc/fstab"), "{error}");
}

#[test]
fn more_than_one_root_and_another_kind_of_system_are_left_alone() {
    let guest = MemoryGuest::new().file("/etc/fstab", "/dev/sda1 / ext4 defaults 0 1\n");
    let mut two = facts();
    two.systems.push(two.systems[0].clone());
    assert_eq!(plan(&guest, &two).unwrap(), (Vec::new(), Vec::new()));
    let mut none = facts();
    none.systems.clear();
    assert_eq!(plan(&guest, &none).unwrap(), (Vec::new(), Vec::new()));
}

#[test]
fn a_kernel_without_modules_is_told() {
    let guest = MemoryGuest::new().file("/boot/vmlinuz-6.1.0-9-amd64", "k").dir("/lib/modules/6.1.0-9-amd64");
    let (edits, concerns) = all(&guest).unwrap();
    assert_eq!(edits, Vec::new());
    assert!(
        told(&concerns).contains(&"guest.kernel.drivers-unknown kernel 6.1.0-9-amd64".to_owned()),
        "{concerns:?}"
    );
}

/// Names with spaces, quotes and line ends do not get into files or arguments.
#[test]
fn labels_and_volumes_with_odd_names_are_not_written() {
    for label in ["a b", "a\"b", "a'b", "a\nb", "a\\b", "$(id)", "a`b", "ä", ""] {
        let mut facts = facts();
        facts.block[0] = device(0, 1, "ext4");
        facts.block[0].uuid.clear();
        facts.block[0].partuuid.clear();
        facts.block[0].label = label.to_owned();
        let text = "/dev/sda1 / ext4 defaults 0 1\n";
        let guest = MemoryGuest::new().file("/etc/fstab", text);
        let proposal = super::fstab::Fstab.plan(&facts, &guest, &Policy::default()).unwrap();
        assert_eq!(proposal.edits, Vec::new(), "{label}");
        assert_eq!(told(&proposal.concerns), ["guest.fstab.unresolved /etc/fstab line 1"], "{label}");
        facts.block[0].lv = Some(("vg".to_owned(), label.to_owned()));
        assert_eq!(super::names::Names::new(&facts).stable(&facts.block[0]), None, "{label}");
    }
}

#[test]
fn file_names_with_odd_characters_are_read_like_others() {
    let path = "/boot/loader/entries/a b'\"\n$(id).conf";
    let guest = MemoryGuest::new().file(path, "options root=/dev/sda1\n");
    let (edits, _) = all(&guest).unwrap();
    assert_eq!(edits.iter().flat_map(Edit::paths).collect::<Vec<_>>(), [path]);
    assert!(guest.exists(path).unwrap());
}
