use super::*;
use crate::MemoryGuest;
use crate::linux::testing::{facts, run, run_with, show};

fn wanted() -> Policy {
    Policy { serial_console: true, ..Policy::default() }
}

fn guest() -> (GuestFacts, MemoryGuest) {
    let mut facts = facts();
    facts.bootloader.grub_cfg =
        vec!["/boot/efi/EFI/debian/grub.cfg".to_owned(), "/boot/grub/grub.cfg".to_owned()];
    facts.bootloader.bls_entries = vec!["/boot/loader/entries/a.conf".to_owned()];
    facts.bootloader.extlinux = vec!["/boot/extlinux/extlinux.conf".to_owned()];
    facts.bootloader.kernel_cmdline = vec!["/etc/kernel/cmdline".to_owned()];
    let guest = MemoryGuest::new()
        .file("/boot/efi/EFI/debian/grub.cfg", "search.fs_uuid x root\nconfigfile $prefix/grub.cfg\n")
        .file(
            "/boot/grub/grub.cfg",
            "terminal_output gfxterm\nmenuentry 'Debian' {\n\tlinux /vmlinuz ro quiet\n}\n",
        )
        .file("/boot/loader/entries/a.conf", "title A\noptions root=UUID=1 ro\n")
        .file("/boot/extlinux/extlinux.conf", "default l0\nlabel l0\n\tappend ro quiet\n")
        .file("/etc/kernel/cmdline", "root=UUID=1 ro\n")
        .file(GRUB_DEFAULTS, "GRUB_CMDLINE_LINUX=\"quiet\"\n#GRUB_TERMINAL=console")
        .file(
            INITTAB,
            "1:2345:respawn:/sbin/getty 38400 tty1\n#T0:23:respawn:/sbin/getty -L ttyS0 9600 vt100\n",
        );
    (facts, guest)
}

#[test]
fn nothing_is_done_unless_it_is_wanted() {
    let (facts, mut guest) = guest();
    assert_eq!(run(&SerialConsole, &facts, &mut guest), Proposal::default());
}

#[test]
fn kernel_menu_and_login_are_on_the_port() {
    let (mut facts, mut guest) = guest();
    facts.init.systemd = false;
    insta::assert_snapshot!(show(&run_with(&SerialConsole, &facts, &mut guest, wanted()).edits), @r#"
    write /boot/grub/grub.cfg
    -	linux /vmlinuz ro quiet
    +serial --unit=0 --speed=115200
    +terminal_input --append serial
    +terminal_output --append serial
    +	linux /vmlinuz ro quiet console=tty0 console=ttyS0,115200
    write /boot/loader/entries/a.conf
    -options root=UUID=1 ro
    +options root=UUID=1 ro console=tty0 console=ttyS0,115200
    write /boot/extlinux/extlinux.conf
    -	append ro quiet
    +serial 0 115200
    +	append ro quiet console=tty0 console=ttyS0,115200
    write /etc/kernel/cmdline
    -root=UUID=1 ro
    +root=UUID=1 ro console=tty0 console=ttyS0,115200
    write /etc/default/grub
    +GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX console=tty0 console=ttyS0,115200"
    +GRUB_TERMINAL="console serial"
    +GRUB_SERIAL_COMMAND="serial --unit=0 --speed=115200"
    write /etc/inittab
    +S0:2345:respawn:/sbin/getty -L ttyS0 115200 vt100
    "#);
    let cfg = guest.read_text("/boot/grub/grub.cfg").unwrap().unwrap();
    assert!(
        cfg.starts_with("terminal_output gfxterm\nserial --unit=0 --speed=115200\nterminal_input"),
        "{cfg}"
    );
}

#[test]
fn grub_legacy_has_commands_of_its_own() {
    let text = "default=0\ntitle CentOS 6\n\troot (hd0,0)\n\tkernel /vmlinuz ro root=/dev/sda1\n";
    let mut facts = facts();
    facts.bootloader.grub_legacy = vec!["/boot/grub/grub.conf".to_owned()];
    let mut guest = MemoryGuest::new().file("/boot/grub/grub.conf", text);
    run_with(&SerialConsole, &facts, &mut guest, wanted());
    assert_eq!(
        guest.read_text("/boot/grub/grub.conf").unwrap().unwrap(),
        "default=0\nserial --unit=0 --speed=115200\nterminal --timeout=5 serial console\ntitle CentOS 6\n\troot (hd0,0)\n\
         \tkernel /vmlinuz ro root=/dev/sda1 console=tty0 console=ttyS0,115200\n"
    );
}

#[test]
fn busybox_names_the_terminal_first() {
    let alpine = "tty1::respawn:/sbin/getty 38400 tty1\n#ttyS0::respawn:/sbin/getty -L ttyS0 115200 vt100\n";
    assert!(inittab(alpine).ends_with("\nttyS0::respawn:/sbin/getty -L ttyS0 115200 vt100\n"));
    assert_eq!(inittab("id:3:initdefault:\n"), "id:3:initdefault:\n", "no login, no program to take");
}
