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

    /// Whether it is a name of GRUB's.
    pub fn is_grub(self, name: &str) -> bool {
        let s = self.suffix;
        name.eq_ignore_ascii_case(&format!("grub{s}.efi")) || name.eq_ignore_ascii_case("grub.efi")
    }

    /// Whether it is a name of shim's program that makes boot entries.
    pub fn is_fallback_program(self, name: &str) -> bool {
        let s = self.suffix;
        name.eq_ignore_ascii_case(&format!("fb{s}.efi")) || name.eq_ignore_ascii_case("fallback.efi")
    }

    /// Whether a program is shim: it holds the name of what it loads, in the firmware's two-byte characters.
    pub fn is_shim(self, program: &[u8]) -> bool {
        let names = [format!("grub{}.efi", self.suffix), "grub.efi".to_owned()];
        names.iter().any(|name| {
            let wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
            program.windows(wide.len()).any(|part| part == wide)
        })
    }

    /// Whether a file of this name comes with shim and nothing else.
    pub fn is_of_shim(self, name: &str) -> bool {
        let own = format!("mm{}.efi", self.suffix);
        let mok = name.eq_ignore_ascii_case(&own) || name.eq_ignore_ascii_case("MokManager.efi");
        mok || self.is_fallback_program(name)
    }

    /// Whether shim loads a file of this name from its own directory.
    fn is_second(self, name: &str) -> bool {
        self.is_grub(name) || (self.is_of_shim(name) && !self.is_fallback_program(name))
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
    legacy: Option<String>,
}

/// Largest `grub.cfg` that counts as one that only leads on to another; distributions' are a few hundred bytes.
const MAX_STUB: u64 = 4096;

impl Loader {
    /// A file in its directory.
    pub fn path(&self, name: &str) -> String {
        guest::join(&self.directory, name)
    }

    /// Whether `first` is shim, which loads the rest.
    pub fn is_shim(&self) -> bool {
        self.first.to_ascii_lowercase().starts_with("shim")
    }

    /// The name of GRUB legacy's configuration, which it looks for in the directory that it was started from.
    pub fn legacy(&self) -> Option<&str> {
        self.legacy.as_deref()
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
        let text = String::from_utf8_lossy(&text);
        let has = |wanted: &[&str]| text.split_whitespace().any(|word| wanted.contains(&word));
        // SUSE's stub takes the real configuration in with `source`.
        let leads_on = has(&["configfile", "source"]) && !has(&["menuentry", "linux", "linuxefi"]);
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

    /// Windows' own boot loader, if it is there.
    ///
    /// # Errors
    /// The guest could not be read.
    pub fn windows(&self, guest: &dyn Guest) -> Result<Option<String>> {
        let mut path = self.efi.clone();
        for part in ["Microsoft", "Boot", "bootmgfw.efi"] {
            let names = guest.list(&path)?.unwrap_or_default();
            let Some(name) = names.iter().find(|n| n.eq_ignore_ascii_case(part)) else { return Ok(None) };
            path = guest::join(&path, name);
        }
        Ok(Some(path))
    }

    /// Whether a vendor's directory tells shim's fallback program what to start.
    ///
    /// # Errors
    /// The guest could not be read.
    pub fn has_boot_csv(&self, guest: &dyn Guest, arch: Arch) -> Result<bool> {
        let wanted = format!("BOOT{}.CSV", arch.suffix);
        for vendor in &self.directories {
            let names = guest.list(&guest::join(&self.efi, vendor))?.unwrap_or_default();
            let csv = |n: &String| n.eq_ignore_ascii_case(&wanted) || n.eq_ignore_ascii_case("boot.csv");
            if !vendor.eq_ignore_ascii_case("boot") && names.iter().any(csv) {
                return Ok(true);
            }
        }
        Ok(false)
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
            let named = |wanted: &str| names.iter().find(|name| name.eq_ignore_ascii_case(wanted)).cloned();
            let (configuration, legacy) = (named("grub.cfg"), named("grub.conf"));
            let (vendor, first) = (vendor.clone(), first.clone());
            found.push(Loader { directory, vendor, first, beside, configuration, legacy });
        }
        Ok(found)
    }
}

/// The boot loader of the distribution that is installed, else the only one. `no_grub`: there is no configuration of
/// GRUB's, so that systemd-boot is what starts its entries.
///
/// # Errors
/// Why none was chosen.
pub(super) fn choose<'a>(
    loaders: &'a [Loader],
    distro: &str,
    no_grub: bool,
) -> std::result::Result<&'a Loader, String> {
    let systemd_boot = loaders.iter().find(|l| l.vendor.eq_ignore_ascii_case("systemd"));
    if let Some(systemd_boot) = systemd_boot.filter(|_| no_grub) {
        return Ok(systemd_boot);
    }
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
        "scientificlinux" => vec!["scientific", "redhat"],
        "alpinelinux" => vec!["alpine"],
        "kalilinux" => vec!["kali"],
        "archlinux" => vec!["arch", "grub", "archlinux"],
        "" => Vec::new(),
        other => vec![other],
    }
}
