//! The files that hold kernel command lines, and their rewriting by kind.

use std::collections::BTreeSet;

use super::arguments::Editor;
use super::grubenv::Broken;
use super::variables::Variables;
use super::{bls, grub_cfg, grub_defaults, grub_legacy, grubenv, kernel_cmdline};
use crate::error;
use crate::facts::BootloaderFacts;
use crate::guest::Guest;
use crate::linux::names::Names;
use crate::linux::text::{TextFile, files_in};

/// How a file holds command lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A `grub.cfg`.
    GrubCfg,
    /// GRUB's environment block.
    GrubEnv,
    /// A file of variables that GRUB loads and never writes.
    GrubVariables,
    /// GRUB legacy's `menu.lst` or `grub.conf`.
    GrubLegacy,
    /// `/etc/default/grub` and other shell files of settings.
    Settings,
    /// A Boot Loader Specification entry.
    Bls,
    /// `/etc/kernel/cmdline`.
    CommandLine,
    /// The configuration of extlinux or syslinux.
    Extlinux,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 8] = [
        Kind::GrubCfg,
        Kind::GrubEnv,
        Kind::GrubVariables,
        Kind::GrubLegacy,
        Kind::Settings,
        Kind::Bls,
        Kind::CommandLine,
        Kind::Extlinux,
    ];
}

/// Generators' settings that are looked for besides the boot loader's files.
const SETTINGS: [&str; 5] = [
    "/etc/default/extlinux",
    "/etc/update-extlinux.conf",
    "/etc/sysconfig/bootloader",
    "/etc/genkernel.conf",
    "/etc/dracut.conf",
];
/// What an administrator adds to grub.cfg: `custom.cfg` is read by it, `40_custom` copied into it.
const CUSTOM: [&str; 3] = ["/boot/grub/custom.cfg", "/boot/grub2/custom.cfg", "/etc/grub.d/40_custom"];
/// Drop-ins of dracut's settings.
const DRACUT: &str = "/etc/dracut.conf.d";

/// Every file that holds command lines, each once, under its real path.
///
/// # Errors
/// The guest could not be read.
pub(super) fn read(boot: &BootloaderFacts, guest: &dyn Guest) -> error::Result<Vec<(Kind, TextFile)>> {
    let mut settings = boot.grub_defaults.clone();
    settings.extend(SETTINGS.map(str::to_owned));
    settings.extend(files_in(guest, DRACUT, ".conf")?);
    let custom = CUSTOM.map(str::to_owned).to_vec();
    let (blocks, variables) = boot.grubenv.iter().cloned().partition(|p| p.ends_with("/grubenv"));
    let lists = [
        (Kind::GrubCfg, &boot.grub_cfg),
        (Kind::GrubCfg, &custom),
        (Kind::GrubEnv, &blocks),
        (Kind::GrubVariables, &variables),
        (Kind::GrubLegacy, &boot.grub_legacy),
        (Kind::Settings, &settings),
        (Kind::Bls, &boot.bls_entries),
        (Kind::CommandLine, &boot.kernel_cmdline),
        (Kind::Extlinux, &boot.extlinux),
    ];
    let mut seen = BTreeSet::new();
    let mut files = Vec::new();
    for (kind, paths) in lists {
        for path in paths {
            let file = TextFile::read(guest, path)?;
            files.extend(file.filter(|f| seen.insert(f.path.clone())).map(|f| (kind, f)));
        }
    }
    Ok(files)
}

/// Takes in the variables that kernel lines use.
pub(super) fn note_variables(files: &[(Kind, TextFile)], variables: &mut Variables) {
    for (kind, file) in files {
        match kind {
            Kind::GrubCfg => variables.of_grub_cfg(&file.text),
            Kind::Bls => variables.of_entry(&file.text),
            _ => {}
        }
    }
}

/// The text with its device names replaced.
///
/// # Errors
/// There is something to replace in an environment block, and it cannot be.
pub(super) fn rewrite_with(kind: Kind, text: &str, editor: &mut Editor<'_>) -> Result<String, Broken> {
    match kind {
        Kind::GrubCfg => Ok(grub_cfg::rewrite(text, editor)),
        Kind::GrubEnv => grubenv::rewrite(text, true, editor),
        Kind::GrubVariables => grubenv::rewrite(text, false, editor),
        Kind::GrubLegacy => Ok(grub_legacy::rewrite(text, editor)),
        Kind::Settings => Ok(grub_defaults::rewrite(text, editor)),
        Kind::Bls => Ok(bls::rewrite(text, "options", editor)),
        Kind::CommandLine => Ok(kernel_cmdline::rewrite(text, editor)),
        Kind::Extlinux => Ok(bls::rewrite(text, "append", editor)),
    }
}

/// The text of a file with its device names replaced; as it is, where it cannot be edited.
pub fn rewrite(kind: Kind, text: &str, names: &Names<'_>) -> String {
    rewrite_with(kind, text, &mut Editor::new(names, false)).unwrap_or_else(|_| text.to_owned())
}
