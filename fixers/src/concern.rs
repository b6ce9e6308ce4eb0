//! Something that the user should know before anything is touched.

use serde::{Deserialize, Serialize};

/// How much a concern weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Information,
    /// The VM is migrated, but something needs a look.
    Warning,
    /// The plan is not ready: `migrate` refuses.
    Critical,
}

/// A finding of PLAN. Ids are stable: users refer to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concern {
    /// Stable id, `area.finding` (`source.suspended`).
    pub id: String,
    /// Weight.
    pub severity: Severity,
    /// What it is about (`disk 0`, `/etc/fstab line 3`).
    pub subject: String,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub advice: String,
    /// Why the user accepts it, if so; a critical one is a warning then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
}

impl Concern {
    /// A concern from its parts.
    pub fn new(
        id: &str,
        severity: Severity,
        subject: impl Into<String>,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            id: id.to_owned(),
            severity,
            subject: subject.into(),
            message: message.into(),
            advice: advice.into(),
            accepted: None,
        }
    }
}

/// What is known of a concern's id: what `h2k rules` and the manual tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// Stable id.
    pub id: &'static str,
    /// Greatest weight that it has.
    pub severity: Severity,
    /// What was found, one line.
    pub summary: &'static str,
    /// Why it matters, and what h2k does about it; a few sentences.
    pub explanation: &'static str,
    /// What to do about it.
    pub advice: &'static str,
    /// Whether the user may accept it. Not where the result would be wrong by construction.
    pub acceptable: bool,
}
