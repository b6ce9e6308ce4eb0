//! Whether a `.link` file's name wins over the name that a NIC got in the initramfs.
//!
//! systemd.net-naming-scheme(7), v240: since then "network devices will be renamed according to the configuration, even
//! if they have been renamed already". Before, an initramfs that was built without the `.link` file and that loads the
//! NIC's driver decides the name for good. The name in a udev rule always wins.

use crate::error::Result;
use crate::guest::Guest;

/// First version that renames again.
const RENAMES_AGAIN: u32 = 240;
/// Where distributions have systemd's private library, whose name ends in the version since 231.
const DIRECTORIES: [&str; 6] = [
    "/usr/lib/systemd",
    "/lib/systemd",
    "/usr/lib64/systemd",
    "/usr/lib/x86_64-linux-gnu/systemd",
    "/usr/lib/i386-linux-gnu/systemd",
    "/usr/lib/aarch64-linux-gnu/systemd",
];
const LIBRARY: &str = "libsystemd-shared-";

/// Whether the guest's udev renames a NIC that has been renamed. An unknown version counts as old.
///
/// # Errors
/// The guest could not be read.
pub(super) fn renames_again(guest: &dyn Guest) -> Result<bool> {
    for directory in DIRECTORIES {
        let names = guest.list(directory)?.unwrap_or_default();
        // Two versions lie side by side where an update was interrupted: the older decides.
        if let Some(oldest) = names.iter().filter_map(|name| version(name)).min() {
            return Ok(oldest >= RENAMES_AGAIN);
        }
    }
    Ok(false)
}

/// `libsystemd-shared-252.so`, `libsystemd-shared-252-18.el9.so`.
fn version(name: &str) -> Option<u32> {
    let rest = name.strip_prefix(LIBRARY)?;
    rest.get(..rest.find(|c: char| !c.is_ascii_digit())?)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryGuest;

    #[test]
    fn the_version_is_in_the_librarys_name() {
        for (path, want) in [
            ("/usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-252.so", true),
            ("/usr/lib/systemd/libsystemd-shared-252-18.el9.so", true),
            ("/lib/systemd/libsystemd-shared-240.so", true),
            ("/usr/lib/systemd/libsystemd-shared-239.so", false),
            ("/usr/lib/systemd/libsystemd-shared-99999999999.so", false),
            ("/usr/lib/systemd/libsystemd-shared-.so", false),
            ("/usr/lib/systemd/libsystemd-core.so", false),
        ] {
            assert_eq!(renames_again(&MemoryGuest::new().file(path, "")).unwrap(), want, "{path}");
        }
        let both = MemoryGuest::new()
            .file("/lib/systemd/libsystemd-shared-239.so", "")
            .file("/lib/systemd/libsystemd-shared-252.so", "");
        assert!(!renames_again(&both).unwrap());
    }
}
