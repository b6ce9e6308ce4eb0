//! A serial console on kernel command lines: for a boot test in a throw-away overlay, and for
//! [`super::serial`] in a result.

use crate::edit::Edit;
use crate::error::Result;
use crate::facts::GuestFacts;
use crate::guest::Guest;

/// Both consoles, the serial one last: the kernel gives /dev/console, and with it systemd's messages, to the last
/// (Documentation/admin-guide/serial-console in the kernel). systemd starts a login prompt on each.
pub const ARGUMENTS: &str = "console=tty0 console=ttyS0,115200";

/// First words of the lines that carry a kernel command line.
pub(super) const GRUB_LINES: &[&str] = &["linux", "linux16", "linuxefi", "kernel"];
pub(super) const BLS_LINES: &[&str] = &["options"];
pub(super) const EXTLINUX_LINES: &[&str] = &["append"];

/// Edits that put a serial console on every kernel command line; none if every one has one.
///
/// # Errors
/// The guest could not be read.
pub fn edits(facts: &GuestFacts, guest: &dyn Guest) -> Result<Vec<Edit>> {
    let boot = &facts.bootloader;
    let mut edits = Vec::new();
    for (files, words) in [
        (&boot.grub_cfg, GRUB_LINES),
        (&boot.grub_legacy, GRUB_LINES),
        (&boot.bls_entries, BLS_LINES),
        (&boot.extlinux, EXTLINUX_LINES),
    ] {
        for file in files {
            let Some(before) = guest.read_text(file)? else { continue };
            let after = with_console(&before, words);
            if after != before {
                edits.push(Edit::rewrite(
                    "console",
                    file,
                    &before,
                    &after,
                    "a serial console for the boot test",
                ));
            }
        }
    }
    Ok(edits)
}

/// The text with a serial console on each line that begins with one of `words`, if it has none.
pub(super) fn with_console(text: &str, words: &[&str]) -> String {
    text.split_inclusive('\n').map(|line| with_arguments(line, words)).collect()
}

fn with_arguments(line: &str, words: &[&str]) -> String {
    let (body, end) = line.split_at(line.trim_end_matches(['\n', '\r']).len());
    let mut tokens = body.split_whitespace();
    let carries = tokens.next().is_some_and(|first| words.iter().any(|w| first.eq_ignore_ascii_case(w)));
    if !carries || tokens.any(|t| t.starts_with("console=ttyS")) {
        return line.to_owned();
    }
    format!("{} {ARGUMENTS}{end}", body.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryGuest;

    #[test]
    fn every_kernel_line_gets_a_console_and_nothing_else_changes() {
        let cfg = "set root='hd0,msdos1'\n\tlinux\t/boot/vmlinuz root=/dev/sda1 ro quiet\n\tinitrd /boot/initrd\n\
                   \tlinux /vmlinuz console=ttyS0\n";
        let guest = MemoryGuest::new().file("/boot/grub/grub.cfg", cfg);
        let mut facts = GuestFacts::default();
        facts.bootloader.grub_cfg.push("/boot/grub/grub.cfg".to_owned());
        let edits = edits(&facts, &guest).unwrap();
        let expected = cfg.replace("ro quiet\n", "ro quiet console=tty0 console=ttyS0,115200\n");
        assert_eq!(
            edits,
            [Edit::rewrite(
                "console",
                "/boot/grub/grub.cfg",
                cfg,
                &expected,
                "a serial console for the boot test"
            )]
        );
    }
}
