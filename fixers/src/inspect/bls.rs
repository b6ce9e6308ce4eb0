//! Boot entries of the Boot Loader Specification (type 1): which kernel and initramfs they load.

use crate::error::Result;
use crate::guest::{self, Guest};

use super::text;

/// The files of one entry, by their paths in the guest.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct BootEntry {
    /// `version`.
    pub(super) version: String,
    /// `linux`: where it may be.
    pub(super) image: Vec<String>,
    /// The last `initrd`: where it may be. Those before it are microcode.
    pub(super) initramfs: Vec<String>,
}

/// Reads entries from their files.
///
/// # Errors
/// The guest could not be read.
pub(super) fn read(guest: &dyn Guest, files: &[String]) -> Result<Vec<BootEntry>> {
    let mut entries = Vec::new();
    for file in files {
        if let Some(text) = text::config(guest, file)? {
            // …/loader/entries/NAME.conf: paths are relative to the file system that holds loader/.
            let base = guest::parent(guest::parent(guest::parent(file)));
            entries.push(parse(&text, base));
        }
    }
    Ok(entries)
}

fn parse(text: &str, base: &str) -> BootEntry {
    let mut entry = BootEntry::default();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some(key), Some(value)) = (words.next(), words.next()) else { continue };
        match key {
            "version" => value.clone_into(&mut entry.version),
            "linux" => entry.image = places(value, base),
            "initrd" => entry.initramfs = places(value, base),
            _ => {}
        }
    }
    entry
}

/// A path of an entry: on the entry's file system, or, where /boot is none of its own, on the root file system.
pub(crate) fn places(path: &str, base: &str) -> Vec<String> {
    if path.split('/').any(|c| c == "..") {
        return Vec::new();
    }
    let absolute = guest::join("", path.trim_start_matches('/'));
    vec![guest::join(base, path.trim_start_matches('/')), absolute]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_looked_for_on_the_entrys_file_system_first() {
        let entry = parse(
            "title Fedora\nversion 6.9.1\nlinux /abc/6.9.1/linux\ninitrd /ucode.img\ninitrd /abc/6.9.1/initrd $x\n",
            "/boot/efi",
        );
        assert_eq!(entry.version, "6.9.1");
        assert_eq!(entry.image, ["/boot/efi/abc/6.9.1/linux", "/abc/6.9.1/linux"]);
        assert_eq!(entry.initramfs, ["/boot/efi/abc/6.9.1/initrd", "/abc/6.9.1/initrd"]);
        assert!(parse("linux /../../etc/shadow", "/boot").image.is_empty());
    }
}
