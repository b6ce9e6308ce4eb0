use super::*;
use crate::MemoryGuest;
use crate::facts::{InitramfsFacts, KernelFacts};
use crate::linux::testing::{device, facts, run, show, show_concerns};

const LIST: &str = "# LVM uses devices listed in this file.\nVERSION=1.1.1\n\
                    IDTYPE=sys_wwid IDNAME=naa.6000c29aaaaaaaaaaaaaaaaaaaaaaaaa DEVNAME=/dev/sda2 PVID=x\n";

fn lvm() -> GuestFacts {
    let mut facts = facts();
    facts.block.push(device(0, 3, "LVM2_member"));
    facts
}

fn plan(guest: MemoryGuest) -> (String, Vec<String>) {
    let mut guest = guest;
    let proposal = run(&LvmDevices, &lvm(), &mut guest);
    (show(&proposal.edits), show_concerns(&proposal))
}

fn conf(devices: &str) -> MemoryGuest {
    MemoryGuest::new()
        .file("/etc/lvm/lvm.conf", format!("config {{\n}}\ndevices {{\n\tdir = \"/dev\"\n{devices}}}\n"))
}

#[test]
fn a_guest_without_a_list_needs_nothing() {
    assert_eq!(plan(MemoryGuest::new()), (String::new(), Vec::new()));
    assert_eq!(plan(conf("use_devicesfile = 1\n\tfilter = [ \"a|.*|\" ]\n")), (String::new(), Vec::new()));
    assert_eq!(plan(MemoryGuest::new().dir("/etc/lvm/devices/backup")), (String::new(), Vec::new()));
}

#[test]
fn the_list_and_the_cache_are_removed() {
    let guest = conf("").file("/etc/lvm/devices/system.devices", LIST).file("/etc/lvm/cache/.cache", "x");
    let (edits, concerns) = plan(guest);
    insta::assert_snapshot!(edits, @r"
    remove /etc/lvm/devices/system.devices
    remove /etc/lvm/cache/.cache
    ");
    assert!(concerns.is_empty());
}

#[test]
fn the_list_that_is_configured_is_the_one() {
    let with = |text: &str| {
        conf(text).file("/etc/lvm/devices/system.devices", LIST).file("/etc/lvm/devices/my.devices", LIST)
    };
    assert_eq!(plan(with("devicesfile = \"my.devices\"\n")).0, "remove /etc/lvm/devices/my.devices\n");
    assert_eq!(plan(with("devicesfile = \"../../passwd\"\n")).0, "remove /etc/lvm/devices/system.devices\n");
    assert_eq!(plan(with("# devicesfile = \"my.devices\"\n")).0, "remove /etc/lvm/devices/system.devices\n");
    assert_eq!(plan(with("use_devicesfile = 0\n")).0, "");
    let local = with("use_devicesfile = 1\n").file("/etc/lvm/lvmlocal.conf", "devices { use_devicesfile=0 }");
    assert_eq!(plan(local).0, "");
}

#[test]
fn an_initramfs_that_is_not_built_anew_may_hold_the_list() {
    let mut facts = lvm();
    facts.block[0].lv = Some(("vg".to_owned(), "root".to_owned()));
    let modules = |names: &[&str]| InitramfsFacts {
        path: "/boot/initramfs-5.14.img".to_owned(),
        modules: names.iter().map(|n| (*n).to_owned()).collect(),
        ..InitramfsFacts::default()
    };
    let concerns = |facts: &GuestFacts, list: bool| {
        let guest = if list { conf("").file("/etc/lvm/devices/system.devices", LIST) } else { conf("") };
        show_concerns(&LvmDevices.plan(facts, &guest, &Policy::default()).unwrap())
    };
    facts.kernels = vec![KernelFacts { initramfs: Some(modules(&["virtio_blk"])), ..KernelFacts::default() }];
    assert_eq!(concerns(&facts, true), ["Warning guest.lvm.initramfs /boot/initramfs-5.14.img"]);
    assert!(concerns(&facts, false).is_empty());
    assert!(concerns(&lvm(), true).is_empty());
    facts.kernels[0].initramfs = Some(modules(&["vmw_pvscsi"]));
    assert!(concerns(&facts, true).is_empty(), "it is built anew");
}

#[test]
fn a_filter_for_the_old_names_is_a_concern() {
    let guest = conf("\tfilter = [ \"a|^/dev/sd.*|\", \"r|.*|\" ]\n\tglobal_filter = [\"a|.*|\"]\n");
    assert_eq!(
        plan(guest.clone()),
        (String::new(), vec!["Warning guest.lvm.filter /etc/lvm/lvm.conf".to_owned()])
    );
    let mut plain = lvm();
    plain.block.pop();
    let proposal = LvmDevices.plan(&plain, &guest, &Policy::default()).unwrap();
    assert_eq!(proposal, Proposal::default());
    let scsi = Policy { disk_bus: DiskBus::VirtioScsi, ..Policy::default() };
    assert_eq!(LvmDevices.plan(&lvm(), &guest, &scsi).unwrap(), Proposal::default());
    let listed = guest.file("/etc/lvm/devices/system.devices", LIST);
    let proposal = LvmDevices.plan(&lvm(), &listed, &Policy::default()).unwrap();
    assert!(proposal.concerns[0].message.ends_with("it had no effect as long as there was a devices file"));
}
