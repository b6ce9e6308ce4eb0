//! What is done to the throw-away overlays of a boot test before the boot, in one launch of the appliance: a guest
//! without a serial console is given one, and a result that no FIX has looked at is looked at.

use std::path::{Path, PathBuf};

use h2k_config::Policy;
use h2k_fixers::facts::NicHardware;
use h2k_fixers::offline::{Access, Drive, LaunchOptions, Session};
use h2k_fixers::readiness::{self, Link, LinkKind, LinkState, Readiness};
use h2k_fixers::{GuestFacts, GuestMut, linux};

use crate::emit::domain::Domain;
use crate::error::{Doing, Failure};
use crate::keys;
use crate::validate::{self, Prepared};

/// Puts a serial console on every kernel command line in the overlays. Of the `policy` only what opens volumes and
/// chooses the system counts.
///
/// # Errors
/// The appliance failed; a key is not where it is said to be, or opens nothing.
pub fn add(overlays: &[PathBuf], temp: &Path, policy: &Policy) -> Result<Prepared, Failure> {
    let (session, facts) = open(overlays, temp, policy, GuestFacts::default())?;
    Ok(Prepared { console_added: console(session, &facts)?, readiness: None })
}

/// Looks whether the guest in the overlays comes up on `domain`'s hardware; if nothing says that it does not, puts a
/// serial console on every kernel command line.
///
/// # Errors
/// As [`add`].
pub fn look_and_add(
    overlays: &[PathBuf],
    temp: &Path,
    domain: &Domain,
    policy: &Policy,
) -> Result<Prepared, Failure> {
    let mut facts = GuestFacts::default();
    let nic =
        |mac: &str| NicHardware { mac: mac.to_lowercase(), mac_from_source: true, ..NicHardware::default() };
    facts.hardware.nics = domain.nics.iter().map(|n| nic(&n.mac)).collect();
    let (session, mut facts) = open(overlays, temp, policy, facts)?;
    let found = match h2k_fixers::inspect::gather(&session, &mut facts) {
        Ok(()) => readiness::check(&facts, &session, &validate::target(domain)),
        // A guest that cannot be understood may still boot.
        Err(e) => Readiness { links: vec![not_looked_at(&e.to_string())] },
    };
    let console_added = found.stops_the_boot().is_none() && console(session, &facts)?;
    Ok(Prepared { console_added, readiness: Some(found) })
}

fn not_looked_at(why: &str) -> Link {
    Link {
        link: LinkKind::BootLoader,
        subject: "guest".to_owned(),
        state: LinkState::Unknown,
        detail: format!("it could not be looked at: {why}"),
        sender: None,
    }
}

/// An appliance with the overlays, and what was found in them of the system and its bootloader.
fn open(
    overlays: &[PathBuf],
    temp: &Path,
    policy: &Policy,
    mut facts: GuestFacts,
) -> Result<(Session, GuestFacts), Failure> {
    let drives: Vec<Drive> =
        overlays.iter().map(|path| Drive { path: path.clone(), format: "qcow2".to_owned() }).collect();
    let options = LaunchOptions {
        force_tcg: !crate::validate::kvm::proven(),
        cpus: 1,
        temp_dir: Some(temp.to_owned()),
        keys: keys::read(&policy.keys)?,
        root: policy.root.clone(),
    };
    let mut session = Session::launch(&drives, Access::Writable, &options)?;
    session.inspect_boot(&mut facts)?;
    Ok((session, facts))
}

/// Whether a guest has to be given a console to show how it starts.
///
/// # Errors
/// The guest could not be read.
pub fn wanted(session: &Session, facts: &GuestFacts) -> Result<bool, Failure> {
    Ok(facts.is_linux() && !linux::console::edits(facts, session)?.is_empty())
}

/// Whether a console was added.
fn console(mut session: Session, facts: &GuestFacts) -> Result<bool, Failure> {
    if !facts.is_linux() {
        return Ok(false);
    }
    let edits = linux::console::edits(facts, &session)?;
    if edits.is_empty() {
        return Ok(false);
    }
    session.mount_writable()?;
    for edit in &edits {
        session.apply(edit).doing("adding a serial console on the throw-away overlay")?;
    }
    session.shutdown()?;
    Ok(true)
}
