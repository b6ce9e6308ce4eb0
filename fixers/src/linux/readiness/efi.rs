//! What UEFI firmware without boot entries starts: `EFI/BOOT/BOOTX64.EFI` (UEFI specification, 3.5.1.1), and what that
//! program reads. Programs are told apart by texts in them; none is run.

use std::io::Read;

use crate::error::{GuestError, Result};
use crate::guest::{self, FileKind};
use crate::linux::uefi::loaders::{Arch, Tree};
use crate::readiness::LinkState;

use super::Seen;
use super::firmware::{Loader, Started, configured};

/// Bytes of a program that are searched. shim has 1 MB, GRUB up to 4 MB; a unified kernel is larger and none of them.
const MAX_PROGRAM: u64 = 8 << 20;
/// Directories under EFI that are looked at; several distributions make a handful.
const MAX_NAMES: usize = 64;
/// In every systemd-boot (src/boot/efi of systemd).
const SYSTEMD_BOOT: &[u8] = b"#### LoaderInfo: systemd-boot";
/// In every GRUB: its functions' names.
const GRUB: &[u8] = b"grub_";

/// What is on an EFI system partition.
struct Esp<'s, 'a> {
    seen: &'s Seen<'a>,
    mount: &'s str,
    /// `x64`
    suffix: String,
}

/// What the firmware starts from the partition that is mounted at `mount`.
pub(super) fn started(seen: &Seen<'_>, mount: &str) -> Result<Started> {
    let unknown = |subject: &str, why: &str| -> Result<Started> {
        Ok(Started::new(LinkState::Unknown, subject, why, configured(seen)))
    };
    let Some(arch) = seen.facts.system().and_then(|s| Arch::of(&s.arch)) else {
        return unknown("UEFI", "the architecture of the system is not known");
    };
    let tree = Tree::read(seen.guest, mount)?;
    let esp = Esp { seen, mount, suffix: arch.suffix().to_owned() };
    let dir = tree.boot_directory();
    let name = arch.fallback();
    let Some(first) = esp.child(&dir, &name)? else {
        let why =
            format!("there is no EFI/BOOT/{name}, and the new VM's firmware has no boot entry for another");
        return Ok(Started::new(LinkState::Broken, mount, why, Vec::new()));
    };
    let program = esp.program(&first)?;
    if !program.starts_with(b"MZ") {
        return Ok(Started::new(LinkState::Broken, &first, "it is no EFI program", Vec::new()));
    }
    if has(&program, SYSTEMD_BOOT) {
        let loaders = vec![Loader::SystemdBoot(mount.to_owned())];
        return Ok(Started::new(LinkState::Ok, &first, "the firmware starts it: systemd-boot", loaders));
    }
    if esp.is_shim(&program) {
        return esp.behind_shim(&first, &dir);
    }
    if has(&program, GRUB) {
        let loaders = esp.grub_configs(&program, &dir)?;
        return Ok(Started::new(LinkState::Ok, &first, "the firmware starts it: GRUB", loaders));
    }
    unknown(&first, "the firmware starts it, and h2k does not know what it is")
}

impl Esp<'_, '_> {
    /// The file in `dir` that is `name` in FAT's eyes, where case does not count.
    fn child(&self, dir: &str, name: &str) -> Result<Option<String>> {
        let names = self.seen.guest.list(dir)?.unwrap_or_default();
        let found = names.iter().find(|n| n.eq_ignore_ascii_case(name)).map(|n| guest::join(dir, n));
        let Some(path) = found else { return Ok(None) };
        let file = self.seen.guest.lstat(&path)?.is_some_and(|s| s.kind == FileKind::File);
        Ok(file.then_some(path))
    }

    /// The beginning of a program.
    fn program(&self, path: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self.seen.guest.open(path)?.take(MAX_PROGRAM).read_to_end(&mut bytes);
        read.map_err(|e| GuestError::Backend { doing: format!("reading {path}"), message: e.to_string() })?;
        Ok(bytes)
    }

    /// What shim loads from its own directory, by its vendors' names.
    fn seconds(&self) -> [String; 2] {
        [format!("grub{}.efi", self.suffix), "grub.efi".to_owned()]
    }

    /// shim holds the name of what it loads, in the firmware's two-byte characters.
    fn is_shim(&self, program: &[u8]) -> bool {
        let wide = |name: &String| name.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        self.seconds().iter().any(|name| has(program, &wide(name)))
    }

    fn second(&self, dir: &str) -> Result<Option<String>> {
        for name in self.seconds() {
            if let Some(path) = self.child(dir, &name)? {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// shim starts GRUB beside it, unless its own fallback program is there: that starts what a `BOOTX64.CSV` names
    /// (shim's README.fallback).
    fn behind_shim(&self, first: &str, dir: &str) -> Result<Started> {
        // SUSE's shim knows it by the name that it had before.
        let own = self.child(dir, &format!("fb{}.efi", self.suffix))?;
        let fallback = own.is_some() || self.child(dir, "fallback.efi")?.is_some();
        let mut dirs = vec![dir.to_owned()];
        if fallback {
            let named = self.named_by_csv()?;
            if !named.is_empty() {
                dirs = named;
            }
        }
        for dir in dirs {
            let Some(grub) = self.second(&dir)? else { continue };
            let program = self.program(&grub)?;
            // openSUSE has systemd-boot started by shim, under GRUB's name.
            let loaders = if has(&program, SYSTEMD_BOOT) {
                vec![Loader::SystemdBoot(self.mount.to_owned())]
            } else {
                self.grub_configs(&program, &dir)?
            };
            let how = format!("the firmware starts it: shim, which starts {grub}");
            return Ok(Started::new(LinkState::Ok, first, how, loaders));
        }
        let why = format!("it is shim, and there is no {} that it could start", self.seconds().join(" or "));
        Ok(Started::new(LinkState::Broken, first, why, Vec::new()))
    }

    /// Directories under EFI with a `BOOTX64.CSV`.
    fn named_by_csv(&self) -> Result<Vec<String>> {
        let csv = format!("BOOT{}.CSV", self.suffix.to_ascii_uppercase());
        let mut found = Vec::new();
        for dir in self.vendor_dirs()? {
            if self.child(&dir, &csv)?.is_some() || self.child(&dir, "BOOT.CSV")?.is_some() {
                found.push(dir);
            }
        }
        Ok(found)
    }

    fn vendor_dirs(&self) -> Result<Vec<String>> {
        let top = self.seen.guest.list(self.mount)?.unwrap_or_default();
        let Some(efi) = top.iter().find(|n| n.eq_ignore_ascii_case("EFI")) else { return Ok(Vec::new()) };
        let efi = guest::join(self.mount, efi);
        let names = self.seen.guest.list(&efi)?.unwrap_or_default();
        Ok(names.iter().take(MAX_NAMES).map(|n| guest::join(&efi, n)).collect())
    }

    /// Where this GRUB looks for its configuration: a directory that is built in (`/EFI/debian`), else its own, else
    /// others that distributions use. GRUB legacy's is beside it and may have the program's name.
    fn grub_configs(&self, program: &[u8], own: &str) -> Result<Vec<Loader>> {
        let names = built_in(program);
        let built_in = |dir: &&String| names.iter().any(|n| dir.rsplit('/').next() == Some(n));
        let vendors = self.vendor_dirs()?;
        let mut dirs: Vec<String> = vendors.iter().filter(built_in).cloned().collect();
        dirs.push(own.to_owned());
        dirs.extend(["boot/grub2", "boot/grub", "grub"].map(|d| guest::join(self.mount, d)));
        for dir in &dirs {
            if let Some(config) = self.child(dir, "grub.cfg")? {
                return Ok(vec![Loader::Grub2(config)]);
            }
        }
        let named = format!("BOOT{}.conf", self.suffix.to_ascii_uppercase());
        for name in ["grub.conf", &named] {
            if let Some(config) = self.child(own, name)? {
                return Ok(vec![Loader::Grub1(config)]);
            }
        }
        Ok(configured(self.seen))
    }
}

/// Names of directories under EFI that stand in a program.
fn built_in(program: &[u8]) -> Vec<String> {
    const START: &[u8] = b"/EFI/";
    let mut names = Vec::new();
    for at in program.windows(START.len()).enumerate().filter(|(_, w)| *w == START).map(|(at, _)| at) {
        let rest = program.get(at + START.len()..).unwrap_or_default();
        let name: Vec<u8> = rest.iter().copied().take(64).take_while(u8::is_ascii_graphic).collect();
        if rest.get(name.len()) == Some(&0) && names.len() < MAX_NAMES {
            names.push(String::from_utf8_lossy(&name).into_owned());
        }
    }
    names
}

/// Whether `part` is in `whole`.
fn has(whole: &[u8], part: &[u8]) -> bool {
    whole.windows(part.len()).any(|window| window == part)
}
