//! Where a kernel's image and its initramfs may be.

use crate::guest;

use super::bls::BootEntry;

/// Architectures in the names that genkernel before 4 gives (`kernel-genkernel-x86_64-5.4.80-gentoo`).
const GENKERNEL: &[&str] = &["x86_64", "x86", "arm64"];

/// What a kernel's files may be named by.
pub(super) struct BootNames<'a> {
    /// Version.
    pub(super) version: &'a str,
    /// Directory of its modules; a rescue kernel has none.
    pub(super) dir: Option<&'a str>,
    /// Name without a version (`linux`, `lts`), where the distribution uses one.
    pub(super) base: Option<String>,
    /// Its boot entry.
    pub(super) entry: Option<&'a BootEntry>,
    /// The guest's generator is booster, which has names of its own; another generator's images may lie beside them.
    pub(super) booster: bool,
    /// Boot entries are what boots, not GRUB: systemd-boot loads copies on the ESP, and Debian keeps the files
    /// that they were made from in /boot.
    pub(super) entries_boot: bool,
}

impl BootNames<'_> {
    /// Where its image may be, the likeliest place first.
    pub(super) fn images(&self) -> Vec<String> {
        let version = self.version;
        let by_version = ["vmlinuz-", "vmlinux-", "kernel-", "Image-", "image-"];
        let mut by_version: Vec<String> =
            by_version.iter().map(|start| format!("/boot/{start}{version}")).collect();
        by_version.extend(GENKERNEL.iter().map(|arch| format!("/boot/kernel-genkernel-{arch}-{version}")));
        let by_entry = self.entry.map(|e| e.image.clone()).unwrap_or_default();
        let mut paths = self.in_order(by_version, by_entry);
        paths.extend(self.base.iter().map(|base| format!("/boot/vmlinuz-{base}")));
        paths.extend(self.dir.map(|dir| guest::join(dir, "vmlinuz")));
        paths
    }

    /// Where its initramfs may be, the likeliest place first.
    pub(super) fn initramfs(&self) -> Vec<String> {
        let version = self.version;
        let mut by_version = vec![
            format!("/boot/initrd.img-{version}"),
            format!("/boot/initramfs-{version}.img"),
            format!("/boot/initrd-{version}"),
            format!("/boot/initrd-{version}.img"),
            format!("/boot/initramfs-{version}"),
        ];
        by_version.extend(GENKERNEL.iter().map(|arch| format!("/boot/initramfs-genkernel-{arch}-{version}")));
        let by_entry = self.entry.map(|e| e.initramfs.clone()).unwrap_or_default();
        let mut paths = self.in_order(by_version, by_entry);
        let starts: &[&str] =
            if self.booster { &["booster", "initramfs"] } else { &["initramfs", "booster"] };
        let based = |base: &String| {
            starts
                .iter()
                .flat_map(|start| [format!("/boot/{start}-{base}.img"), format!("/boot/{start}-{base}")])
                .collect::<Vec<_>>()
        };
        paths.extend(self.base.iter().flat_map(based));
        paths.extend(self.dir.map(|dir| guest::join(dir, "initrd")));
        paths
    }

    fn in_order(&self, by_version: Vec<String>, by_entry: Vec<String>) -> Vec<String> {
        if self.entries_boot { [by_entry, by_version].concat() } else { [by_version, by_entry].concat() }
    }
}
