//! The fast way: what is appended, when it is not, and that nothing is left to do.

use h2k_config::InitramfsWay;

use super::*;
use crate::{Edit, Guest, GuestMut};

const DIR: &str = "usr/lib/modules/6.1.0-56-amd64";

/// Paths below the directory of the modules, with what each needs.
const DEP: &str = "kernel/drivers/virtio/virtio.ko:\n\
    kernel/drivers/virtio/virtio_ring.ko: kernel/drivers/virtio/virtio.ko\n\
    kernel/drivers/virtio/virtio_pci_modern_dev.ko:\n\
    kernel/drivers/virtio/virtio_pci_legacy_dev.ko:\n\
    kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio_pci_legacy_dev.ko \
    kernel/drivers/virtio/virtio_pci_modern_dev.ko kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko\n\
    kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko\n\
    kernel/drivers/net/virtio_net.ko: kernel/net/core/failover.ko kernel/drivers/virtio/virtio_ring.ko\n\
    kernel/net/core/failover.ko:\n\
    kernel/drivers/scsi/scsi_common.ko:\n\
    kernel/drivers/scsi/scsi_mod.ko: kernel/drivers/scsi/scsi_common.ko\n\
    kernel/drivers/scsi/sd_mod.ko: kernel/drivers/scsi/scsi_mod.ko kernel/drivers/scsi/scsi_common.ko\n\
    kernel/drivers/scsi/virtio_scsi.ko: kernel/drivers/scsi/scsi_mod.ko kernel/drivers/virtio/virtio.ko\n\
    kernel/lib/crct10dif.ko:\n";

const ALIAS: &str = "# Aliases extracted from modules themselves.\nalias virtio:d00000002v* virtio_blk\n\
    alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci\nalias scsi:t-0x00* sd_mod\n";

const SOFT: &str = "softdep virtio_blk pre: crct10dif\nsoftdep other pre: more\n";

/// Files that tell who made an image, and what it loads.
const DEBIAN: &[(&str, &[u8])] =
    &[("scripts/functions", b""), ("conf/initramfs.conf", b""), ("conf/modules", b"vmw_pvscsi\n")];
const DRACUT: &[(&str, &[u8])] = &[("usr/lib/dracut/build-parameter.txt", b"")];

const INSIDE: &[&str] = &["scsi_common", "scsi_mod", "sd_mod", "vmw_pvscsi"];

/// An image with its own indexes, as generators make it.
fn indexed(traces: &[(&str, &[u8])], inside: &[&str], more: &[(&str, &[u8])]) -> Vec<u8> {
    let modules: Vec<String> = inside.iter().map(|m| format!("{DIR}/kernel/drivers/scsi/{m}.ko")).collect();
    let index = |name: &str| format!("{DIR}/{name}");
    let (dep, dep_bin, alias) = (index("modules.dep"), index("modules.dep.bin"), index("modules.alias"));
    let mut files: Vec<(&str, &[u8])> = traces.to_vec();
    files.extend(modules.iter().map(|m| (m.as_str(), b"\x7fELF".as_slice())));
    files.extend([(dep.as_str(), b"kernel/x.ko:\n".as_slice()), (&dep_bin, b""), (&alias, b"alias x y\n")]);
    files.extend(more);
    testing::pack(Compression::Zstd, &testing::archive(&files))
}

fn with_indexes(guest: MemoryGuest, path: &str, image: &[u8]) -> MemoryGuest {
    let own = format!("/{DIR}");
    let mut guest = guest
        .link("/lib", "usr/lib")
        .file(&format!("/boot/vmlinuz-{KERNEL}"), "")
        .file(path, image)
        .file(&format!("{own}/modules.dep"), DEP)
        .file(&format!("{own}/modules.builtin"), index(&["libata"]))
        .file(&format!("{own}/modules.alias"), ALIAS)
        .file(&format!("{own}/modules.softdep"), SOFT);
    for line in DEP.lines() {
        guest.put(&format!("{own}/{}", line.split(':').next().unwrap()), b"\x7fELF");
    }
    guest
}

fn fast(traces: &[(&str, &[u8])]) -> MemoryGuest {
    with_indexes(debian(VIRTIO), IMAGE, &indexed(traces, INSIDE, &[]))
}

fn plan_way(guest: &MemoryGuest, way: InitramfsWay) -> Proposal {
    let policy = Policy { initramfs: way, ..Policy::default() };
    Initramfs.plan(&facts_of(guest), guest, &policy).unwrap()
}

fn runs(proposal: &Proposal) -> bool {
    proposal.edits.iter().any(|e| matches!(e.change, Change::Run { .. }))
}

#[test]
fn what_is_missing_is_appended() {
    let mut guest = fast(DEBIAN);
    let proposal = run(&mut guest);
    insta::assert_snapshot!(show(&proposal.edits), @r"
    append to /boot/initrd.img-6.1.0-56-amd64
      usr/lib/modules/6.1.0-56-amd64/kernel/
      usr/lib/modules/6.1.0-56-amd64/kernel/lib/
      usr/lib/modules/6.1.0-56-amd64/kernel/lib/crct10dif.ko ← /usr/lib/modules/6.1.0-56-amd64/kernel/lib/crct10dif.ko
      usr/lib/modules/6.1.0-56-amd64/kernel/drivers/
      usr/lib/modules/6.1.0-56-amd64/kernel/drivers/virtio/
      usr/lib/modules/6.1.0-56-amd64/kernel/drivers/virtio/virtio.ko ← /usr/lib/modules/6.1.0-56-amd64/kernel/drivers/virtio/virtio.ko
      usr/lib/modules/6.1.0-56-amd64/kernel/drivers/block/
      usr/lib/modules/6.1.0-56-amd64/kernel/drivers/block/virtio_blk.ko ← /usr/lib/modules/6.1.0-56-amd64/kernel/drivers/block/virtio_blk.ko
      usr/lib/modules/6.1.0-56-amd64/kernel/drivers/virtio/virtio_pci.ko ← /usr/lib/modules/6.1.0-56-amd64/kernel/drivers/virtio/virtio_pci.ko
      usr/lib/modules/6.1.0-56-amd64/kernel/drivers/virtio/virtio_pci_legacy_dev.ko ← /usr/lib/modules/6.1.0-56-amd64/kernel/drivers/virtio/virtio_pci_legacy_dev.ko
      usr/lib/modules/6.1.0-56-amd64/kernel/drivers/virtio/virtio_pci_modern_dev.ko ← /usr/lib/modules/6.1.0-56-amd64/kernel/drivers/virtio/virtio_pci_modern_dev.ko
      usr/lib/modules/6.1.0-56-amd64/kernel/drivers/virtio/virtio_ring.ko ← /usr/lib/modules/6.1.0-56-amd64/kernel/drivers/virtio/virtio_ring.ko
      usr/lib/modules/6.1.0-56-amd64/kernel/drivers/scsi/
      usr/lib/modules/6.1.0-56-amd64/kernel/drivers/scsi/virtio_scsi.ko ← /usr/lib/modules/6.1.0-56-amd64/kernel/drivers/scsi/virtio_scsi.ko
      usr/lib/modules/6.1.0-56-amd64/modules.dep
        +kernel/lib/crct10dif.ko:
        +kernel/drivers/virtio/virtio.ko:
        +kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko
        +kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio_pci_legacy_dev.ko kernel/drivers/virtio/virtio_pci_modern_dev.ko kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko
        +kernel/drivers/virtio/virtio_pci_legacy_dev.ko:
        +kernel/drivers/virtio/virtio_pci_modern_dev.ko:
        +kernel/drivers/virtio/virtio_ring.ko: kernel/drivers/virtio/virtio.ko
        +kernel/drivers/scsi/virtio_scsi.ko: kernel/drivers/scsi/scsi_mod.ko kernel/drivers/virtio/virtio.ko
      usr/lib/modules/6.1.0-56-amd64/modules.alias
        +alias virtio:d00000002v* virtio_blk
        +alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci
      usr/lib/modules/6.1.0-56-amd64/modules.softdep
        +softdep virtio_blk pre: crct10dif
      conf/
      conf/modules
        +virtio_pci
        +virtio_blk
        +virtio_scsi
    ");
    assert!(proposal.concerns.is_empty());
    assert!(proposal.edits[0].reason.contains("holds no virtio_pci, virtio_blk,"));
    let listing = crate::initramfs::list(guest.open(IMAGE).unwrap()).unwrap();
    assert_eq!(listing.load_list, ["vmw_pvscsi", "virtio_pci", "virtio_blk", "virtio_scsi"]);
}

#[test]
fn dracut_has_a_list_of_its_own() {
    let guest = || {
        let mut guest = fast(DRACUT);
        guest.delete("/usr/sbin/mkinitramfs");
        guest.put("/usr/bin/dracut", b"");
        guest
    };
    assert!(runs(&plan_way(&guest(), InitramfsWay::Tool)));
    let proposal = plan_way(&guest(), InitramfsWay::Auto);
    assert!(!runs(&proposal));
    let shown = show(&proposal.edits);
    assert!(shown.starts_with("write /etc/dracut.conf.d/90-h2k-virtio.conf\n"), "{shown}");
    assert!(shown.contains("  etc/modules-load.d/90-h2k-virtio.conf\n    +virtio_pci\n"), "{shown}");
    assert!(proposal.concerns.is_empty());
}

#[test]
fn a_proven_generator_is_not_run_unless_asked_for() {
    assert!(!runs(&plan_way(&fast(DEBIAN), InitramfsWay::Auto)));
    assert!(runs(&plan_way(&fast(DEBIAN), InitramfsWay::Tool)));
}

#[test]
fn the_generators_settings_are_written_either_way() {
    for way in [InitramfsWay::Append, InitramfsWay::Tool] {
        let mut guest = fast(DEBIAN);
        guest.put("/etc/initramfs-tools/initramfs.conf", b"MODULES=dep\n");
        let proposal = plan_way(&guest, way);
        assert!(
            show(&proposal.edits).contains("+virtio_pci\n+virtio_blk\n+virtio_scsi\n+virtio_net\n"),
            "{way:?}"
        );
    }
}

#[test]
fn without_a_generator_it_is_appended_with_a_concern() {
    let mut guest = fast(DEBIAN);
    guest.delete("/usr/sbin/mkinitramfs");
    let proposal = run(&mut guest);
    assert_eq!(proposal.edits.len(), 1);
    assert_eq!(show_concerns(&proposal), [format!("Warning guest.initramfs.no-generator {IMAGE}")]);
    assert!(
        proposal.concerns[0].message.contains("has no program that builds one: an image that is made later")
    );
}

#[test]
fn modules_are_unpacked_where_those_of_the_image_are() {
    let mut guest = fast(DEBIAN);
    let own = format!("/{DIR}");
    guest.put(&format!("{own}/modules.dep"), DEP.replace(".ko", ".ko.xz").as_bytes());
    for line in DEP.lines() {
        let path = format!("{own}/{}", line.split(':').next().unwrap());
        guest.delete(&path);
        guest.put(&format!("{path}.xz"), &testing::pack(Compression::Xz, b"\x7fELF"));
    }
    let proposal = run(&mut guest);
    let shown = show(&proposal.edits);
    assert!(shown.contains(&format!(
        "  {DIR}/kernel/drivers/block/virtio_blk.ko ← {own}/kernel/drivers/block/virtio_blk.ko.xz unpacked\n"
    )), "{shown}");
    assert!(shown.contains(
        "+kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko\n"
    ));
}

#[test]
fn an_image_with_drivers_of_nics_gets_that_of_the_target_and_the_names() {
    let mut guest = fast(DEBIAN);
    guest.put(IMAGE, &indexed(DEBIAN, &[INSIDE, &["vmxnet3"]].concat(), &[]));
    guest.put("/etc/systemd/network/10-h2k-ens192.link", b"[Match]\n");
    guest.put("/etc/systemd/network/20-other.link", b"[Match]\n");
    let shown = show(&run(&mut guest).edits);
    assert!(shown.contains("/virtio_net.ko ←") && shown.contains("/failover.ko ←"), "{shown}");
    assert!(
        shown
            .contains("  etc/systemd/network/10-h2k-ens192.link ← /etc/systemd/network/10-h2k-ens192.link\n")
    );
    assert!(!shown.contains("20-other"));
}

#[test]
fn copies_of_settings_with_names_of_the_old_hardware_are_replaced() {
    let mut guest = fast(DEBIAN);
    let resume: &[(&str, &[u8])] =
        &[("conf/conf.d/resume", b"RESUME=/dev/sda2\n"), ("conf/conf.d/fine", b"RESUME=/dev/vg/swap\n")];
    guest.put(IMAGE, &indexed(DEBIAN, INSIDE, resume));
    guest.put("/etc/initramfs-tools/conf.d/resume", b"RESUME=UUID=1\n");
    let shown = show(&run(&mut guest).edits);
    assert!(shown.contains("  conf/conf.d/resume ← /etc/initramfs-tools/conf.d/resume\n"), "{shown}");
    assert!(!shown.contains("conf.d/fine"));
}

#[test]
fn a_copy_of_mdadm_conf_that_looks_at_the_old_disks_is_replaced() {
    let mut guest = fast(DEBIAN);
    let path = "etc/mdadm/mdadm.conf";
    guest.put(
        IMAGE,
        &indexed(DEBIAN, INSIDE, &[(path, b"DEVICE /dev/sda* /dev/sdb*\nARRAY /dev/md0 UUID=1\n")]),
    );
    guest.put("/etc/mdadm/mdadm.conf", b"DEVICE /dev/sda* /dev/sdb*\n");
    assert!(runs(&plan_way(&guest, InitramfsWay::Auto)), "the guest's own file is not mended");
    guest.put("/etc/mdadm/mdadm.conf", b"DEVICE partitions\n");
    let shown = show(&run(&mut guest).edits);
    assert!(shown.contains("  etc/mdadm/mdadm.conf ← /etc/mdadm/mdadm.conf\n"), "{shown}");
}

#[test]
fn copies_that_cannot_be_replaced_are_left_to_the_tool() {
    let mut guest = fast(DEBIAN);
    guest.put(
        IMAGE,
        &indexed(DEBIAN, INSIDE, &[("cryptroot/crypttab", b"# /dev/sdc\nx /dev/sdb1 none luks\n")]),
    );
    assert!(runs(&plan_way(&guest, InitramfsWay::Auto)));
    let proposal = plan_way(&guest, InitramfsWay::Append);
    assert_eq!(show_concerns(&proposal), [format!("Warning guest.initramfs.old-names {IMAGE}")]);
    assert!(proposal.concerns[0].message.ends_with("and stay: cryptroot/crypttab: /dev/sdb1"));
    assert!(!runs(&proposal));
}

#[test]
fn a_filter_of_lvm_in_the_image_is_left_to_the_tool() {
    let mut guest = fast(DEBIAN);
    let with = |conf: &[u8]| indexed(DEBIAN, INSIDE, &[("etc/lvm/lvm.conf", conf)]);
    guest.put(
        IMAGE,
        &with(b"# filter = [ \"a|/dev/sda|\" ]\nscan = [ \"/dev\" ]\nfilter = [ \"a|/dev/mapper/x|\" ]\n"),
    );
    assert!(!runs(&plan_way(&guest, InitramfsWay::Auto)));
    guest.put(IMAGE, &with(b"filter = [ \"a|/dev/sda.*|\", \"r|.*|\" ]\n"));
    assert!(runs(&plan_way(&guest, InitramfsWay::Auto)));
    guest.put(IMAGE, &with(&[b' '; 600_000]));
    assert!(runs(&plan_way(&guest, InitramfsWay::Append)));
}

#[test]
fn what_cannot_be_appended_to_is_built() {
    let odd = |change: &dyn Fn(&mut MemoryGuest), why: &str| {
        let mut guest = fast(DEBIAN);
        change(&mut guest);
        assert!(runs(&plan_way(&guest, InitramfsWay::Auto)), "{why}");
        let proposal = plan_way(&guest, InitramfsWay::Append);
        assert!(runs(&proposal), "{why}");
        let concerns: Vec<&str> = proposal.concerns.iter().map(|c| c.message.as_str()).collect();
        assert!(concerns.iter().any(|c| c.contains(why)), "{why}: {concerns:?}");
    };
    let plain = testing::archive(&[("a", b"")]);
    odd(&|g| g.put(IMAGE, b"\x28\xb5\x2f\xfdbroken"), "it cannot be listed");
    odd(&|g| g.put(IMAGE, &indexed(&[], INSIDE, &[])), "made by an unknown program");
    odd(&|g| g.put(IMAGE, &indexed(DEBIAN, &[], &[])), "no modules of this kernel");
    odd(&|g| g.put(IMAGE, &image(KERNEL, INSIDE)), "made by an unknown program");
    odd(
        &|g| g.put(IMAGE, &[indexed(DEBIAN, INSIDE, &[]), testing::pack(Compression::Lz4, &plain)].concat()),
        "packed with lz4",
    );
    odd(&|g| g.put(IMAGE, &[indexed(DEBIAN, INSIDE, &[]), b"garbage".to_vec()].concat()), "stumbles over");
    odd(&|g| g.put("/var/lib/initramfs-tools/x", b""), "keeps a checksum");
    odd(&|g| g.delete(&format!("/{DIR}/kernel/drivers/block/virtio_blk.ko")), "the guest has no /usr/lib");
    odd(&|g| g.put(IMAGE, &indexed(DEBIAN, INSIDE, &[("conf", b"")])), "conf in it is not what it is");
    odd(
        &|g| {
            let twice = [("lib/modules/6.1.0-56-amd64/kernel/x.ko", b"".as_slice())];
            g.put(IMAGE, &indexed(DEBIAN, INSIDE, &twice));
        },
        "modules in two places",
    );
}

#[test]
fn a_link_in_the_way_is_not_replaced() {
    let mut guest = fast(DEBIAN);
    let mut link = testing::entry("conf", 0o120_777, b"elsewhere");
    link.extend(testing::archive(&[]));
    guest.put(IMAGE, &[indexed(DEBIAN, INSIDE, &[]), testing::pack(Compression::Gzip, &link)].concat());
    assert!(runs(&plan_way(&guest, InitramfsWay::Auto)));
}

#[test]
fn every_kernel_that_lacks_them_gets_its_own() {
    let mut guest = fast(DEBIAN);
    guest = with_kernel(guest, "5.10.0-9-amd64", "/boot/initrd.img-5.10.0-9-amd64", &["vmw_pvscsi"]);
    let proposal = run(&mut guest);
    // The older kernel's image has no indexes: it goes the other way.
    let appended: Vec<&str> = proposal
        .edits
        .iter()
        .filter(|e| matches!(e.change, Change::AppendArchive { .. }))
        .flat_map(Edit::paths)
        .collect();
    assert_eq!(appended, [IMAGE]);
    assert!(runs(&proposal));
}

#[test]
fn a_hostile_index_leads_nowhere() {
    let mut guest = fast(DEBIAN);
    let dep = DEP.replace("kernel/drivers/block/", "../../../../etc/");
    guest.put(&format!("/{DIR}/modules.dep"), dep.as_bytes());
    let proposal = plan_way(&guest, InitramfsWay::Append);
    assert!(runs(&proposal));
    assert!(proposal.concerns[0].message.contains("modules.dep does not tell where virtio_blk is"));
}

#[test]
fn too_little_space_for_the_archive_is_a_concern() {
    let guest = fast(DEBIAN);
    let mut facts = facts_of(&guest);
    facts.mounts[0].size = 1 << 30;
    facts.mounts[0].free = 1000;
    let proposal = Initramfs.plan(&facts, &guest, &Policy::default()).unwrap();
    assert_eq!(show_concerns(&proposal), ["Warning guest.initramfs.space /"]);
    facts.mounts[0].free = 20_000;
    assert!(Initramfs.plan(&facts, &guest, &Policy::default()).unwrap().concerns.is_empty());
}

#[test]
fn where_packages_change_the_tool_builds_the_image_after_them() {
    let guest = fast(DEBIAN);
    assert!(!runs(&plan_way(&guest, InitramfsWay::Auto)));
    let mut later = crate::Recorder::new(&guest);
    let argv = ["dpkg", "--remove", "open-vm-tools"].map(str::to_owned).to_vec();
    later.apply(&Edit::new("x", "r", Change::Run { argv, changes: vec![] })).unwrap();
    let policy = Policy { initramfs: InitramfsWay::Auto, ..Policy::default() };
    let proposal = Initramfs.plan(&facts_of(&guest), &later, &policy).unwrap();
    assert!(
        runs(&proposal) && !proposal.edits.iter().any(|e| matches!(e.change, Change::AppendArchive { .. }))
    );
}
