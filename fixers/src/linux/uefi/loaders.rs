//! The boot loaders of an EFI system partition: who installed which.

use crate::FileKind;
use crate::error::Result;
use crate::guest::{self, Guest};

/// Architecture of the firmware, as the names of its files have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arch {
    suffix: &'static str,
}

impl Arch {
    /// From the system's architecture, as libguestfs names it.
    pub fn of(arch: &str) -> Option<Self> {
        let suffix = match arch {
            "x86_64" => "x64",
            "i386" | "i486" | "i586" | "i686" => "ia32",
            "aarch64" => "aa64",
            _ => return None,
        };
        Some(Self { suffix })
    }

    /// `x64`, as it stands in the names of boot loaders.
    pub fn suffix(self) -> &'static str {
        self.suffix
    }

    /// Name of the fallback boot loader.
    pub fn fallback(self) -> String {
        format!("BOOT{}.EFI", self.suffix.to_ascii_uppercase())
    }

    fn is_first(self, name: &str) -> Option<usize> {
        let s = self.suffix;
        // shim under the names of Debian and Red Hat and of SUSE, then what firmware can start itself.
        let order = [
            format!("shim{s}.efi"),
            "shim.efi".to_owned(),
            format!("grub{s}.efi"),
            "grub.efi".to_owned(),
            format!("systemd-boot{s}.efi"),
        ];
        order.iter().position(|first| name.eq_ignore_ascii_case(first))
    }

    /// Whether shim loads a file of this name from its own directory.
    fn is_second(self, name: &str) -> bool {
        let s = self.suffix;
        let seconds = [
            format!("grub{s}.efi"),
            "grub.efi".to_owned(),
            format!("mm{s}.efi"),
            "MokManager.efi".to_owned(),
        ];
        seconds.iter().any(|second| name.eq_ignore_ascii_case(second))
    }
}

/// A boot loader that a distribution installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Loader {
    /// Its directory in the guest.
    directory: String,
    /// The directory's name.
    pub vendor: String,
    /// What the firmware starts.
    pub first: String,
    /// What `first` loads from its own directory.
    pub beside: Vec<String>,
    configuration: Option<String>,
}

/// Largest `grub.cfg` that counts as one that only leads on to another; distributions' are a few hundred bytes.
const MAX_STUB: u64 = 4096;

impl Loader {
    /// A file in its directory.
    pub fn path(&self, name: &str) -> String {
        guest::join(&self.directory, name)
    }

    /// The name of a `grub.cfg` that leads on to another. Debian's and Ubuntu's GRUB has /EFI/debian or /EFI/ubuntu
    /// built in and needs no copy; a whole configuration would go stale as a copy.
    pub fn stub(&self, guest: &dyn Guest) -> Result<Option<String>> {
        let built_in = matches!(self.vendor.to_ascii_lowercase().as_str(), "debian" | "ubuntu");
        let Some(name) = self.configuration.as_ref().filter(|_| !built_in) else { return Ok(None) };
        let path = self.path(name);
        if guest.lstat(&path)?.is_none_or(|s| s.kind != FileKind::File || s.size > MAX_STUB) {
            return Ok(None);
        }
        let text = guest.read(&path)?.unwrap_or_default();
        let leads_on = String::from_utf8_lossy(&text).split_whitespace().any(|word| word == "configfile");
        Ok(leads_on.then(|| name.clone()))
    }
}

/// The `EFI` directory of the partition.
#[derive(Debug)]
pub(crate) struct Tree {
    efi: String,
    boot: Option<String>,
    directories: Vec<String>,
}

impl Tree {
    /// Reads it. FAT knows no case, so existing directories are taken as they are written.
    ///
    /// # Errors
    /// The guest could not be read.
    pub fn read(guest: &dyn Guest, esp: &str) -> Result<Self> {
        let find =
            |names: &[String], wanted: &str| names.iter().find(|n| n.eq_ignore_ascii_case(wanted)).cloned();
        let top = guest.list(esp)?.unwrap_or_default();
        let efi = guest::join(esp, &find(&top, "EFI").unwrap_or_else(|| "EFI".to_owned()));
        let directories = guest.list(&efi)?.unwrap_or_default();
        Ok(Self { boot: find(&directories, "BOOT"), efi, directories })
    }

    /// The fallback directory.
    pub fn boot_directory(&self) -> String {
        guest::join(&self.efi, self.boot.as_deref().unwrap_or("BOOT"))
    }

    /// Whether there is a fallback boot loader.
    ///
    /// # Errors
    /// The guest could not be read.
    pub fn has_fallback(&self, guest: &dyn Guest, arch: Arch) -> Result<bool> {
        let names = guest.list(&self.boot_directory())?.unwrap_or_default();
        Ok(names.iter().any(|name| name.eq_ignore_ascii_case(&arch.fallback())))
    }

    /// Every boot loader besides the fallback and Windows' own.
    ///
    /// # Errors
    /// The guest could not be read.
    pub fn vendors(&self, guest: &dyn Guest, arch: Arch) -> Result<Vec<Loader>> {
        let other = |name: &&String| !["boot", "microsoft"].contains(&name.to_ascii_lowercase().as_str());
        let mut found = Vec::new();
        for vendor in self.directories.iter().filter(other) {
            let directory = guest::join(&self.efi, vendor);
            let names = guest.list(&directory)?.unwrap_or_default();
            let ranked = names.iter().filter_map(|name| Some((arch.is_first(name)?, name)));
            let Some((_, first)) = ranked.min() else { continue };
            let shim = first.to_ascii_lowercase().starts_with("shim");
            let beside = names.iter().filter(|name| shim && arch.is_second(name)).cloned().collect();
            let configuration = names.iter().find(|name| name.eq_ignore_ascii_case("grub.cfg")).cloned();
            let (vendor, first) = (vendor.clone(), first.clone());
            found.push(Loader { directory, vendor, first, beside, configuration });
        }
        Ok(found)
    }
}

/// The boot loader of the distribution that is installed, else the only one.
///
/// # Errors
/// Why none was chosen.
pub(super) fn choose<'a>(loaders: &'a [Loader], distro: &str) -> std::result::Result<&'a Loader, String> {
    let known = directories_of(distro);
    let ours = |loader: &&Loader| known.iter().any(|name| loader.vendor.eq_ignore_ascii_case(name));
    let mut matching = loaders.iter().filter(ours);
    match (matching.next(), matching.next(), loaders) {
        (Some(one), None, _) | (None, _, [one]) => Ok(one),
        (_, _, []) => Err("no boot loader that it knows is on the EFI system partition".to_owned()),
        _ => {
            let names: Vec<&str> = loaders.iter().map(|l| l.vendor.as_str()).collect();
            Err(format!("there are several, in {}", names.join(", ")))
        }
    }
}

/// Directories under EFI that a distribution (as libguestfs names it) installs its boot loader to.
fn directories_of(distro: &str) -> Vec<&str> {
    match distro {
        "rhel" | "redhat-based" => vec!["redhat"],
        "oraclelinux" => vec!["oracle", "redhat"],
        "sles" | "suse-based" => vec!["sles", "suse"],
        "opensuse" => vec!["opensuse"],
        "linuxmint" => vec!["ubuntu"],
        "almalinux" => vec!["almalinux"],
        "archlinux" => vec!["arch", "grub", "archlinux"],
        "" => Vec::new(),
        other => vec![other],
    }
}
