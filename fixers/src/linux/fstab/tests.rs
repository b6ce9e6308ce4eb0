use h2k_config::Policy;

use super::*;
use crate::MemoryGuest;
use crate::linux::testing::{DATA, ROOT, SWAP, device, disk, facts, run, show, show_concerns};

fn good() -> String {
    format!(
        "# /etc/fstab: static file system information.\n#\n# <file system> <mount point> <type> <options> <dump> <pass>\n\
         UUID={ROOT}\t/\text4\terrors=remount-ro\t0\t1\n\
         UUID={SWAP} none swap sw 0 0\n\
         UUID={DATA}  /data  xfs  defaults,nofail  0  2\n\
         /dev/sr0        /media/cdrom0   udf,iso9660 user,noauto     0       0\n\
         /dev/mapper/vg-lv /srv ext4 defaults 0 0\n\
         /swapfile none swap sw 0 0\n\
         //server/share /mnt cifs credentials=/root/c 0 0\n\
         tmpfs /tmp tmpfs size=1g 0 0\n"
    )
}

fn plan(text: &str) -> (String, Vec<String>) {
    let mut guest = MemoryGuest::new().file("/etc/fstab", text);
    let proposal = run(&Fstab, &facts(), &mut guest);
    (show(&proposal.edits), show_concerns(&proposal))
}

#[test]
fn a_good_fstab_stays() {
    assert_eq!(plan(&good()), (String::new(), Vec::new()));
    let guest = MemoryGuest::new();
    assert_eq!(Fstab.plan(&facts(), &guest, &Policy::default()).unwrap(), Proposal::default());
}

#[test]
fn each_kind_of_name_is_replaced_in_its_line_only() {
    let cases = [
        (format!("UUID={ROOT}"), "/dev/sda1"),
        (format!("UUID={ROOT}"), "/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part1"),
        (format!("UUID={ROOT}"), "/dev/disk/by-id/wwn-0x6000c29f0f0f0f0f0f0f0f0f0f0f0f0f-part1"),
        (format!("UUID={ROOT}"), "/dev/xvda1"),
        (format!("UUID={ROOT}"), "/dev/root"),
        (format!("UUID={SWAP}"), "/dev/sda2"),
        (format!("UUID={DATA}"), "/dev/sdb1"),
        (format!("UUID={DATA}"), "/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:1:0-part1"),
    ];
    for (stable, name) in cases {
        let broken = good().replace(&stable, name);
        let mut guest = MemoryGuest::new().file("/etc/fstab", &broken);
        let proposal = run(&Fstab, &facts(), &mut guest);
        assert_eq!(proposal.edits.len(), 1, "{name}");
        assert_eq!(proposal.concerns, Vec::new(), "{name}");
        assert_eq!(guest.read_text("/etc/fstab").unwrap().unwrap(), good(), "{name}");
        assert!(proposal.edits[0].reason.contains(name));
    }
}

#[test]
fn white_space_comments_and_line_ends_stay() {
    let (edits, concerns) =
        plan("#/dev/sda1 / ext4\r\n\t /dev/sda1 \t /\text4 defaults 0 1 # root\r\n/dev/sda2 none swap");
    insta::assert_snapshot!(edits, @r"
    write /etc/fstab
    -	 /dev/sda1 	 /	ext4 defaults 0 1 # root
    +	 UUID=0a000000-0000-4000-8000-000000000001 	 /	ext4 defaults 0 1 # root
    -/dev/sda2 none swap
    +UUID=0a000000-0000-4000-8000-000000000002 none swap
    ");
    assert!(concerns.is_empty());
}

#[test]
fn a_line_written_twice_is_edited_twice() {
    let (edits, _) = plan("/dev/sdb1 /data xfs\n/dev/sdb1 /mnt xfs noauto\n");
    assert_eq!(edits.matches(&format!("+UUID={DATA}")).count(), 2);
}

#[test]
fn what_cannot_be_resolved_stays_with_a_concern() {
    let (edits, concerns) = plan(
        "/dev/sdb1 / xfs\n/dev/sda2 /home ext4\n/dev/sdc1 /var ext4\n/dev/sdc1 /opt ext4\n/dev/sdc1 /usr xfs nofail\n\
         /dev/sdd1 /media/usb auto noauto,user\n/dev/dm-1 /boot ext4\n",
    );
    assert_eq!(edits, "");
    insta::assert_snapshot!(concerns.join("\n"), @r"
    Critical guest.fstab.unresolved /etc/fstab line 1
    Warning guest.fstab.unresolved /etc/fstab line 2
    Critical guest.fstab.unresolved /etc/fstab line 3
    Warning guest.fstab.unresolved /etc/fstab line 4
    Warning guest.fstab.unresolved /etc/fstab line 5
    Information guest.fstab.unresolved /etc/fstab line 6
    Critical guest.fstab.unresolved /etc/fstab line 7
    ");
}

#[test]
fn the_reason_is_in_words() {
    let guest = MemoryGuest::new().file("/etc/fstab", "/dev/sdb1 / ext4\n");
    let proposal = Fstab.plan(&facts(), &guest, &Policy::default()).unwrap();
    assert_eq!(
        proposal.concerns[0].message,
        "/dev/sdb1 for / stays: partition 1 of disk 1 holds xfs, which is not the root file system (ext4)"
    );
}

#[test]
fn drives_and_binds_stay() {
    let text = "/dev/cdrom /media/cdrom iso9660 ro 0 0\n/dev/hdc /media/dvd udf,iso9660 user 0 0\n/dev/fd0 /floppy auto rw 0 0\n\
                /dev/shm /srv/shm none bind 0 0\n";
    assert_eq!(plan(text), (String::new(), Vec::new()));
}

#[test]
fn lines_that_nothing_can_mount_stay_with_a_concern() {
    let (edits, concerns) = plan("/dev/sda1\n# a b\n/dev/sda1 /\nUUID=1 / ext4\n");
    assert_eq!(edits, "");
    insta::assert_snapshot!(concerns.join("\n"), @r"
    Warning guest.fstab.malformed /etc/fstab line 1
    Warning guest.fstab.malformed /etc/fstab line 3
    ");
    let (edits, concerns) = plan("a b c\n\0\0\0\0\nx\n");
    assert_eq!(
        (edits.as_str(), concerns),
        ("", vec!["Warning guest.fstab.malformed /etc/fstab line 2".to_owned()])
    );
    assert_eq!(plan(&"word\n".repeat(1000)).1.len(), 4);
}

#[test]
fn escaped_fields() {
    let (edits, concerns) = plan("/dev/sdb1 /mnt/My\\040Disk xfs\n/dev/disk/by-label/My\\040Disk /x xfs\n");
    assert!(edits.contains(&format!("+UUID={DATA} /mnt/My\\040Disk xfs")));
    assert!(concerns.is_empty());
}

#[test]
fn options_that_name_a_device_are_a_concern() {
    let (edits, concerns) = plan(&format!("UUID={DATA} /data xfs logdev=/dev/sdc1 0 0\n"));
    assert_eq!(edits, "");
    assert_eq!(concerns, ["Warning guest.fstab.device-option /etc/fstab line 1"]);
}

#[test]
fn an_ide_guest_of_old() {
    let mut facts = facts();
    facts.hardware.disks = vec![disk("ide", 0, 0)];
    facts.disks.pop();
    facts.block = vec![device(0, 1, "ext3"), device(0, 5, "swap")];
    let mut guest = MemoryGuest::new()
        .file("/etc/fstab", "/dev/hda1 / ext3 defaults 1 1\n/dev/hda5 swap swap defaults 0 0\n");
    let proposal = run(&Fstab, &facts, &mut guest);
    insta::assert_snapshot!(show(&proposal.edits), @r"
    write /etc/fstab
    -/dev/hda1 / ext3 defaults 1 1
    +UUID=0a000000-0000-4000-8000-000000000001 / ext3 defaults 1 1
    -/dev/hda5 swap swap defaults 0 0
    +UUID=0a000000-0000-4000-8000-000000000005 swap swap defaults 0 0
    ");
}

#[test]
fn another_system_is_none_of_its_business() {
    let mut facts = facts();
    facts.systems[0].kind = "windows".to_owned();
    let guest = MemoryGuest::new().file("/etc/fstab", "/dev/sda1 / ext4\n");
    assert_eq!(Fstab.plan(&facts, &guest, &Policy::default()).unwrap(), Proposal::default());
}

proptest::proptest! {
    #[test]
    fn only_first_fields_change(text in "([ \\t#]?(/dev/sda1|/dev/sdb9|UUID=1|x)[ \\t](/|none)[ \\t](ext4|swap|xfs)[ \\t\\PC]{0,9}\\r?\n?){0,6}") {
        let facts = facts();
        let names = Names::new(&facts);
        let new = rewrite(&text, &names);
        proptest::prop_assert_eq!(&rewrite(&new.text, &names).text, &new.text);
        if new.renamed.is_empty() {
            proptest::prop_assert_eq!(&new.text, &text);
        }
        let tail = |text: &str| -> Vec<String> {
            text.lines().map(|l| l.trim_start().split_once([' ', '\t']).map_or("", |(_, t)| t).to_owned()).collect()
        };
        proptest::prop_assert_eq!(tail(&new.text), tail(&text));
    }

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC*|[ -~\n\t]*") {
        let facts = facts();
        rewrite(&text, &Names::new(&facts));
    }
}
