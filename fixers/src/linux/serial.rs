//! `linux.serial-console`: a serial console for good, on request.

use h2k_config::Policy;

use super::console::{self, with_console};
use super::text::{TextFile, lines};
use crate::facts::GuestFacts;
use crate::{Edit, Fixer, Guest, Proposal, error::Result};

#[cfg(test)]
mod tests;

const ID: &str = "linux.serial-console";
const REASON: &str = "--serial-console";
const GRUB_DEFAULTS: &str = "/etc/default/grub";
const INITTAB: &str = "/etc/inittab";
/// What GRUB's menu takes of the port (GRUB manual, "Using GRUB via a serial line"); the terminals that are set stay.
const GRUB_MENU: &str =
    "serial --unit=0 --speed=115200\nterminal_input --append serial\nterminal_output --append serial\n";
const LEGACY_MENU: &str = "serial --unit=0 --speed=115200\nterminal --timeout=5 serial console\n";
/// Words by which the menu begins.
const MENU_WORDS: [&str; 3] = ["menuentry", "submenu", "blscfg"];
/// What extlinux takes of the port (SYSLINUX manual, `SERIAL`).
const EXTLINUX: &str = "serial 0 115200\n";

/// Gives the guest a serial console.
pub struct SerialConsole;

impl Fixer for SerialConsole {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "with --serial-console: kernel, boot menu and login on the serial port"
    }

    fn explanation(&self) -> &'static str {
        "virsh console shows a guest's serial port, which most guests do not use. With --serial-console every kernel \
         command line gets console=tty0 console=ttyS0,115200 (in GRUB's files, BLS entries and extlinux, and in \
         /etc/default/grub and /etc/kernel/cmdline for kernels to come), GRUB's and extlinux' menus appear on the port \
         too, and an init that reads /etc/inittab gets a login there; systemd starts one by itself. Command lines that \
         have a serial console stay as they are. Without the option only the boot test has one, on its throw-away copy."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        if !facts.is_linux() || !policy.serial_console {
            return Ok(proposal);
        }
        let boot = &facts.bootloader;
        let mut rewrite = |path: &str, how: &dyn Fn(&str) -> String| -> Result<()> {
            if let Some(file) = TextFile::read(guest, path)? {
                // Two names of one file are edited once.
                let edit = file.edit(ID, &how(&file.text), REASON);
                let known = |e: &Edit, all: &[Edit]| all.iter().any(|other| other.paths() == e.paths());
                proposal.edits.extend(edit.filter(|e| !known(e, &proposal.edits)));
            }
            Ok(())
        };
        for path in &boot.grub_cfg {
            rewrite(path, &|text| menu(&with_console(text, console::GRUB_LINES)))?;
        }
        for path in &boot.grub_legacy {
            rewrite(path, &|text| legacy_menu(&with_console(text, console::GRUB_LINES)))?;
        }
        for path in &boot.bls_entries {
            rewrite(path, &|text| with_console(text, console::BLS_LINES))?;
        }
        for path in &boot.extlinux {
            rewrite(path, &|text| extlinux(&with_console(text, console::EXTLINUX_LINES)))?;
        }
        for path in &boot.kernel_cmdline {
            rewrite(path, &command_line)?;
        }
        rewrite(GRUB_DEFAULTS, &defaults)?;
        if !facts.init.systemd {
            rewrite(INITTAB, &inittab)?;
        }
        Ok(proposal)
    }
}

fn first_word(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// The port's commands before the menu's first entry. A stub that only leads to another file has no entries.
fn menu(text: &str) -> String {
    if lines(text).any(|(_, line)| first_word(line) == "serial") {
        return text.to_owned();
    }
    let Some((at, _)) = lines(text).find(|(_, line)| MENU_WORDS.contains(&first_word(line))) else {
        return text.to_owned();
    };
    let (before, after) = text.split_at(at);
    format!("{before}{GRUB_MENU}{after}")
}

/// The same for GRUB legacy, which asks on both terminals for a key (its manual, "terminal").
fn legacy_menu(text: &str) -> String {
    if lines(text).any(|(_, line)| first_word(line) == "serial") {
        return text.to_owned();
    }
    match lines(text).find(|(_, line)| first_word(line).eq_ignore_ascii_case("title")) {
        Some((at, _)) => {
            let (before, after) = text.split_at(at);
            format!("{before}{LEGACY_MENU}{after}")
        }
        None => text.to_owned(),
    }
}

/// `SERIAL` must be the first line.
fn extlinux(text: &str) -> String {
    let has_entries = lines(text).any(|(_, line)| first_word(line).eq_ignore_ascii_case("label"));
    let has_port = lines(text).any(|(_, line)| first_word(line).eq_ignore_ascii_case("serial"));
    if has_entries && !has_port { format!("{EXTLINUX}{text}") } else { text.to_owned() }
}

fn command_line(text: &str) -> String {
    let Some(last) = text.lines().rev().find(|l| !l.trim().is_empty() && !is_comment(l)) else {
        return text.to_owned();
    };
    if text.contains("console=ttyS") {
        return text.to_owned();
    }
    text.replacen(last, &format!("{} {}", last.trim_end(), console::ARGUMENTS), 1)
}

/// grub-mkconfig reads the file with a shell, which lets a later line build on an earlier one.
fn defaults(text: &str) -> String {
    let has_port = text.lines().any(|l| !is_comment(l) && l.contains("console=ttyS"));
    if has_port {
        return text.to_owned();
    }
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!(
        "{text}{end}GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX {}\"\nGRUB_TERMINAL=\"console serial\"\n\
         GRUB_SERIAL_COMMAND=\"serial --unit=0 --speed=115200\"\n",
        console::ARGUMENTS
    )
}

/// A login as util-linux' agetty or the getty of Debian and busybox takes its arguments.
fn inittab(text: &str) -> String {
    let mut live = text.lines().filter(|l| !is_comment(l));
    let has_login = text.lines().any(|l| l.contains("getty"));
    if !has_login || live.any(|l| l.contains("ttyS0")) {
        return text.to_owned();
    }
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let getty =
        if text.contains("agetty") { "agetty -L 115200 ttyS0 vt100" } else { "getty -L ttyS0 115200 vt100" };
    // Busybox' inittab has no runlevels (the second field is empty), and the first names the terminal.
    let busybox = text.lines().any(|l| !is_comment(l) && l.contains("::"));
    let (id, levels) = if busybox { ("ttyS0", "") } else { ("S0", "2345") };
    format!("{text}{end}{id}:{levels}:respawn:/sbin/{getty}\n")
}
