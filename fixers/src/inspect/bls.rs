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

impl BootEntry {
    /// Whether it starts the kernel of this version, which may have a name without one (`linux-lts`). openSUSE's
    /// `version` begins with the number of a snapshot (`2@6.9.1`); where there is none, the image's path tells.
    pub(super) fn is_of(&self, version: &str, base: Option<&str>) -> bool {
        if !self.version.is_empty() {
            return self.version.rsplit('@').next() == Some(version);
        }
        let named = |part: &str| {
            let name = part.strip_prefix("vmlinuz-");
            part == version || name.is_some_and(|name| name == version || Some(name) == base)
        };
        self.image.first().is_some_and(|path| path.split('/').any(named))
    }
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

    #[test]
    fn an_entry_belongs_to_a_kernel_by_its_version_or_its_image() {
        let is_of = |text: &str| parse(text, "/efi").is_of("6.9.1-arch1-1", Some("linux"));
        for text in [
            "version 6.9.1-arch1-1\nlinux /x",
            "version 2@6.9.1-arch1-1",
            "linux /id/6.9.1-arch1-1/linux",
            "linux /vmlinuz-linux",
            "linux /vmlinuz-6.9.1-arch1-1",
        ] {
            assert!(is_of(text), "{text}");
        }
        for text in
            ["", "version 6.9.1\nlinux /vmlinuz-linux", "linux /vmlinuz-linux-lts", "linux /id/6.9.1/linux"]
        {
            assert!(!is_of(text), "{text}");
        }
    }
}
