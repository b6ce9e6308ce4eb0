//! Boot Loader Specification entries, command line files, extlinux, dracut.

use super::*;

#[test]
fn options_of_an_entry() {
    let path = "/boot/loader/entries/abc-5.14.0.conf";
    let entry = |root: &str| {
        format!(
            "title Red Hat (5.14.0) root=/dev/sda1\nversion 5.14.0\nlinux /vmlinuz-5.14.0\ninitrd /initramfs.img $tuned_initrd\n\
             options  root={root} ro crashkernel=1G-4G:192M $tuned_params\noptions\troot={root}\ngrub_users $grub_users\n"
        )
    };
    assert_eq!(edited(path, &entry("/dev/sda1")), entry(&format!("UUID={ROOT}")));
    stays(path, &entry(&format!("UUID={ROOT}")));
    stays(path, &entry("/dev/mapper/rhel-root"));
    stays(path, "options $kernelopts\noptions root=$root_dev\noptions");
}

#[test]
fn a_command_line_file() {
    let path = "/etc/kernel/cmdline";
    let (edits, concerns) = plan(path, "# root=/dev/sda1\nroot=/dev/sda1  ro\tresume=/dev/sda2");
    insta::assert_snapshot!(edits, @r"
    write /etc/kernel/cmdline
    -root=/dev/sda1  ro	resume=/dev/sda2
    +root=UUID=0a000000-0000-4000-8000-000000000001  ro	resume=UUID=0a000000-0000-4000-8000-000000000002
    ");
    assert!(concerns.is_empty());
}

#[test]
fn each_argument_that_names_a_device() {
    let path = "/etc/kernel/cmdline";
    let mut facts = with(path);
    facts.block.push(crate::linux::testing::device(0, 3, "crypto_LUKS"));
    let cases = [
        ("root=block:/dev/sda1", "root=block:UUID=0a000000-0000-4000-8000-000000000001"),
        ("root=8:1", "root=UUID=0a000000-0000-4000-8000-000000000001"),
        ("root=801", "root=UUID=0a000000-0000-4000-8000-000000000001"),
        ("root=/dev/dm-0", "root=UUID=0a000000-0000-4000-8000-000000000001"),
        ("real_root=/dev/sda1", "real_root=UUID=0a000000-0000-4000-8000-000000000001"),
        (
            "resume=/dev/sda1 resume_offset=34816",
            "resume=UUID=0a000000-0000-4000-8000-000000000001 resume_offset=34816",
        ),
        ("resume=\"/dev/sda2\"", "resume=\"UUID=0a000000-0000-4000-8000-000000000002\""),
        (
            "cryptdevice=/dev/sda3:root:allow-discards",
            "cryptdevice=UUID=0a000000-0000-4000-8000-000000000003:root:allow-discards",
        ),
        ("mount.usr=/dev/sdb1", "mount.usr=UUID=0a000000-0000-4000-8000-000000000101"),
    ];
    for (before, after) in cases {
        let mut guest = MemoryGuest::new().file(path, before);
        assert_eq!(run(&KernelArguments, &facts, &mut guest).concerns, Vec::new(), "{before}");
        assert_eq!(guest.read_text(path).unwrap().as_deref(), Some(after));
    }
}

#[test]
fn arguments_that_stay_in_silence() {
    let good = "BOOT_IMAGE=(hd0,gpt2)/vmlinuz-5.14 root=LABEL=root rd.luks.uuid=luks-0a rd.lvm.lv=vg/root \
                rd.luks.name=0a=root resume=none boot=casper console=ttyS0,115200n8 root=zfs:tank/root \
                root=/dev/nfs nfsroot=10.0.0.1:/srv root=live:/dev/sr0 root=gpt-auto root= netroot=iscsi:x -- /bin/sh";
    stays("/etc/kernel/cmdline", good);
}

#[test]
fn arguments_that_stay_with_a_warning() {
    for argument in ["resume=/dev/sda1", "resume=/dev/sdx1", "cryptkey=/dev/sdb1:ext4:/key", "boot=/dev/sdx1"]
    {
        let (edits, concerns) = plan("/etc/kernel/cmdline", argument);
        assert_eq!(edits, "");
        assert_eq!(concerns, ["Warning guest.boot.unresolved /etc/kernel/cmdline line 1"], "{argument}");
    }
}

#[test]
fn extlinux_and_its_generators() {
    let conf = |root: &str| {
        format!(
            "default linux\nlabel linux\n\tKERNEL /vmlinuz\n\tAPPEND root={root} ro initrd=/i\n  append  quiet root={root}\n"
        )
    };
    assert_eq!(edited("/boot/extlinux.conf", &conf("/dev/sda1")), conf(&format!("UUID={ROOT}")));
    for (path, before, after) in [
        (
            "/etc/update-extlinux.conf",
            "root=/dev/sda1\nmodules=ext4\n",
            format!("root=UUID={ROOT}\nmodules=ext4\n"),
        ),
        (
            "/etc/default/extlinux",
            "EXTLINUX_ROOT=\"root=/dev/sda1\"\n",
            format!("EXTLINUX_ROOT=\"root=UUID={ROOT}\"\n"),
        ),
        (
            "/etc/dracut.conf.d/x.conf",
            "kernel_cmdline+=\" root=/dev/sda1 \"\n",
            format!("kernel_cmdline+=\" root=UUID={ROOT} \"\n"),
        ),
    ] {
        assert_eq!(edited(path, before), after);
    }
}

#[test]
fn latin_1_in_a_comment_is_no_obstacle() {
    let path = "/etc/default/grub";
    let mut guest = MemoryGuest::new().file(path, b"# f\xfcr\nGRUB_CMDLINE_LINUX='root=/dev/sda1'\n");
    run(&KernelArguments, &with(path), &mut guest);
    let want = [b"# f\xfcr\nGRUB_CMDLINE_LINUX='root=UUID=".as_slice(), ROOT.as_bytes(), b"'\n"].concat();
    assert_eq!(guest.read(path).unwrap().unwrap(), want);
}
