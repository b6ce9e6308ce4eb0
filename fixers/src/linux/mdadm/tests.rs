use super::*;
use crate::MemoryGuest;
use crate::facts::{ArrayFacts, InitramfsFacts, KernelFacts};
use crate::linux::testing::{facts, run, show, show_concerns};

const CLEAN: &str =
    "# mdadm.conf\nHOMEHOST <system>\nARRAY /dev/md/0  metadata=1.2 UUID=1:2:3:4 name=web:0\n";

fn plan(text: &str) -> (String, Vec<String>) {
    let mut guest = MemoryGuest::new().file("/etc/mdadm/mdadm.conf", text);
    let proposal = run(&Mdadm, &facts(), &mut guest);
    (show(&proposal.edits), show_concerns(&proposal))
}

#[test]
fn a_file_that_looks_everywhere_stays() {
    for devices in [
        "",
        "DEVICE partitions\n",
        "DEVICE partitions containers\n",
        "DEVICE /dev/sda* /dev/vd*\n",
        "DEVICE /dev/[sv]d[a-z]*\n",
        "DEVICE /dev/disk/by-uuid/*\n",
        "#DEVICE /dev/sda*\n",
        "DEVICE # /dev/sda\n",
        "DEVICEX /dev/sda1\n",
    ] {
        assert_eq!(plan(&format!("{devices}{CLEAN}")), (String::new(), Vec::new()), "{devices}");
    }
    assert_eq!(plan(""), (String::new(), Vec::new()));
}

#[test]
fn lines_that_name_the_old_disks_look_everywhere() {
    for (devices, changed) in [
        ("DEVICE /dev/sda* /dev/sdb*\n", "-DEVICE /dev/sda* /dev/sdb*\n+DEVICE partitions\n"),
        (
            "dev /dev/sd*[0-9] /dev/mapper/mpath*\n",
            "-dev /dev/sd*[0-9] /dev/mapper/mpath*\n+dev partitions /dev/mapper/mpath*\n",
        ),
        ("DEVICE /dev/disk/by-path/pci-*\r\n", "-DEVICE /dev/disk/by-path/pci-*\n+DEVICE partitions\n"),
        ("DEVICE /dev/vda1 containers\n", "-DEVICE /dev/vda1 containers\n+DEVICE partitions containers\n"),
    ] {
        let (edits, concerns) = plan(&format!("{devices}{CLEAN}"));
        assert_eq!(edits, format!("write /etc/mdadm/mdadm.conf\n{changed}"));
        assert!(concerns.is_empty());
    }
    let (edits, _) = plan(&format!("DEVICE /dev/sda1\n  /dev/sdb1 # both\n{CLEAN}"));
    assert_eq!(
        edits,
        "write /etc/mdadm/mdadm.conf\n-DEVICE /dev/sda1\n-  /dev/sdb1 # both\n+DEVICE partitions\n"
    );
}

#[test]
fn the_other_place_is_looked_at_too() {
    let mut guest = MemoryGuest::new().file("/etc/mdadm.conf", "DEVICE /dev/sda1\n");
    assert_eq!(run(&Mdadm, &facts(), &mut guest).edits.len(), 1);
}

#[test]
fn members_that_an_array_line_names_are_told() {
    let (edits, concerns) = plan("ARRAY /dev/md0 devices=/dev/sda1,/dev/sdb1\nARRAY /dev/md1 UUID=1\n");
    assert_eq!((edits.as_str(), concerns.len()), ("", 1));
    assert_eq!(concerns, ["Warning guest.mdadm.members /etc/mdadm/mdadm.conf line 1"]);
}

#[test]
fn an_initramfs_that_is_not_built_anew_is_told_where_the_root_is_on_an_array() {
    let mut facts = facts();
    let modules = vec!["virtio_blk".to_owned()];
    let initramfs = InitramfsFacts { path: "/boot/i".to_owned(), modules, ..InitramfsFacts::default() };
    facts.kernels = vec![KernelFacts { initramfs: Some(initramfs), ..KernelFacts::default() }];
    let guest = MemoryGuest::new().file("/etc/mdadm/mdadm.conf", "DEVICE /dev/sda1\n");
    let concerns =
        |facts: &GuestFacts| show_concerns(&Mdadm.plan(facts, &guest, &Policy::default()).unwrap());
    assert!(concerns(&facts).is_empty(), "the root is no array");
    facts.block[0].array = Some(ArrayFacts::default());
    assert_eq!(concerns(&facts), ["Warning guest.mdadm.initramfs /boot/i"]);
    facts.kernels[0].initramfs.as_mut().unwrap().modules.clear();
    assert!(concerns(&facts).is_empty(), "it is built anew");
}

proptest::proptest! {
    #[test]
    fn any_text_is_rewritten_once(text in "(DEVICE|ARRAY|dev|#| |\t|\n|/dev/sda1|/dev/\\[|partitions|\\PC){0,30}") {
        let (once, _) = rewrite(&text, DiskBus::VirtioBlk);
        proptest::prop_assert_eq!(rewrite(&once, DiskBus::VirtioBlk).0, once);
    }
}
