//! Whether this host has what h2k needs: a registry of small checks. Each looks at one thing and says how to mend it.

mod firmware;
pub mod host;
mod libguestfs;
mod place;
mod programs;
pub mod text;
mod version;

use serde::Serialize;

pub use host::{Host, ThisHost};

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// All is well.
    Ok,
    /// Some VMs, or some of what h2k does, are concerned.
    Warn,
    /// h2k cannot work.
    Fail,
}

impl Health {
    /// Name as users read it.
    pub fn name(self) -> &'static str {
        match self {
            Health::Ok => "ok",
            Health::Warn => "warn",
            Health::Fail => "fail",
        }
    }
}

/// Names of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Packages {
    /// Debian and Ubuntu.
    pub debian: &'static str,
    /// Fedora and RHEL.
    pub fedora: &'static str,
    /// SUSE.
    pub suse: &'static str,
}

/// What a check found, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How it stands.
    pub health: Health,
    /// What was found, and what it means.
    pub message: String,
    /// What a program said about it, on one line; empty where nothing was said.
    pub detail: String,
    /// What to do; empty where nothing is to be done, or installing says it all.
    pub advice: String,
    /// What to install.
    pub packages: Option<Packages>,
}

impl Finding {
    /// All is well.
    pub fn ok(message: impl Into<String>) -> Self {
        Self::new(Health::Ok, message)
    }

    /// Some VMs are concerned.
    pub fn warn(message: impl Into<String>) -> Self {
        Self::new(Health::Warn, message)
    }

    /// h2k cannot work.
    pub fn fail(message: impl Into<String>) -> Self {
        Self::new(Health::Fail, message)
    }

    fn new(health: Health, message: impl Into<String>) -> Self {
        Self {
            health,
            message: one_line(&message.into()),
            detail: String::new(),
            advice: String::new(),
            packages: None,
        }
    }

    /// With what a program said about it.
    #[must_use]
    pub fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: one_line(&detail.into()), ..self }
    }

    /// With what to do.
    #[must_use]
    pub fn advice(self, advice: impl Into<String>) -> Self {
        Self { advice: advice.into(), ..self }
    }

    /// With what to install.
    #[must_use]
    pub fn install(self, packages: Packages) -> Self {
        Self { packages: Some(packages), ..self }
    }
}

/// What programs say may have several lines; a finding has a row of a table.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A check.
pub struct Check {
    /// Stable id.
    pub id: &'static str,
    /// What is looked at.
    pub title: &'static str,
    /// Looks.
    pub look: fn(&dyn Host) -> Finding,
}

/// Every check, in the order in which they are told.
pub static CHECKS: &[Check] = &[
    Check { id: "kvm", title: "KVM", look: programs::kvm },
    Check { id: "qemu", title: "QEMU", look: programs::qemu },
    Check { id: "qemu-img", title: "qemu-img", look: programs::qemu_img },
    Check { id: "libguestfs", title: "libguestfs", look: libguestfs::library },
    Check { id: "supermin", title: "supermin", look: libguestfs::supermin },
    Check { id: "appliance-kernel", title: "appliance kernel", look: libguestfs::kernel },
    Check { id: "appliance-xfs", title: "XFS in the appliance", look: libguestfs::xfs },
    Check { id: "appliance-ntfs", title: "NTFS in the appliance", look: libguestfs::ntfs },
    Check { id: "ovmf", title: "UEFI firmware", look: firmware::plain },
    Check { id: "secure-boot", title: "Secure Boot firmware", look: firmware::secure },
    Check { id: "swtpm", title: "TPM emulator", look: programs::swtpm },
    Check { id: "virt-xml-validate", title: "libvirt schemas", look: programs::schemas },
    Check { id: "temp", title: "temporary files", look: place::temporary },
    Check { id: "output", title: "output", look: place::output },
    Check { id: "memory", title: "memory", look: place::memory },
];

/// A check and what it found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The check's id.
    pub id: &'static str,
    /// What was looked at.
    pub title: &'static str,
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
}

/// Runs every check.
pub fn examine(host: &dyn Host) -> Vec<Checked> {
    CHECKS
        .iter()
        .map(|check| Checked { id: check.id, title: check.title, finding: (check.look)(host) })
        .collect()
}

#[cfg(test)]
mod tests;
