//! GRUB legacy: menu.lst and grub.conf.

use super::*;

const MENU: &str = "/boot/grub/menu.lst";

fn menu(root: &str) -> String {
    format!(
        "# kernel /vmlinuz root=/dev/sda1\n#boot=/dev/sda\ndefault 0\ntimeout=5\nsplashimage=(hd0,0)/grub/splash.xpm.gz\n\
         title it's CentOS (2.6.32) root=/dev/sda1\n\troot (hd0,0)\n\
         \tkernel /vmlinuz ro root={root} rhgb \"x=a b\" # no comment\n\tinitrd /initrd.img\n\
         title Xen\n    rootnoverify (hd0,0)\n    kernel /xen.gz dom0_mem=1G\n    module /vmlinuz root={root} ro\n\
         \x20   module /initrd.img\ntitle Windows\n\tchainloader +1\n"
    )
}

#[test]
fn a_good_menu_stays() {
    stays(MENU, &menu(&format!("UUID={ROOT}")));
    stays(MENU, &menu("/dev/mapper/vg-root"));
    stays(MENU, &menu("LABEL=/"));
}

#[test]
fn kernel_and_module_lines_are_repaired_and_grubs_root_is_kept() {
    for root in ["/dev/sda1", "/dev/hda1", "/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part1"] {
        if root != "/dev/hda1" {
            assert_eq!(edited(MENU, &menu(root)), menu(&format!("UUID={ROOT}")), "{root}");
        }
    }
    assert_eq!(
        plan(MENU, &menu("/dev/hda1")).1,
        ["Critical guest.boot.unresolved /boot/grub/menu.lst line 8"]
    );
}

#[test]
fn debians_settings_in_comments_are_repaired() {
    let text = |root: &str| {
        format!(
            "### BEGIN AUTOMAGIC KERNELS LIST\n## ## Start Default Options ##\n## default kernel options\n# kopt=root={root} ro\n\
             # kopt_2_6=root={root} ro console=tty0\n## e.g. kopt=root=/dev/sda1 ro\n# groot=(hd0,0)\n# defoptions=quiet\n"
        )
    };
    assert_eq!(edited(MENU, &text("/dev/sda1")), text(&format!("UUID={ROOT}")));
}

#[test]
fn a_menu_that_nothing_reads_keeps_nothing_from_booting() {
    let mut facts = with(MENU);
    facts.bootloader.grub_cfg = vec!["/boot/grub/grub.cfg".to_owned()];
    let guest = MemoryGuest::new().file(MENU, "kernel /v root=/dev/xvdz1\n").file("/boot/grub/grub.cfg", "");
    let proposal = KernelArguments.plan(&facts, &guest, &Policy::default()).unwrap();
    assert_eq!(show_concerns(&proposal), ["Warning guest.boot.unresolved /boot/grub/menu.lst line 1"]);
}
