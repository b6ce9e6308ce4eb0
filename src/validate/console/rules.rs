//! What firmware, bootloaders, initramfs and kernels print when a guest does not come up.

use serde::{Deserialize, Serialize};

/// What a line on the console says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// The firmware found nothing to boot.
    NothingToBoot,
    /// The firmware could not start an entry, and may try another.
    EntryFailed,
    /// The UEFI shell came up instead of a system.
    UefiShell,
    /// Boot code in the first sectors, or Windows' boot manager, gave up.
    BootCode,
    /// GRUB without its configuration or modules.
    GrubShell,
    /// GRUB complains, and may go on.
    GrubError,
    /// A shell of the initramfs.
    InitramfsShell,
    /// The root file system was not found.
    RootMissing,
    /// The kernel gave up.
    KernelPanic,
    /// The kernel gave up, since no tick of a timer came in the time that it waits for one: on an emulated machine, that
    /// of a busy host.
    NoTimer,
    /// A processor of the kernel's did not get on for tens of seconds.
    Stalled,
    /// systemd or dracut wait for an administrator.
    EmergencyMode,
    /// Another device or file system was not found or not sound.
    MountFailed,
    /// Windows stopped, or its boot manager did.
    StopScreen,
}

impl Sign {
    /// In words, for a verdict.
    pub fn words(self) -> &'static str {
        match self {
            Sign::NothingToBoot => "the firmware found nothing to boot",
            Sign::EntryFailed => "the firmware could not start a boot entry",
            Sign::UefiShell => "the firmware started its shell",
            Sign::BootCode => "the boot code gave up",
            Sign::GrubShell => "GRUB stopped at its shell",
            Sign::GrubError => "GRUB reported an error",
            Sign::InitramfsShell => "the initramfs stopped at a shell",
            Sign::RootMissing => "the root file system was not found",
            Sign::KernelPanic => "the kernel panicked",
            Sign::NoTimer => "the kernel saw no tick of its timer",
            Sign::Stalled => "the kernel did not get on",
            Sign::EmergencyMode => "the system stopped in emergency mode",
            Sign::MountFailed => "a file system could not be mounted",
            Sign::StopScreen => "Windows stopped",
        }
    }
}

/// Where in a line a rule's text stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// Anywhere.
    Anywhere,
    /// At its start.
    Start,
    /// It begins the line that has not ended, or the whole of one that has: a prompt.
    Prompt,
}

/// How sure a rule is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Nothing comes after it without somebody at the console.
    Definite,
    /// It explains a failure that comes later; alone it may be harmless.
    Hint,
}

/// A text and what it means.
pub(super) struct Rule {
    pub sign: Sign,
    pub weight: Weight,
    pub at: At,
    pub text: &'static str,
}

const fn rule(sign: Sign, weight: Weight, at: At, text: &'static str) -> Rule {
    Rule { sign, weight, at, text }
}

use At::{Anywhere, Prompt, Start};
use Weight::{Definite, Hint};

/// Every rule, most telling first: the first that matches a line counts.
pub(super) const RULES: &[Rule] = &[
    // Linux arch/x86/kernel/apic/io_apic.c, check_timer(): it waits for ten ticks' worth of loops.
    rule(Sign::NoTimer, Definite, Anywhere, "Kernel panic - not syncing: IO-APIC + timer doesn't work"),
    // Linux kernel/rcu/tree_stall.h.
    rule(Sign::Stalled, Hint, Anywhere, "detected stalls on CPUs/tasks"),
    rule(Sign::Stalled, Hint, Anywhere, "self-detected stall on CPU"),
    // Linux kernel/panic.c; init/do_mounts.c.
    rule(Sign::KernelPanic, Definite, Anywhere, "Kernel panic - not syncing"),
    rule(Sign::KernelPanic, Definite, Anywhere, "VFS: Unable to mount root fs"),
    rule(Sign::RootMissing, Hint, Anywhere, "VFS: Cannot open root device"),
    // initramfs-tools: scripts/local, scripts/functions.
    rule(Sign::RootMissing, Hint, Anywhere, "does not exist.  Dropping to a shell"),
    rule(Sign::RootMissing, Hint, Start, "ALERT!"),
    rule(Sign::RootMissing, Hint, Anywhere, "Gave up waiting for root"),
    rule(Sign::RootMissing, Hint, Anywhere, "No init found. Try passing init= bootarg"),
    rule(Sign::InitramfsShell, Definite, Prompt, "(initramfs)"),
    // dracut: modules.d/98dracut-systemd, 99base (`Could not boot`), dracut-initqueue.
    rule(Sign::RootMissing, Hint, Anywhere, "dracut-initqueue timeout"),
    rule(Sign::RootMissing, Hint, Anywhere, "Could not boot."),
    rule(Sign::RootMissing, Hint, Anywhere, "Warning: /dev/"),
    rule(Sign::EmergencyMode, Definite, Anywhere, "Entering emergency mode. Exit the shell to continue"),
    rule(Sign::InitramfsShell, Definite, Prompt, "dracut:/#"),
    rule(Sign::InitramfsShell, Definite, Prompt, "switch_root:/#"),
    // SUSE's mkinitrd.
    rule(Sign::RootMissing, Hint, Anywhere, "not found -- exiting to /bin/sh"),
    rule(Sign::InitramfsShell, Definite, Anywhere, "Want me to fall back to"),
    // Red Hat's nash (RHEL 5).
    rule(Sign::RootMissing, Hint, Anywhere, "mount: could not find filesystem '/dev/root'"),
    // Arch's mkinitcpio; Alpine's mkinitfs.
    rule(Sign::InitramfsShell, Definite, Anywhere, "You are now being dropped into an emergency shell"),
    rule(Sign::InitramfsShell, Definite, Anywhere, "initramfs emergency recovery shell launched"),
    rule(Sign::RootMissing, Hint, Anywhere, "Mounting root failed"),
    // FreeBSD.
    rule(Sign::RootMissing, Definite, Prompt, "mountroot>"),
    // systemd: units/emergency.service, src/sulogin-shell; util-linux sulogin.
    rule(Sign::EmergencyMode, Definite, Anywhere, "You are in emergency mode"),
    rule(Sign::EmergencyMode, Definite, Anywhere, "You are in rescue mode"),
    rule(Sign::EmergencyMode, Definite, Anywhere, "Welcome to emergency mode"),
    rule(Sign::EmergencyMode, Definite, Anywhere, "Give root password for maintenance"),
    rule(Sign::EmergencyMode, Definite, Anywhere, "Press Enter for maintenance"),
    rule(
        Sign::EmergencyMode,
        Definite,
        Anywhere,
        "Cannot open access to console, the root account is locked",
    ),
    rule(Sign::MountFailed, Hint, Anywhere, "Timed out waiting for device"),
    rule(Sign::MountFailed, Hint, Anywhere, "Dependency failed for"),
    rule(Sign::MountFailed, Hint, Anywhere, "UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY"),
    // GRUB 2: grub-core/normal/main.c, kern/rescue_reader.c, kern/err.c. GRUB legacy has the same first line.
    rule(Sign::GrubShell, Definite, Prompt, "grub rescue>"),
    rule(Sign::GrubShell, Definite, Anywhere, "Minimal BASH-like line editing is supported"),
    rule(Sign::GrubShell, Definite, Prompt, "grub>"),
    rule(Sign::GrubError, Hint, Start, "error: "),
    rule(Sign::GrubError, Hint, Anywhere, "Entering rescue mode"),
    rule(Sign::BootCode, Definite, Start, "GRUB Hard Disk Error"),
    rule(Sign::BootCode, Definite, Start, "GRUB Geom Error"),
    rule(Sign::BootCode, Definite, Start, "GRUB Read Error"),
    // SeaBIOS: src/boot.c.
    rule(Sign::NothingToBoot, Definite, Start, "No bootable device"),
    rule(Sign::EntryFailed, Hint, Start, "Boot failed"),
    // edk2: MdeModulePkg BdsDxe; ShellPkg.
    rule(Sign::NothingToBoot, Definite, Anywhere, "BdsDxe: No bootable option or device was found"),
    rule(Sign::EntryFailed, Hint, Anywhere, "BdsDxe: failed to load"),
    rule(Sign::EntryFailed, Hint, Anywhere, "BdsDxe: failed to start"),
    rule(Sign::EntryFailed, Hint, Anywhere, "Security Violation"),
    // Its `startup.nsh` may start a system, so only the prompt is the end.
    rule(Sign::UefiShell, Hint, Anywhere, "UEFI Interactive Shell v"),
    rule(Sign::UefiShell, Definite, Prompt, "Shell>"),
    // Boot records of DOS, Windows, syslinux' mbr.bin; Windows' boot managers.
    rule(Sign::BootCode, Definite, Start, "Missing operating system"),
    rule(Sign::BootCode, Definite, Start, "Operating system not found"),
    rule(Sign::BootCode, Definite, Start, "Operating System not found"),
    rule(Sign::BootCode, Definite, Start, "Error loading operating system"),
    rule(Sign::BootCode, Definite, Start, "Invalid partition table"),
    rule(Sign::BootCode, Definite, Start, "A disk read error occurred"),
    rule(Sign::BootCode, Definite, Anywhere, "NTLDR is missing"),
    rule(Sign::BootCode, Definite, Anywhere, "BOOTMGR is missing"),
    rule(Sign::BootCode, Definite, Anywhere, "An operating system wasn't found"),
    rule(Sign::BootCode, Definite, Anywhere, "Windows failed to start"),
    // The boot manager of Windows Vista and newer (bootmgr.exe's messages), where it draws in text mode: SeaBIOS prints
    // that on the serial port.
    rule(Sign::BootCode, Definite, Anywhere, "BOOTMGR is compressed"),
    rule(Sign::BootCode, Definite, Anywhere, "BOOTMGR image is corrupt"),
    rule(
        Sign::BootCode,
        Definite,
        Anywhere,
        "The boot selection failed because a required device is inaccessible",
    ),
    rule(
        Sign::BootCode,
        Definite,
        Anywhere,
        "The Boot Configuration Data for your PC is missing or contains errors",
    ),
    rule(Sign::BootCode, Definite, Anywhere, "The Boot Configuration Data file is missing"),
    rule(
        Sign::BootCode,
        Definite,
        Anywhere,
        "The boot configuration data for your PC is missing or contains errors",
    ),
    rule(Sign::BootCode, Definite, Anywhere, "A required device isn't connected or can't be accessed"),
    rule(Sign::BootCode, Definite, Anywhere, "Your PC needs to be repaired"),
    rule(Sign::BootCode, Definite, Anywhere, "Your PC/Device needs to be repaired"),
    rule(
        Sign::BootCode,
        Definite,
        Anywhere,
        "Windows could not start because the following file is missing or corrupt",
    ),
    rule(Sign::BootCode, Definite, Anywhere, "Windows could not start because of a computer disk hardware"),
    rule(Sign::BootCode, Hint, Anywhere, "Windows Error Recovery"),
    rule(Sign::BootCode, Hint, Start, "Status: 0xc"),
    rule(Sign::BootCode, Hint, Start, "Error code: 0xc"),
    // The log of the special administration console (Windows Server with Emergency Management Services).
    rule(Sign::StopScreen, Definite, Start, "*** STOP: 0x"),
    rule(Sign::BootCode, Definite, Start, "Non-system disk"),
];

/// First rule that a line matches. `ended` tells whether the line is complete.
pub(super) fn matching(line: &str, ended: bool) -> Option<&'static Rule> {
    let line = line.trim_start();
    RULES.iter().find(|rule| match rule.at {
        At::Anywhere => line.contains(rule.text),
        At::Start => line.starts_with(rule.text),
        // Kernel messages may follow a prompt on its line, and what is typed ends up there.
        At::Prompt => line.strip_prefix(rule.text).is_some_and(|rest| {
            if ended { rest.trim().is_empty() || rest.trim_start().starts_with('[') } else { true }
        }),
    })
}

/// Is it a login prompt: `HOST login:` (agetty), `login:` alone (BSD), or Windows' special administration console?
pub(super) fn is_login(line: &str) -> bool {
    let line = line.trim();
    if line == "login:" || line == "SAC>" {
        return true;
    }
    let Some((host, rest)) = line.split_once(" login:") else { return false };
    let name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
    // `Last login: …` greets somebody who is in; kernel messages may follow the prompt on its line.
    host != "Last"
        && (1..=64).contains(&host.len())
        && host.chars().all(name)
        && (rest.is_empty() || rest.trim_start().starts_with('['))
}

/// Is it a line of a kernel or of systemd: `[    1.234567] …`, `[  OK  ] …`, `Linux version …`?
pub(super) fn is_system(line: &str) -> bool {
    let stamp = |inner: &str| {
        let inner = inner.trim();
        matches!(inner, "OK" | "FAILED" | "DEPEND" | "TIME" | "WARN" | "INFO")
            || (inner.contains('.') && inner.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
    };
    let bracket = line.trim_start().strip_prefix('[').and_then(|rest| rest.split_once(']'));
    bracket.is_some_and(|(inner, _)| stamp(inner))
        || line.contains("Linux version ")
        || line.contains("systemd[1]:")
}
