//! Real texts, and what they say.

use super::*;
use proptest::prelude::*;

/// What a text ends in: `login`, a sign, or nothing; and the hints.
fn verdict(text: &str) -> String {
    let mut console = Console::new();
    for piece in text.as_bytes().chunks(7) {
        console.feed(piece);
    }
    let hints: Vec<String> = console.hints().iter().map(|h| format!(" +{:?}", h.sign)).collect();
    let end = match (console.failure(), console.login()) {
        (Some(failure), _) => format!("{:?}", failure.sign),
        (None, Some(login)) => format!("login {login:?}"),
        (None, None) => "nothing".to_owned(),
    };
    end + &hints.concat()
}

#[test]
fn texts_say_what_they_say() {
    for (text, expected) in [
        ("Debian GNU/Linux 12 web01 ttyS0\r\n\r\nweb01 login: ", "login \"web01 login:\""),
        ("\r\nweb01 login: [   33.1] random: crng init done\r\n", "login \"web01 login:\""),
        ("\x1b[H\x1b[Jfreebsd\r\n\r\nlogin: ", "login \"login:\""),
        ("Last login: Mon Jan  1 on ttyS0\r\n$ ", "nothing"),
        ("[  OK  ] Started systemd-logind.service - User Login Management.\r\n", "nothing"),
        ("someone wrote web01 login: x\r\n", "nothing"),
        ("\r\nBOOTMGR is missing\r\nPress Ctrl+Alt+Del to restart\r\n", "BootCode"),
        (
            "Windows Boot Manager\r\n\r\nWindows failed to start. A recent hardware or software change might be the\r\n\
             cause. To fix the problem:\r\n\r\n    Status: 0xc000000e\r\n",
            "BootCode +BootCode",
        ),
        ("*** STOP: 0x0000007B (0xF78D2524,0xC0000034,0x00000000,0x00000000)\r\n", "StopScreen"),
        ("Windows Error Recovery\r\n\r\nWindows did not shut down successfully.\r\n", "nothing +BootCode"),
        ("\r\nComputer is booting, SAC started and initialized.\r\n\r\nSAC>", "login \"SAC>\""),
        (
            "[    1.5] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n",
            "KernelPanic",
        ),
        (
            "Gave up waiting for root file system device.  Common problems:\r\n - Boot args (cat /proc/cmdline)\r\n\
             ALERT!  /dev/sda1 does not exist.  Dropping to a shell!\r\n\r\n\r\n\
             BusyBox v1.35.0 (Debian) built-in shell (ash)\r\nEnter 'help' for a list of built-in commands.\r\n\r\n\
             (initramfs) \x1b[6n",
            "InitramfsShell +RootMissing +RootMissing",
        ),
        (
            "[  130.2] dracut-initqueue[301]: Warning: dracut-initqueue timeout - starting timeout scripts\r\n\
             [  190.4] dracut-initqueue[301]: Warning: /dev/mapper/rhel-root does not exist\r\n\
             Generating \"/run/initramfs/rdsosreport.txt\"\r\n\r\n\r\nEntering emergency mode. Exit the shell to continue.\r\n\
             Type \"journalctl\" to view system logs.\r\n\r\n\r\ndracut:/# ",
            "EmergencyMode +RootMissing +RootMissing",
        ),
        (
            "[\x1b[0;1;31m TIME \x1b[0m] Timed out waiting for device /dev/disk/by-uuid/x.\r\n\
             [\x1b[0;1;33mDEPEND\x1b[0m] Dependency failed for /data.\r\n\
             You are in emergency mode. After logging in, type \"journalctl -xb\" to view\r\n\
             Give root password for maintenance\r\n(or press Control-D to continue): ",
            "EmergencyMode +MountFailed +MountFailed",
        ),
        (
            "GRUB loading..\r\nWelcome to GRUB!\r\n\r\nerror: no such device: 1234-5678.\r\n\
          Entering rescue mode...\r\ngrub rescue> ",
            "GrubShell +GrubError +GrubError",
        ),
        (
            "                             GNU GRUB  version 2.06\r\n\r\n   Minimal BASH-like line editing is supported. For the\r\n\
          \x1b[8;1Hgrub> ",
            "GrubShell",
        ),
        (
            "error: file `/boot/vmlinuz' not found.\r\nPress any key to continue...\r\nDebian x\r\n\r\nx login: ",
            "login \"x login:\" +GrubError",
        ),
        (
            "SeaBIOS (version 1.16.3)\r\nBooting from Hard Disk...\r\nBoot failed: not a bootable disk\r\n\r\nNo bootable device.\r\n",
            "NothingToBoot +EntryFailed",
        ),
        (
            "BdsDxe: failed to load Boot0001 \"UEFI Misc Device\" from PciRoot(0x0)/Pci(0x2,0x0): Not Found\r\n\
          BdsDxe: No bootable option or device was found.\r\nBdsDxe: Press any key to enter the Boot Manager Menu.\r\n",
            "NothingToBoot +EntryFailed",
        ),
        ("UEFI Interactive Shell v2.2\r\nEDK II\r\nPress ESC in 5 seconds\r\n", "nothing +UefiShell"),
        ("Shell> ", "UefiShell"),
        ("Missing operating system.\r\n", "BootCode"),
        ("BOOTMGR is missing\r\nPress Ctrl+Alt+Del to restart\r\n", "BootCode"),
        (
            ":: mounting '/dev/sda2' on real root\r\nYou are now being dropped into an emergency shell.\r\n[rootfs ~]# ",
            "InitramfsShell",
        ),
        (
            "Mounting root failed.\r\ninitramfs emergency recovery shell launched. Type 'exit' to continue boot\r\n",
            "InitramfsShell +RootMissing",
        ),
        ("mountroot> ", "RootMissing"),
        ("the manual says: at grub> type ls\r\n", "nothing"),
        ("", "nothing"),
    ] {
        assert_eq!(verdict(text), expected, "{text}");
    }
}

#[test]
fn systems_are_told_from_firmware() {
    for (text, system) in [
        ("[    0.000000] Linux version 6.1.0-18-amd64\n", true),
        ("[  OK  ] Reached target multi-user.target\n", true),
        ("systemd[1]: Detected architecture x86-64.\n", true),
        ("SeaBIOS (version 1.16.3)\nBooting from Hard Disk...\nGRUB loading.\nWelcome to GRUB!\n", false),
        ("[x] y\n[.\n", false),
    ] {
        let mut console = Console::new();
        console.feed(text.as_bytes());
        assert_eq!(console.system_spoke(), system, "{text}");
    }
}

#[test]
fn a_reset_forgets_signs_and_keeps_text() {
    let mut console = Console::new();
    console.feed(b"No bootable device.\nmore");
    console.reset();
    assert_eq!(console.failure(), None);
    assert_eq!(console.excerpt(), ["No bootable device.", "more"]);
}

#[test]
fn memory_is_bounded() {
    let mut console = Console::new();
    for i in 0..2000 {
        console.feed(format!("error: {i}\nALERT! {i}\n").as_bytes());
    }
    assert_eq!(console.hints().len(), MAX_FINDINGS);
    assert_eq!(console.excerpt().len(), EXCERPT_LINES);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..600), step in 1usize..50) {
        let mut console = Console::new();
        bytes.chunks(step).for_each(|piece| console.feed(piece));
        prop_assert!(console.excerpt().len() <= EXCERPT_LINES + 1);
    }
}
