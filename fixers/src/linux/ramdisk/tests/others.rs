//! The generators besides initramfs-tools and dracut.

use super::*;
use crate::Guest;

const ARCH: &str = "6.11.5-arch1-1";
const ARCH_IMAGE: &str = "/boot/initramfs-linux.img";

/// A guest whose generator is `program`, with a kernel and its image as its distribution names them.
fn guest(program: &str, kernel: &str, image_path: &str, vmlinuz: &str, inside: &[&str]) -> MemoryGuest {
    MemoryGuest::new()
        .file(program, "")
        .file(vmlinuz, "")
        .file(image_path, image(kernel, inside))
        .file(&format!("/usr/lib/modules/{kernel}/modules.dep"), index(VIRTIO))
        .file(&format!("/usr/lib/modules/{kernel}/modules.builtin"), "")
}

fn arch(program: &str, inside: &[&str]) -> MemoryGuest {
    guest(program, ARCH, ARCH_IMAGE, "/boot/vmlinuz-linux", inside)
        .file(&format!("/usr/lib/modules/{ARCH}/pkgbase"), "linux\n")
}

/// An image of booster holds these modules, and loads them.
fn booster(inside: &[&str]) -> MemoryGuest {
    let base = guest("/usr/bin/booster", ARCH, "/boot/booster-linux.img", "/boot/vmlinuz-linux", &[])
        .file(&format!("/usr/lib/modules/{ARCH}/pkgbase"), "linux\n");
    let mut files: Vec<(String, String)> =
        inside.iter().map(|name| (format!("usr/lib/modules/{name}.ko"), String::new())).collect();
    files.push((
        "usr/lib/modules/booster.alias".to_owned(),
        inside.iter().map(|name| format!("any:* {name}\n")).collect(),
    ));
    files.push(("etc/booster.init.yaml".to_owned(), format!("kernel: {ARCH}\n")));
    let files: Vec<(&str, &[u8])> = files.iter().map(|(p, b)| (p.as_str(), b.as_bytes())).collect();
    let packed = testing::pack(Compression::Zstd, &testing::archive(&files));
    base.file("/boot/booster-linux.img", packed)
}

fn suse(inside: &[&str]) -> MemoryGuest {
    let kernel = "3.0.101-108-default";
    let image = format!("/boot/initrd-{kernel}");
    guest("/sbin/mkinitrd", kernel, &image, &format!("/boot/vmlinuz-{kernel}"), inside)
        .file(
            "/etc/sysconfig/kernel",
            "## Type: string\nINITRD_MODULES=\"piix mptspi\"\nDOMU_INITRD_MODULES=\"xennet\"\n",
        )
        .file("/lib/mkinitrd/scripts/setup-prepare.sh", "#%param_B: \"Do not call update-bootloader\"\n")
}

/// An image of Red Hat's mkinitrd: its modules lie in `lib`.
fn nash(inside: &[&str]) -> Vec<u8> {
    let files: Vec<String> = inside.iter().map(|name| format!("lib/{name}.ko")).collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|path| (path.as_str(), &b""[..])).collect();
    testing::pack(Compression::Gzip, &testing::archive(&files))
}

fn rhel5(inside: &[&str]) -> MemoryGuest {
    let kernel = "2.6.18-419.el5";
    let image = format!("/boot/initrd-{kernel}.img");
    guest("/sbin/mkinitrd", kernel, &image, &format!("/boot/vmlinuz-{kernel}"), &[])
        .file(&image, nash(inside))
        .file("/sbin/mkinitrd", "#!/bin/bash\necho \"#!/bin/nash\" >| $RCFILE\n")
        .file(
            "/etc/modprobe.conf",
            "alias eth0 vmxnet3\nalias scsi_hostadapter mptbase\nalias scsi_hostadapter1 mptspi\n",
        )
}

fn alpine(inside: &[&str]) -> MemoryGuest {
    guest("/sbin/mkinitfs", "6.6.58-0-lts", "/boot/initramfs-lts", "/boot/vmlinuz-lts", inside)
        .file("/etc/mkinitfs/mkinitfs.conf", "features=\"ata base ext4 keymap scsi\"\n")
}

fn alt(inside: &[&str]) -> MemoryGuest {
    let kernel = "5.10.198-std-def-alt1";
    let image = format!("/boot/initrd-{kernel}.img");
    guest("/usr/sbin/make-initrd", kernel, &image, &format!("/boot/vmlinuz-{kernel}"), inside)
        .file("/etc/initrd.mk", "AUTODETECT = all\nMODULES_ADD += nvme \\\n  virtio-blk # fast\n")
}

#[test]
fn images_that_hold_the_drivers_are_left_alone() {
    for guest in [
        arch("/usr/bin/mkinitcpio", VIRTIO),
        booster(VIRTIO),
        suse(VIRTIO),
        rhel5(VIRTIO),
        alpine(VIRTIO),
        alt(VIRTIO),
    ] {
        assert_eq!(plan_for(&guest, DiskBus::VirtioBlk), Proposal::default());
    }
}

#[test]
fn mkinitcpio_lists_modules_and_builds_without_looking_at_the_appliance() {
    let mut guest = arch("/usr/bin/mkinitcpio", &["vmw_pvscsi"]).file(
        "/etc/mkinitcpio.conf",
        "# MODULES=(piix)\nMODULES=(virtio-net)\nHOOKS=(base udev autodetect)\n",
    );
    let proposal = run(&mut guest);
    insta::assert_snapshot!(show(&proposal.edits), @r#"
    write /etc/mkinitcpio.conf
    -MODULES=(virtio-net)
    +MODULES=(virtio-net virtio_pci virtio_blk virtio_scsi)
    run ["/usr/bin/mkinitcpio", "-k", "6.11.5-arch1-1", "-g", "/boot/initramfs-linux.img", "-S", "autodetect,kms"]
    "#);
    assert_eq!(changes(&proposal.edits[1]), [ARCH_IMAGE]);
    assert!(proposal.concerns.is_empty());
}

#[test]
fn a_drop_in_that_overrides_is_the_one_that_is_edited() {
    let mut guest = arch("/usr/bin/mkinitcpio", &[])
        .file("/etc/mkinitcpio.conf", "MODULES=()\n")
        .file("/etc/mkinitcpio.conf.d/a.conf", "MODULES=(ext4)\n")
        .file("/etc/mkinitcpio.conf.d/b.conf", "MODULES+=(xfs)\n");
    let proposal = run(&mut guest);
    assert!(show(&proposal.edits).starts_with(
        "write /etc/mkinitcpio.conf.d/a.conf\n-MODULES=(ext4)\n+MODULES=(ext4 virtio_pci virtio_blk virtio_scsi virtio_net)\n"
    ));
    let mut guest = arch("/usr/bin/mkinitcpio", &[]).file("/etc/mkinitcpio.conf", "MODULES=$(cat /list)\n");
    let proposal = run(&mut guest);
    assert_eq!(proposal.edits.len(), 1);
    assert_eq!(show_concerns(&proposal), ["Warning guest.initramfs.not-kept /etc/mkinitcpio.conf"]);
}

#[test]
fn a_preset_names_the_configuration() {
    let preset = "ALL_config='/etc/mkinitcpio.conf'\nALL_kver='/boot/vmlinuz-linux'\nPRESETS=('default')\n\
                  default_image=\"/boot/initramfs-linux.img\"\n";
    let with = |preset: &str| {
        arch("/usr/bin/mkinitcpio", &[])
            .file("/etc/mkinitcpio.conf", "MODULES=()\n")
            .file("/etc/mkinitcpio.conf.d/a.conf", "MODULES=(ext4)\n")
            .file("/etc/own.conf", "MODULES=(xfs)\n")
            .file("/etc/mkinitcpio.d/linux.preset", preset)
    };
    let shown = show(&run(&mut with(preset)).edits);
    assert!(shown.starts_with("write /etc/mkinitcpio.conf\n-MODULES=()\n"), "{shown}");
    assert!(shown.contains("\"-c\", \"/etc/mkinitcpio.conf\", \"-k\""), "{shown}");
    let shown = show(&run(&mut with(&format!("{preset}default_config=/etc/own.conf\n"))).edits);
    assert!(shown.starts_with("write /etc/own.conf\n"), "{shown}");
    // Without one, drop-ins count, in the order of their versions.
    let mut guest = with("PRESETS=('default')\ndefault_image=/boot/initramfs-linux.img\n")
        .file("/etc/mkinitcpio.conf.d/10-b.conf", "MODULES=(btrfs)\n")
        .file("/etc/mkinitcpio.conf.d/9-b.conf", "MODULES=(jfs)\n");
    guest.delete("/etc/mkinitcpio.conf.d/a.conf");
    let shown = show(&run(&mut guest).edits);
    assert!(shown.starts_with("write /etc/mkinitcpio.conf.d/10-b.conf\n"), "{shown}");
}

#[test]
fn an_image_that_cannot_be_listed_is_packed_with_what_takes_no_options() {
    for (conf, with) in [("", "gzip"), ("COMPRESSION_OPTIONS=(-19 --long)\n", "cat")] {
        let mut guest =
            arch("/usr/bin/mkinitcpio", &[]).file("/etc/mkinitcpio.conf", format!("MODULES=()\n{conf}"));
        guest.put(ARCH_IMAGE, b"\x28\xb5\x2f\xfdbroken");
        let shown = show(&run(&mut guest).edits);
        assert!(shown.ends_with(&format!("\"-z\", \"{with}\"]\n")), "{shown}");
    }
}

#[test]
fn a_module_that_one_kernel_lacks_is_not_asked_for() {
    let other = "5.4.0";
    for (mut guest, path) in [
        (
            arch("/usr/bin/mkinitcpio", &[]).file("/etc/mkinitcpio.conf", "MODULES=()\n"),
            "/etc/mkinitcpio.conf",
        ),
        (booster(&[]), "/etc/booster.yaml"),
        (alt(&[]), "/etc/initrd.mk"),
    ] {
        guest.put(
            &format!("/usr/lib/modules/{other}/modules.dep"),
            index(&["virtio_pci", "virtio_blk"]).as_bytes(),
        );
        run(&mut guest);
        let text = guest.read_text(path).unwrap().unwrap();
        assert!(text.contains("virtio_pci") && !text.contains("virtio_scsi"), "{text}");
    }
}

#[test]
fn what_suses_mkinitrd_would_do_besides_is_kept_from_it() {
    let mut guest = suse(&[]);
    guest.put("/lib/mkinitrd/scripts/setup-prepare.sh", b"#%param_L: log\n");
    guest.put("/sbin/mkinitrd", b"update-bootloader --refresh\n");
    let proposal = plan_for(&guest, DiskBus::VirtioBlk);
    assert_eq!(
        show_concerns(&proposal),
        ["Critical guest.initramfs.not-built /boot/initrd-3.0.101-108-default"]
    );
    let mut guest = rhel5(&[]);
    guest.put("/sbin/mkinitrd", b"# Slackware's\n");
    let proposal = plan_for(&guest, DiskBus::VirtioBlk);
    assert_eq!(
        show_concerns(&proposal),
        ["Critical guest.initramfs.not-built /boot/initrd-2.6.18-419.el5.img"]
    );
}

#[test]
fn make_initrds_image_may_have_a_suffix() {
    let kernel = "5.10.198-std-def-alt1";
    let mut guest = alt(&[])
        .file("/etc/initrd.mk", "IMAGE_SUFFIX = -alt\nMODULES_ADD = virtio_blk\nMODULES_ADD = ext4\n");
    assert_eq!(show_concerns(&plan_for(&guest, DiskBus::VirtioBlk)).len(), 1);
    guest.put("/etc/initrd.mk", b"MODULES_ADD += virtio_blk\nMODULES_ADD = ext4\nFEATURES += add-modules\n");
    run(&mut guest);
    let text = guest.read_text("/etc/initrd.mk").unwrap().unwrap();
    assert!(text.ends_with("MODULES_ADD += virtio_pci virtio_blk virtio_scsi virtio_net\n"), "{text}");
    let guest = alt(&[]).file("/etc/initrd.mk", "BLACKLIST_MODULES = virtio_ring\n");
    assert_eq!(
        show_concerns(&plan_for(&guest, DiskBus::VirtioBlk)),
        ["Critical guest.initramfs.driver-omitted /etc/initrd.mk"],
        "{kernel}"
    );
}

#[test]
fn booster_builds_a_universal_image() {
    let mut guest = booster(&[])
        .file("/etc/booster.yaml", "compression: zstd\nmodules_force_load: nvme,virtio_pci # mine\n");
    let proposal = run(&mut guest);
    insta::assert_snapshot!(show(&proposal.edits), @r#"
    write /etc/booster.yaml
    -modules_force_load: nvme,virtio_pci # mine
    +modules_force_load: nvme,virtio_pci,virtio_blk,virtio_scsi # mine
    run ["/usr/bin/booster", "build", "--force", "--universal", "--kernel-version", "6.11.5-arch1-1", "/boot/booster-linux.img"]
    "#);
    assert_eq!(changes(&proposal.edits[1]), ["/boot/booster-linux.img"]);
    let all = "modules_force_load: virtio_pci,virtio_blk,virtio_scsi\n";
    for (before, after) in [
        (
            "modules_force_load: \"nvme\"\n",
            "modules_force_load: \"nvme,virtio_pci,virtio_blk,virtio_scsi\"\n".to_owned(),
        ),
        ("strip: true", format!("strip: true\n{all}")),
        // Those are in the image and not loaded.
        ("modules: virtio_pci,virtio_blk\n", format!("modules: virtio_pci,virtio_blk\n{all}")),
    ] {
        let mut guest = booster(&[]).file("/etc/booster.yaml", before);
        run(&mut guest);
        assert_eq!(guest.read_text("/etc/booster.yaml").unwrap().unwrap(), after);
    }
    let mut guest = booster(&[]);
    assert!(show(&run(&mut guest).edits).contains(&format!("+{all}")));
}

#[test]
fn what_boosters_settings_say_otherwise_is_told() {
    for (conf, concern) in [
        ("modules: -virtio_blk,ext4\n", "Critical guest.initramfs.driver-omitted /etc/booster.yaml"),
        ("modules_force_load:\n  - ext4\n", "Warning guest.initramfs.not-kept /etc/booster.yaml"),
        ("\"modules_force_load\": ext4\n", "Warning guest.initramfs.not-kept /etc/booster.yaml"),
        (
            "modules_force_load: virtio_pci,virtio_blk,virtio_scsi\nnetwork:\n  interfaces: 00:50:56:00:00:01,ens192\n",
            "Critical guest.initramfs.not-built /boot/booster-linux.img",
        ),
    ] {
        let guest = booster(&[]).file("/etc/booster.yaml", conf);
        let proposal = plan_for(&guest, DiskBus::VirtioBlk);
        assert_eq!(show_concerns(&proposal), [concern], "{conf}");
    }
    let macs = "network:\n  interfaces: 00:50:56:00:00:01\n";
    assert!(
        show_concerns(&plan_for(&booster(&[]).file("/etc/booster.yaml", macs), DiskBus::VirtioBlk))
            .is_empty()
    );
}

#[test]
fn boosters_image_is_looked_at_where_mkinitcpios_lies_beside_it() {
    let guest = booster(VIRTIO).file("/boot/initramfs-linux.img", image(ARCH, &[]));
    assert_eq!(plan_for(&guest, DiskBus::VirtioBlk), Proposal::default());
}

#[test]
fn suses_mkinitrd() {
    let mut guest = suse(&["mptspi"]);
    let proposal = run_for(&mut guest, DiskBus::VirtioScsi);
    insta::assert_snapshot!(show(&proposal.edits), @r#"
    write /etc/sysconfig/kernel
    -INITRD_MODULES="piix mptspi"
    +INITRD_MODULES="piix mptspi virtio_pci virtio_blk virtio_scsi virtio_net sd_mod"
    run ["/sbin/mkinitrd", "-k", "/boot/vmlinuz-3.0.101-108-default", "-i", "/boot/initrd-3.0.101-108-default", "-B"]
    "#);
    assert_eq!(changes(&proposal.edits[1]), ["/boot/initrd-3.0.101-108-default"]);
    let mut guest = suse(&[]);
    guest.delete("/etc/sysconfig/kernel");
    guest.put("/etc/SuSE-release", b"SUSE Linux Enterprise Server 11 (x86_64)\n");
    let proposal = run_for(&mut guest, DiskBus::VirtioScsi);
    assert!(
        show(&proposal.edits)
            .contains("\"-m\", \"virtio_pci virtio_blk virtio_scsi virtio_net sd_mod\", \"-B\"]")
    );
    assert_eq!(show_concerns(&proposal), ["Warning guest.initramfs.not-kept /etc/sysconfig/kernel"]);
}

#[test]
fn red_hats_mkinitrd() {
    let mut guest = rhel5(&["mptspi"]);
    let proposal = run(&mut guest);
    insta::assert_snapshot!(show(&proposal.edits), @r#"
    write /etc/modprobe.conf
    +alias scsi_hostadapter2 virtio_pci
    +alias scsi_hostadapter3 virtio_blk
    +alias scsi_hostadapter4 virtio_scsi
    run ["/sbin/mkinitrd", "-f", "--with=virtio_pci", "--with=virtio_blk", "--with=virtio_scsi", "--with=virtio_net", "/boot/initrd-2.6.18-419.el5.img", "2.6.18-419.el5"]
    "#);
    guest
        .put("/etc/modprobe.conf", b"alias scsi_hostadapter7 virtio_blk\nalias scsi_hostadapter1 virtio-pci");
    guest.put("/boot/initrd-2.6.18-419.el5.img", &nash(&[]));
    let proposal = run(&mut guest);
    assert!(
        show(&proposal.edits).contains("\n+alias scsi_hostadapter2 virtio_scsi\nrun"),
        "{}",
        show(&proposal.edits)
    );
}

#[test]
fn mkinitfs_has_a_feature_for_it() {
    let mut guest = alpine(&["ext4"]);
    let proposal = run(&mut guest);
    insta::assert_snapshot!(show(&proposal.edits), @r#"
    write /etc/mkinitfs/mkinitfs.conf
    -features="ata base ext4 keymap scsi"
    +features="ata base ext4 keymap scsi h2k"
    write /etc/mkinitfs/features.d/h2k.modules
    +kernel/drivers/virtio
    +kernel/drivers/block/virtio_blk.ko*
    +kernel/drivers/scsi/virtio_scsi.ko*
    +kernel/drivers/scsi/sd_mod.ko*
    +kernel/drivers/ata/ahci.ko*
    +kernel/drivers/net/virtio_net.ko*
    run ["/sbin/mkinitfs", "-o", "/boot/initramfs-lts", "6.6.58-0-lts"]
    "#);
    assert!(proposal.concerns.is_empty());
    // Up to version 2 its features are elsewhere, and have bare names.
    let mut guest = alpine(&[]).file("/etc/mkinitfs/modules.d/base", "kernel/lib\n");
    let shown = show(&run(&mut guest).edits);
    assert!(shown.contains("write /etc/mkinitfs/modules.d/h2k\n+kernel/drivers/virtio\n"), "{shown}");
    // An image that cannot be listed is packed as its configuration says.
    let mut guest = alpine(&[]);
    guest.put("/boot/initramfs-lts", b"\x28\xb5\x2f\xfdbroken");
    assert!(show(&run(&mut guest).edits).ends_with("\"/boot/initramfs-lts\", \"6.6.58-0-lts\"]\n"));
}

#[test]
fn make_initrd_builds_the_image_of_its_configuration() {
    let mut guest = alt(&["nvme"]);
    let proposal = run(&mut guest);
    insta::assert_snapshot!(show(&proposal.edits), @r#"
    write /etc/initrd.mk
    +# Added by h2k: disks and network of the VM on KVM.
    +FEATURES += add-modules
    +MODULES_ADD += virtio_pci virtio_scsi virtio_net
    run ["/usr/sbin/make-initrd", "-D", "-c", "/etc/initrd.mk", "-k", "5.10.198-std-def-alt1"]
    "#);
    let guest = alt(&[]).file("/etc/initrd.mk", "BLACKLIST_MODULES = virtio_blk\n");
    let proposal = plan_for(&guest, DiskBus::VirtioBlk);
    assert_eq!(show_concerns(&proposal), ["Critical guest.initramfs.driver-omitted /etc/initrd.mk"]);
    // An image that the program would not write to.
    let mut guest = alt(&[]);
    guest.delete("/boot/initrd-5.10.198-std-def-alt1.img");
    guest.put("/boot/initrd-5.10.198-std-def-alt1", &image("5.10.198-std-def-alt1", &[]));
    let proposal = plan_for(&guest, DiskBus::VirtioBlk);
    let want = ["Critical guest.initramfs.not-built /boot/initrd-5.10.198-std-def-alt1"];
    assert_eq!(show_concerns(&proposal), want);
}

#[test]
fn one_of_several_kernels_that_cannot_be_mended_does_not_stop_the_others() {
    let old = "5.10.1-old";
    let mut guest = arch("/usr/bin/mkinitcpio", &[])
        .file("/etc/mkinitcpio.conf", "MODULES=()\n")
        .file(&format!("/boot/vmlinuz-{old}"), "")
        .file(&format!("/boot/initramfs-{old}.img"), image(old, &[]))
        .file(&format!("/usr/lib/modules/{old}/modules.dep"), index(&["ext4", "virtio_net"]))
        // What a removed kernel left behind: no modules, no kernel.
        .file("/boot/initramfs-4.0.0-gone.img", image("4.0.0-gone", &[]))
        .dir("/usr/lib/modules/4.0.0-gone");
    let proposal = run(&mut guest);
    let runs = proposal.edits.iter().filter(|e| matches!(e.change, Change::Run { .. }));
    assert_eq!(runs.flat_map(Edit::paths).collect::<Vec<_>>(), [ARCH_IMAGE]);
    assert_eq!(show_concerns(&proposal), [format!("Warning guest.kernel.no-virtio kernel {old}")]);
}
