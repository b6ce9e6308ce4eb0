//! What the virtio fixers have in common: where drivers come from, and what is said where there are none.

use h2k_config::Policy;

use super::drivers::{DriverSource, MICROSOFT_SIGNS, Package, Role, Warning};
use super::target::{Arch, WindowsTarget};
use crate::concern::{Concern, Severity};

/// Drivers for a guest.
pub(super) struct Virtio {
    source: DriverSource,
    target: WindowsTarget,
    /// Whether the target starts with Secure Boot.
    secure_boot: bool,
}

impl Virtio {
    /// Opens what the user gave, or what lies where distributions put it. `Ok(None)` if there is nothing; the concern of
    /// a source that cannot be used.
    pub(super) fn open(
        policy: &Policy,
        target: WindowsTarget,
        secure_boot: bool,
    ) -> Result<Option<Self>, Box<Concern>> {
        let opened = match &policy.virtio_win {
            Some(path) => DriverSource::open(path).map(Some),
            None => DriverSource::usual(),
        };
        match opened {
            Ok(source) => Ok(source.map(|source| Self { source, target, secure_boot })),
            Err(error) => Err(Box::new(Concern::new(
                "windows.virtio-win.unusable",
                Severity::Critical,
                policy.virtio_win.as_ref().map_or("virtio-win".to_owned(), |p| p.display().to_string()),
                format!("the virtio drivers cannot be read: {}", chain(&error)),
                "give the ISO image or directory of virtio-win with --virtio-win",
            ))),
        }
    }

    /// The package for a role. Concerns tell what is wrong with it, or why there is none.
    pub(super) fn find(&self, role: Role, needed: bool) -> (Option<Package>, Vec<Concern>) {
        match self.source.find(&self.target, role) {
            Ok(Some(package)) if needed && package.service.is_none() => {
                let why = format!("{}/{} gives the device none", package.directory, package.inf_name);
                (None, vec![broken(role, &why, needed)])
            }
            Ok(Some(package)) => {
                let concerns =
                    package.warnings.iter().filter_map(|w| self.doubt(&package, w, needed)).collect();
                (Some(package), concerns)
            }
            Ok(None) if needed => (None, vec![self.missing(role)]),
            Ok(None) => (None, Vec::new()),
            Err(error) => (None, vec![broken(role, &chain(&error), needed)]),
        }
    }

    /// What the user should know of a package that is used.
    fn doubt(&self, package: &Package, warning: &Warning, needed: bool) -> Option<Concern> {
        let vendor = self.weight_of_vendor(package.role, needed);
        let (severity, message) = match warning {
            Warning::OlderDirectory { dir } => (
                Severity::Information,
                format!("virtio-win has no directory for this Windows; the driver is the one for {dir}"),
            ),
            Warning::Unsigned { what } => (weight(needed), format!("the driver is not signed: {what}")),
            Warning::TestSigned { signer } => (
                weight(needed),
                format!("the driver is signed for tests only (by {signer}): Windows does not load it"),
            ),
            Warning::VendorSigned { signer } => (
                vendor,
                format!("the driver is signed by {signer} alone, whom 64-bit Windows knows only if told to"),
            ),
            Warning::CrossSigned { signer } => (
                vendor,
                format!(
                    "the driver is signed by {signer}, not by Microsoft: with Secure Boot, Windows since 10 1607 and Server \
                     2016 does not load it"
                ),
            ),
            Warning::NeedsSha256 { file } => (
                weight(needed),
                format!(
                    "{file} is signed with SHA-256, which this Windows does not take without update KB3033929"
                ),
            ),
            Warning::ListedFileMissing(_) | Warning::UnnamedDirectory | Warning::Inf(_) => return None,
        };
        Some(Concern::new(
            "windows.virtio-win.signature",
            severity,
            format!("{}/{}", package.directory, package.inf_name),
            message,
            "take a virtio-win that is signed for this Windows, or install the update in the guest before the migration",
        ))
    }

    /// How grave it is that a vendor has signed, not Microsoft. 32-bit Windows does not ask; what Windows makes of the
    /// certificate cannot be told from outside, but with Secure Boot it takes none.
    fn weight_of_vendor(&self, role: Role, needed: bool) -> Severity {
        let boot = needed && matches!(role, Role::Blk | Role::Scsi);
        let refused = self.secure_boot && self.target.build >= MICROSOFT_SIGNS;
        match (boot, refused) {
            (true, true) => Severity::Critical,
            (true, false) if self.target.arch != Arch::X86 => Severity::Warning,
            (false, true) if needed => Severity::Warning,
            _ => Severity::Information,
        }
    }

    fn missing(&self, role: Role) -> Concern {
        let has = self.source.directories(role);
        let has = if has.is_empty() { "none at all".to_owned() } else { has.join(", ") };
        Concern::new(
            "windows.virtio-win.lacks",
            Severity::Critical,
            role.to_string(),
            format!("{} has no {role} driver for {} (it has {has})", self.source.place(), self.target),
            "take a virtio-win that has drivers for this Windows; accepted, the guest gets hardware that Windows has \
             drivers for itself, which is slower",
        )
    }
}

fn broken(role: Role, why: &str, needed: bool) -> Concern {
    let severity = if needed { Severity::Critical } else { Severity::Warning };
    Concern::new(
        "windows.virtio-win.broken",
        severity,
        role.to_string(),
        format!("the {role} driver for this Windows cannot be used: {why}"),
        "take another virtio-win: this one is damaged or incomplete",
    )
}

/// A disk's driver that Windows refuses keeps it from booting.
fn weight(needed: bool) -> Severity {
    if needed { Severity::Critical } else { Severity::Warning }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
