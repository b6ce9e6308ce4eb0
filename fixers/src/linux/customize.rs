//! What the administrator wants besides the repairs: the section `customize` of the settings, a fixer for each kind.

use crate::{Concern, Severity};

pub mod files;
pub mod first_boot;
pub mod hostname;
pub mod units;
pub mod users;

#[cfg(test)]
mod tests;

/// What was asked for cannot be done.
fn refused(what: &str, message: impl Into<String>, advice: &str) -> Concern {
    Concern::new("customize.impossible", Severity::Critical, what, message, advice)
}
