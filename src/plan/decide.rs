//! Makes the plan: target, edits, forecast, concerns. The only place that decides.

use h2k_config::Policy;
use h2k_fixers::registry::FIXERS;
use h2k_fixers::{Concern, Edit, Guest, GuestFacts, GuestMut, Recorder};
use h2k_transports::SourceVm;

use super::forecast::forecast;
use super::host::HostFacts;
use super::rules::{self, Seen, Space, others};
use super::target::Drivers;
use super::{Plan, target};
use crate::emit::check::check;
use crate::emit::domain::Domain;
use crate::error::{Doing, Failure};
use crate::stages::flatten::FlatDisk;

/// What PLAN decides from.
pub struct Basis<'a> {
    /// Name on the target.
    pub name: &'a str,
    /// What the hypervisor says.
    pub source: &'a SourceVm,
    /// What the disks say.
    pub facts: &'a GuestFacts,
    /// What the user wants.
    pub policy: &'a Policy,
    /// Virtual size of each disk in bytes.
    pub sizes: &'a [u64],
    /// Bytes of data in each disk's image.
    pub allocated: &'a [u64],
    /// The disks' images.
    pub disks: &'a [FlatDisk],
    /// Bytes that FETCH unpacked.
    pub unpacked: u64,
    /// Digest of the source's files.
    pub source_digest: &'a str,
    /// Where the result goes, if that is known.
    pub output: Option<Space>,
    /// The host that the result is made on.
    pub host: &'a HostFacts,
}

/// Decides everything.
///
/// # Errors
/// A fixer could not read the guest: what it would change is then unknown, and there is no plan.
pub fn decide(basis: &Basis<'_>, guest: Option<&dyn Guest>) -> Result<Plan, Failure> {
    let facts = &target::with_macs(basis.facts, basis.policy);
    let Proposed { edits, mut concerns, drivers } = match guest {
        Some(guest) if facts.system().is_some() => propose(facts, guest, basis.policy)?,
        _ => Proposed::default(),
    };
    let (name, source, policy, drivers) = (basis.name, basis.source, basis.policy, drivers.as_ref());
    let target = target::target(name, source, facts, policy, basis.sizes, drivers);
    let forecast = forecast(basis.sizes, basis.allocated, basis.unpacked, facts, &edits);
    let seen = Seen {
        source: basis.source,
        disks: basis.disks,
        facts,
        policy: basis.policy,
        target: &target,
        forecast: &forecast,
        output: basis.output.clone(),
        host: basis.host,
        drivers,
        edits: &edits,
    };
    concerns.extend(rules::check(&seen));
    concerns.extend(rules::user::check(&seen));
    concerns.extend(unknown_fixers(basis.policy));
    concerns.extend(unfit(&target));
    rules::weigh::weigh(&mut concerns, basis.policy);
    concerns.sort_by(|a, b| (b.severity, &a.id, &a.subject).cmp(&(a.severity, &b.id, &b.subject)));
    Ok(Plan {
        name: basis.name.to_owned(),
        source: basis.source.clone(),
        facts: facts.clone(),
        target,
        edits,
        concerns,
        forecast,
        source_digest: basis.source_digest.to_owned(),
    })
}

/// What the fixers propose, and what it comes to.
#[derive(Debug, Default)]
pub struct Proposed {
    /// Every change, in order.
    pub edits: Vec<Edit>,
    /// What the fixers could not settle by themselves.
    pub concerns: Vec<Concern>,
    /// The drivers that a Windows guest has after the edits.
    pub drivers: Option<Drivers>,
}

/// What all fixers would change, each seeing what those before it propose.
///
/// # Errors
/// A fixer could not read the guest.
pub fn propose(facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposed, Failure> {
    let mut recorder = Recorder::new(guest);
    let mut concerns = Vec::new();
    for fixer in FIXERS.iter().filter(|f| !policy.skip_fixers.iter().any(|id| id == f.id())) {
        let proposal = fixer.plan(facts, &recorder, policy).doing(format!("planning {}", fixer.id()))?;
        for edit in &proposal.edits {
            recorder.apply(edit).doing(format!("planning {}", fixer.id()))?;
        }
        concerns.extend(proposal.concerns);
    }
    let drivers = Drivers::of(facts, &recorder).doing("looking which drivers the guest will have")?;
    Ok(Proposed { edits: recorder.into_edits(), concerns, drivers })
}

/// A target that libvirt would refuse is found now, not after the copy.
fn unfit(target: &Domain) -> Option<Concern> {
    let error = check(target).err()?;
    Some(others::concern("target.unfit", &target.name, error.to_string()))
}

fn unknown_fixers(policy: &Policy) -> impl Iterator<Item = Concern> {
    let known = |id: &String| FIXERS.iter().any(|f| f.id() == id);
    let unknown = policy.skip_fixers.iter().filter(move |id| !known(id));
    unknown.map(|id| others::concern("policy.unknown-fixer", id, "no fixer of this name exists"))
}
