//! The guest's package manager: what it has installed, and how it removes packages offline.

use std::collections::BTreeSet;

use crate::error::{GuestError, Result};
use crate::{Edit, Guest};

pub(crate) mod dpkg;
mod effects;
pub(crate) mod rpm;

use dpkg::Dpkg;
use rpm::Rpm;

/// A package manager with its database.
#[derive(Debug)]
pub(crate) enum Manager {
    /// Debian's.
    Dpkg(Dpkg),
    /// Red Hat's and SUSE's.
    Rpm(Rpm),
}

impl Manager {
    /// Reads the database of the guest's package manager, or says why there is none to work with.
    ///
    /// # Errors
    /// The guest could not be read.
    pub fn read(guest: &dyn Guest) -> Result<std::result::Result<Self, String>> {
        if let Some(dpkg) = Dpkg::read(guest)? {
            return Ok(Ok(Self::Dpkg(dpkg)));
        }
        Ok(match Rpm::read(guest) {
            Ok(Some(rpm)) => Ok(Self::Rpm(rpm)),
            Ok(None) => Err("the guest has neither dpkg nor rpm".to_owned()),
            Err(error @ (GuestError::Malformed { .. } | GuestError::TooLarge { .. })) => {
                Err(error.to_string())
            }
            Err(error) => return Err(error),
        })
    }

    /// Whether a package of that name is installed.
    pub fn has(&self, name: &str) -> bool {
        match self {
            Self::Dpkg(dpkg) => dpkg.installed.iter().any(|p| p.name == name),
            Self::Rpm(rpm) => rpm.has(name),
        }
    }

    /// Installed packages that could not stay without `gone`, and which of these each needs.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn dependents(&self, gone: &[String]) -> Result<Vec<(String, String)>> {
        match self {
            Self::Dpkg(dpkg) => Ok(dpkg.dependents(gone)),
            Self::Rpm(rpm) => rpm.dependents(gone),
        }
    }

    /// Edits that remove installed packages. Their configuration files stay where somebody changed them.
    ///
    /// # Errors
    /// The guest could not be read.
    pub fn remove(
        &self,
        guest: &dyn Guest,
        fixer: &str,
        reason: &str,
        packages: &[String],
    ) -> Result<Vec<Edit>> {
        match self {
            Self::Rpm(rpm) => Ok(vec![rpm.remove(guest, fixer, reason, packages)?]),
            Self::Dpkg(dpkg) => {
                let mut changes = BTreeSet::new();
                for package in packages {
                    changes.extend(dpkg.removes(guest, package)?);
                }
                let arguments =
                    std::iter::once("--remove".to_owned()).chain(packages.iter().cloned()).collect();
                dpkg::run(guest, fixer, reason, arguments, changes)
            }
        }
    }
}
