use super::*;
use crate::MemoryGuest;
use crate::linux::testing::{device, facts, fstab_entry, run, show, show_concerns};

const LUKS: &str = "0a000000-0000-4000-8000-000000000003";

fn encrypted() -> GuestFacts {
    let mut facts = facts();
    facts.block.push(device(0, 3, "crypto_LUKS"));
    facts.block.push(device(0, 4, ""));
    facts
}

fn plan(text: &str) -> (String, Vec<String>) {
    let mut guest = MemoryGuest::new().file("/etc/crypttab", text);
    let proposal = run(&Crypttab, &encrypted(), &mut guest);
    (show(&proposal.edits), show_concerns(&proposal))
}

#[test]
fn good_lines_stay() {
    let text = format!(
        "# <target name> <source device> <key file> <options>\nsda3_crypt UUID={LUKS} none luks,discard\n\
         data /dev/vg0/data /etc/keys/data luks\nfile /srv/image none luks\nname\n"
    );
    assert_eq!(plan(&text), (String::new(), Vec::new()));
}

#[test]
fn only_the_device_changes() {
    for name in ["/dev/sda3", "/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part3"] {
        let (edits, concerns) = plan(&format!("root\t{name}   /dev/disk/by-path/pci-1-usb-key  luks # x\n"));
        assert!(
            edits.contains(&format!("+root\tUUID={LUKS}   /dev/disk/by-path/pci-1-usb-key  luks # x\n")),
            "{edits}"
        );
        assert!(concerns.is_empty());
    }
}

#[test]
fn scratch_space_gets_its_partition_and_nothing_is_lost() {
    let (edits, _) = plan("swap /dev/sda4 /dev/urandom swap,cipher=aes-xts-plain64\n");
    assert!(edits.contains("+swap PARTUUID=0b000000-04 /dev/urandom"), "{edits}");
    let (edits, _) = plan("swap /dev/sda2 /dev/urandom swap\n");
    assert!(edits.contains("+swap PARTUUID=0b000000-02 /dev/urandom"), "{edits}");
    for line in ["swap /dev/sdb1 /dev/urandom swap\n", "tmp /dev/sda3 none plain,tmp=ext4\n"] {
        let (edits, concerns) = plan(line);
        assert_eq!((edits.as_str(), concerns.len()), ("", 1), "{line}");
    }
}

#[test]
fn what_is_no_container_stays_with_a_concern() {
    let text = "root /dev/sda1 none luks\nother /dev/sdc1 none luks\n";
    assert_eq!(
        plan(text).1,
        [
            "Warning guest.crypttab.unresolved /etc/crypttab line 1",
            "Warning guest.crypttab.unresolved /etc/crypttab line 2",
        ]
    );
    let mut facts = encrypted();
    facts.fstab = vec![fstab_entry("/dev/mapper/root", "/", "ext4")];
    let proposal =
        Crypttab.plan(&facts, &MemoryGuest::new().file(CRYPTTAB, text), &Policy::default()).unwrap();
    let severities: Vec<Severity> = proposal.concerns.iter().map(|c| c.severity).collect();
    assert_eq!(severities, [Severity::Critical, Severity::Warning]);
}
