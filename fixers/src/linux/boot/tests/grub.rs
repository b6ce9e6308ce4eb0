//! grub.cfg, /etc/default/grub and the environment block.

use super::*;

const CFG: &str = "/boot/grub/grub.cfg";
const DEFAULTS: &str = "/etc/default/grub";
const ENV: &str = "/boot/grub2/grubenv";

fn grub_cfg(root: &str) -> String {
    format!(
        "# don't edit: root=/dev/sda1\n\
         set default=\"0\"\n\
         if [ x$feature_default_font_path = xy ] ; then\n   font=unicode\nelse\ninsmod ext2\nset root='hd0,msdos1'\n\
         search --no-floppy --fs-uuid --set=root --hint-bios=hd0,msdos1 --hint='hd0,msdos1'  {ROOT}\nfi\n\
         set kernelopts=\"root={root} ro \"\n\
         menuentry 'Debian GNU/Linux, it'\\''s 12' --class debian $menuentry_id_option 'gnulinux-{ROOT}' {{\n\
         \tset root='hd0,gpt2'\n\
         \tlinux\t/boot/vmlinuz-6.1.0 root={root} ro  quiet \"dyndbg=file x +p\" ${{opts}} # root=/dev/sda1\n\
         \tinitrd\t/boot/initrd.img-6.1.0\n}}\n\
         submenu 'Advanced options' {{\n\
         \tmenuentry 'A' {{ linuxefi /v root={root}; initrd /i }}\n\
         \tmenuentry \"B\" {{\n\t\tlinux16 /v \\\n\t\t\troot={root} root=$root_dev single\n\t}}\n}}\n"
    )
}

#[test]
fn a_good_grub_cfg_stays() {
    stays(CFG, &grub_cfg(&format!("UUID={ROOT}")));
    stays(CFG, &grub_cfg("/dev/mapper/vg-root"));
    stays(CFG, &grub_cfg("PARTUUID=0b000000-01"));
    stays(
        CFG,
        "insmod part_gpt\nset root=/dev/sda1\nsearch --set=root --hint /dev/sda1 /x\nroot=/dev/sda1\n",
    );
}

#[test]
fn every_kernel_line_and_nothing_else_changes() {
    for root in
        ["/dev/sda1", "/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part1", "/dev/xvda1", "/dev/block/8:1"]
    {
        let fixed = edited(CFG, &grub_cfg(root));
        let comments = grub_cfg(&format!("UUID={ROOT}"));
        assert_eq!(fixed, comments, "{root}");
    }
}

#[test]
fn quotes_around_an_argument_stay() {
    let text = "linux /v 'root=/dev/sda1' \"resume=/dev/sda2\" root=\"/dev/sda1\" root=/dev/'sda1'\n";
    let (edits, concerns) = plan(CFG, text);
    insta::assert_snapshot!(edits, @r#"
    write /boot/grub/grub.cfg
    -linux /v 'root=/dev/sda1' "resume=/dev/sda2" root="/dev/sda1" root=/dev/'sda1'
    +linux /v 'root=UUID=0a000000-0000-4000-8000-000000000001' "resume=UUID=0a000000-0000-4000-8000-000000000002" root="UUID=0a000000-0000-4000-8000-000000000001" root=/dev/'sda1'
    "#);
    assert_eq!(concerns, ["Critical guest.boot.unresolved /boot/grub/grub.cfg line 1"]);
}

#[test]
fn entries_of_other_systems_are_not_this_root() {
    let entry = "menuentry 'Other' {\n\tlinux /v root=/dev/sdb1\n}\n";
    let foreign =
        format!("### BEGIN /etc/grub.d/30_os-prober ###\n{entry}### END /etc/grub.d/30_os-prober ###\n");
    assert!(edited(CFG, &foreign).contains("root=UUID=0a000000-0000-4000-8000-000000000101"));
    let gone = foreign.replace("sdb1", "sdx1");
    assert_eq!(plan(CFG, &gone).1, ["Warning guest.boot.unresolved /boot/grub/grub.cfg line 3"]);
    assert_eq!(
        plan(CFG, &format!("{foreign}{entry}")).1,
        ["Critical guest.boot.unresolved /boot/grub/grub.cfg line 7"]
    );
}

#[test]
fn grub_legacy_lines_are_understood() {
    let fixed = edited(
        CFG,
        "title CentOS (2.6.32)\n\troot (hd0,0)\n\tkernel /vmlinuz ro root=/dev/sda1 rhgb\n\tinitrd /i\n",
    );
    assert_eq!(
        fixed,
        format!(
            "title CentOS (2.6.32)\n\troot (hd0,0)\n\tkernel /vmlinuz ro root=UUID={ROOT} rhgb\n\tinitrd /i\n"
        )
    );
}

fn defaults(root: &str) -> String {
    format!(
        "# If you change this file, run 'update-grub'\nGRUB_DEFAULT=0\n\
         GRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`\n\
         GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX=\"console=ttyS0,115200 root={root}\"\n\
         export GRUB_CMDLINE_LINUX_RECOVERY='root={root}'\nGRUB_CMDLINE_LINUX+=\" $EXTRA root={root} \\\n  single\"\n\
         GRUB_DEVICE={root}\n#GRUB_DEVICE=/dev/sda1\nGRUB_TERMINAL=console\n"
    )
}

#[test]
fn good_defaults_stay() {
    stays(DEFAULTS, &defaults(&format!("UUID={ROOT}")));
    stays(DEFAULTS, "GRUB_CMDLINE_LINUX=\"root=$ROOT ro\"\nGRUB_CMDLINE_LINUX=`echo root=/dev/sda1`\n");
}

#[test]
fn the_closing_quote_stays() {
    let fixed = edited(DEFAULTS, &defaults("/dev/sda1"));
    assert_eq!(fixed, defaults(&format!("UUID={ROOT}")));
    assert!(fixed.contains(&format!("root={ROOT}\"\n").replace("root=", "root=UUID=")));
}

#[test]
fn a_mistake_in_the_file_does_not_hide_the_rest() {
    let text = |root: &str| format!("GRUB_DISTRIBUTOR=it's\nGRUB_CMDLINE_LINUX=\"root={root}\"\n");
    let mut guest = MemoryGuest::new().file(DEFAULTS, text("/dev/sda1"));
    let proposal = run(&KernelArguments, &with(DEFAULTS), &mut guest);
    assert_eq!(show_concerns(&proposal), ["Warning guest.boot.syntax /etc/default/grub line 1"]);
    assert_eq!(guest.read_text(DEFAULTS).unwrap().unwrap(), text(&format!("UUID={ROOT}")));
}

#[test]
fn uuids_are_allowed_again() {
    let (edits, _) =
        plan(DEFAULTS, "#GRUB_DISABLE_LINUX_UUID=true\nGRUB_DISABLE_LINUX_UUID=\"true\" # why\n");
    insta::assert_snapshot!(edits, @r#"
    write /etc/default/grub
    -GRUB_DISABLE_LINUX_UUID="true" # why
    +GRUB_DISABLE_LINUX_UUID="false" # why
    "#);
    stays(DEFAULTS, "GRUB_DISABLE_LINUX_UUID=false\n");
    stays(DEFAULTS, "GRUB_DISABLE_LINUX_UUID=true\nGRUB_DISABLE_LINUX_PARTUUID=false\n");
}

#[test]
fn a_root_on_a_volume_keeps_uuids_disabled() {
    let mut facts = with(DEFAULTS);
    facts.block[0].lv = Some(("vg".to_owned(), "root".to_owned()));
    let mut guest = MemoryGuest::new().file(DEFAULTS, "GRUB_DISABLE_LINUX_UUID=true\n");
    assert_eq!(run(&KernelArguments, &facts, &mut guest).edits, Vec::new());
}

fn block(lines: &str) -> String {
    let text = format!("# GRUB Environment Block\n{lines}");
    format!("{text}{}", "#".repeat(1024 - text.len()))
}

#[test]
fn an_environment_block_stays_1024_bytes() {
    let before =
        block("saved_entry=abc\nkernelopts=root=/dev/sda1 ro resume=/dev/sda2 quiet \nboot_success=0\n");
    let after = edited(ENV, &before);
    let want = format!(
        "saved_entry=abc\nkernelopts=root=UUID={ROOT} ro resume=UUID=0a000000-0000-4000-8000-000000000002 quiet \n\
         boot_success=0\n"
    );
    assert_eq!(after, block(&want));
    assert_eq!(after.len(), 1024);
    stays(ENV, &block("saved_entry=root=/dev/sda1\nkernelopts=root=UUID=x ro\n"));
    stays(ENV, "nonsense");
}

#[test]
fn a_block_that_is_full_or_broken_is_critical() {
    let long = format!("kernelopts=root=/dev/sda1 {}\n", "x".repeat(950));
    let broken =
        ["kernelopts=root=/dev/sda1\n".to_owned(), block("kernelopts=root=/dev/sda1\n") + "#", block(&long)];
    for text in broken {
        assert_eq!(
            plan(ENV, &text),
            (String::new(), vec!["Critical guest.boot.grubenv /boot/grub2/grubenv".to_owned()])
        );
    }
}
