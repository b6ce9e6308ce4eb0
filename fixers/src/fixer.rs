//! A repair: it looks, proposes edits, and proposes none once they are made.

use h2k_config::Policy;

use crate::concern::Concern;
use crate::edit::Edit;
use crate::error::Result;
use crate::facts::GuestFacts;
use crate::guest::Guest;

/// What a fixer wants changed, and what it wants the user to know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proposal {
    /// Edits in the order in which they are to be made.
    pub edits: Vec<Edit>,
    /// What the fixer could not settle by itself.
    pub concerns: Vec<Concern>,
}

/// One repair. Pure and idempotent: reading only, and no edits on a guest that needs none.
pub trait Fixer: Sync {
    /// Stable id, `linux.fstab`.
    fn id(&self) -> &'static str;

    /// What it repairs, one line.
    fn summary(&self) -> &'static str;

    /// Why it exists and what it does, for `h2k fixers` and the manual; a paragraph.
    fn explanation(&self) -> &'static str;

    /// What it would change in this guest.
    ///
    /// # Errors
    /// The guest could not be read, or a file of it is beyond what can be understood.
    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal>;
}
