//! Which entry is started by default, loader by loader.

use super::*;

/// The guest with `cfg` for GRUB's.
fn with_cfg(cfg: &str) -> MemoryGuest {
    guest().file(CFG, cfg)
}

fn started(guest: &MemoryGuest) -> String {
    let found = checked(guest);
    let link = found.links.iter().find(|l| l.link == crate::readiness::LinkKind::BootLoader).unwrap();
    format!("{} {}: {}", link.state, link.subject, link.detail)
}

#[test]
fn the_default_is_a_number_a_title_or_an_id() {
    for (default, title) in [
        ("0", "Debian GNU/Linux"),
        ("advanced>recovery", "Advanced options > Debian GNU/Linux (recovery mode)"),
        ("1>0", "Advanced options > Debian GNU/Linux, with Linux"),
        ("simple", "Debian GNU/Linux"),
        ("none such", "Debian GNU/Linux"),
        ("99", "Debian GNU/Linux"),
    ] {
        let cfg = grub_cfg().replace("set default=\"0\"", &format!("set default=\"{default}\""));
        assert_eq!(started(&with_cfg(&cfg)), format!("ok {CFG}: starts {title:?} by default"), "{default}");
    }
}

#[test]
fn the_environment_block_chooses() {
    let saved = grub_cfg().replace("set default=\"0\"", "set default=\"${saved_entry}\"");
    let guest = with_cfg(&saved)
        .file("/boot/grub/grubenv", "# GRUB Environment Block\nsaved_entry=advanced>normal\n##");
    assert!(
        started(&guest).contains("Advanced options > Debian GNU/Linux, with Linux"),
        "{}",
        started(&guest)
    );
    let guest =
        guest.file("/boot/grub/grubenv", "# GRUB\nsaved_entry=simple\nnext_entry=advanced>recovery\n##");
    assert!(started(&guest).contains("recovery mode"), "{}", started(&guest));
}

#[test]
fn a_search_that_finds_nothing_falls_back_to_the_first_disk_and_is_named_where_that_does_not_help() {
    let cfg = grub_cfg()
        .replace(&format!("--set=root {ROOT}"), "--set=root 1234-dead")
        .replace(&format!("'hd0,msdos1'  {ROOT}"), "'hd0,msdos1'  1234-dead");
    assert_eq!(open(&checked(&with_cfg(&cfg))), Vec::<String>::new());
    let cfg = cfg.replace("set root='hd0,msdos1'", "set root='hd0,msdos7'");
    let found = open(&checked(&with_cfg(&cfg)));
    assert!(found[0].starts_with(&format!("broken kernel: {CFG}: ")), "{found:?}");
    assert!(found[0].contains("GRUB searches for UUID=1234-dead, which is on no disk"), "{found:?}");
}

#[test]
fn a_separate_boot_file_system() {
    let mut guest = guest();
    let mut facts = facts_of(&guest);
    let cfg =
        grub_cfg().replace(ROOT, DATA).replace(&format!("root=UUID={DATA}"), &format!("root=UUID={ROOT}"));
    guest.put(CFG, cfg.replace("/boot/", "/").as_bytes());
    facts.mounts.pop();
    let mount = |point: &str| Mount {
        mountpoint: point.to_owned(),
        device: "/dev/sdb1".to_owned(),
        ..Mount::default()
    };
    facts.mounts.push(mount("/boot"));
    assert_eq!(open(&check(&facts, &guest, &target())), Vec::<String>::new());
    // Mounted nowhere: what is on it was not seen.
    facts.mounts.pop();
    let found = open(&check(&facts, &guest, &target()));
    let want = format!("unknown kernel: {CFG}: partition 1 of disk 1 is not mounted by the guest");
    assert_eq!(found[0], want);
}

#[test]
fn subvolumes_of_btrfs() {
    let mut guest = guest();
    let cfg = grub_cfg().replace("\t/boot/", "\t/@/boot/").replace(" ro ", " ro rootflags=subvol=@ ");
    guest.put(CFG, cfg.as_bytes());
    let mut facts = facts_of(&guest);
    facts.block[0].fstype = "btrfs".to_owned();
    facts.mounts[0].mountable = "btrfsvol:/dev/sda1/@".to_owned();
    assert_eq!(open(&check(&facts, &guest, &target())), Vec::<String>::new());
}

fn bls_guest() -> MemoryGuest {
    let entry = |version: &str| {
        format!(
            "title Red Hat ({version})\nversion {version}\nlinux /boot/vmlinuz-{version}\n\
             initrd /boot/initrd.img-{version} $tuned_initrd\noptions $kernelopts $tuned_params\nid rhel-{version}\n"
        )
    };
    let mut guest = guest();
    guest.delete(CFG);
    guest
        .file(
            "/boot/grub2/grub.cfg",
            "load_env -f ${config_directory}/grubenv\nset default=\"${saved_entry}\"\ninsmod blscfg\n\
             if [ -z \"${kernelopts}\" ]; then\n  set kernelopts=\"root=UUID=wrong ro \"\nfi\nblscfg\n",
        )
        .file(
            "/boot/grub2/grubenv",
            format!("# GRUB Environment Block\nkernelopts=root=UUID={ROOT} ro\n####"),
        )
        .file(&format!("/boot/loader/entries/abc-{KERNEL}.conf"), entry(KERNEL))
        .file("/boot/loader/entries/abc-6.1.0-9-amd64.conf", entry("6.1.0-9-amd64"))
        .file("/boot/loader/entries/abc-0-rescue.conf", entry("0-rescue"))
}

#[test]
fn boot_entries_of_red_hat() {
    let guest = bls_guest();
    let found = checked(&guest);
    assert_eq!(open(&found), Vec::<String>::new());
    assert_eq!(
        started(&guest),
        format!(
            "ok /boot/grub2/grub.cfg, /boot/loader/entries/abc-{KERNEL}.conf: starts \"Red Hat ({KERNEL})\" by default"
        )
    );
    // The entry that grub2-set-default chose is one whose kernel was removed.
    let env =
        format!("# GRUB Environment Block\nkernelopts=root=UUID={ROOT}\nsaved_entry=abc-6.1.0-9-amd64\n####");
    let guest = guest.file("/boot/grub2/grubenv", env);
    let found = open(&checked(&guest));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].contains("abc-6.1.0-9-amd64.conf: there is no /boot/vmlinuz-6.1.0-9-amd64"),
        "{found:?}"
    );
    // No entry is left at all.
    let mut guest = bls_guest();
    for name in [format!("abc-{KERNEL}"), "abc-6.1.0-9-amd64".to_owned(), "abc-0-rescue".to_owned()] {
        guest.delete(&format!("/boot/loader/entries/{name}.conf"));
    }
    assert_eq!(
        open(&checked(&guest)),
        ["broken boot loader: /boot/grub2/grub.cfg: it has no entry to start"]
    );
}

#[test]
fn grub_legacy() {
    let mut guest = guest();
    guest.delete(CFG);
    let conf = format!(
        "# grub.conf\ndefault=1\ntimeout=5\nsplashimage=(hd0,0)/grub/splash.xpm.gz\ntitle Old\n\troot (hd0,0)\n\
         \tkernel /boot/vmlinuz-gone ro root=/dev/sda1\ntitle CentOS\n\troot (hd0,0)\n\
         \tkernel /boot/vmlinuz-{KERNEL} ro root=UUID={ROOT} rd_NO_LUKS\n\tinitrd /boot/initrd.img-{KERNEL}\n"
    );
    guest.put("/boot/grub/grub.conf", conf.as_bytes());
    let guest = guest.link("/boot/grub/menu.lst", "grub.conf");
    assert_eq!(open(&checked(&guest)), Vec::<String>::new());
    assert_eq!(started(&guest), "ok /boot/grub/grub.conf: starts \"CentOS\" by default");
    let guest = changed(guest, "/boot/grub/grub.conf", "default=1", "default=0");
    let found = open(&checked(&guest));
    assert!(
        found[0].starts_with("broken kernel: /boot/grub/grub.conf: there is no /boot/vmlinuz-gone"),
        "{found:?}"
    );
    let guest = changed(guest, "/boot/grub/grub.conf", "default=0", "default=7");
    assert_eq!(
        open(&checked(&guest)),
        ["broken boot loader: /boot/grub/grub.conf: there is no entry 7, which is started by default"]
    );
}

#[test]
fn extlinux_starts_its_default() {
    let mut guest = guest();
    guest.delete(CFG);
    let conf = format!(
        "DEFAULT l0\nTIMEOUT 50\nLABEL l1\n  LINUX /boot/gone\nLABEL l0\n  MENU LABEL Debian\n\
         \x20 LINUX /boot/vmlinuz-{KERNEL}\n  INITRD /boot/initrd.img-{KERNEL}\n  APPEND root=UUID={ROOT} ro\n"
    );
    guest.put("/boot/extlinux/extlinux.conf", conf.as_bytes());
    assert_eq!(open(&checked(&guest)), Vec::<String>::new());
    let guest = changed(guest, "/boot/extlinux/extlinux.conf", "DEFAULT l0", "DEFAULT l1");
    assert!(open(&checked(&guest))[0].contains("there is no /boot/gone"));
    // Debian's leads on to another file.
    let mut guest = guest;
    guest.put("/boot/extlinux/linux.cfg", conf.as_bytes());
    guest.put("/boot/extlinux/extlinux.conf", b"menu include theme.cfg\ninclude linux.cfg\n");
    assert_eq!(open(&checked(&guest)), Vec::<String>::new());
    guest.put("/boot/extlinux/extlinux.conf", b"include extlinux.conf\ninclude ../../etc/fstab\n");
    let _circle = checked(&guest);
    let guest = guest.file("/boot/extlinux/extlinux.conf", "INCLUDE other.conf\n");
    assert!(open(&checked(&guest))[0].starts_with("unknown boot loader: /boot/extlinux/extlinux.conf: "));
}

#[test]
fn no_loader_at_all_is_unknown() {
    let mut guest = guest();
    guest.delete(CFG);
    assert_eq!(
        open(&checked(&guest)),
        ["unknown boot loader: boot loader: no configuration of a boot loader that h2k knows was found"]
    );
}

#[test]
fn a_hostile_configuration_ends() {
    let mut doubling = String::from("set a=xxxxxxxxxxxxxxxx\n");
    for _ in 0..200 {
        doubling.push_str("set a=$a$a$a$a\n");
    }
    for cfg in [
        doubling,
        "configfile /boot/grub/grub.cfg\n".to_owned(),
        "source /boot/grub/grub.cfg\nsource /boot/grub/grub.cfg\n".to_owned(),
        "submenu a {\n".repeat(1000),
        "menuentry a { linux ../../../../etc/shadow }".to_owned(),
        "[ ! ! ! ! ! -a -o -a ]\nsearch --set\nset\nunset\nlinux\ninitrd\nsearch.fs_uuid\n".to_owned(),
    ] {
        assert!(!open(&checked(&with_cfg(&cfg))).is_empty());
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn no_configuration_panics(
        cfg in "((if|then|else|fi|set|search|menuentry|submenu|linux|initrd|blscfg|\\[|\\]|\\{|\\}|a=b|\\$a|>|'|\"|;|\n|/x|-s) ?){0,40}"
    ) {
        checked(&with_cfg(&cfg));
    }
}
