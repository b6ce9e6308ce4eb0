//! `linux.files`: files that the settings copy into the guest.

use h2k_config::Policy;
use h2k_config::customize::CopyIn;

use super::refused;
use crate::guest::FileKind;
use crate::linux::accounts::Accounts;
use crate::linux::text::real_path;
use crate::{
    Change, Content, Edit, Fixer, Guest, GuestFacts, GuestMut, Proposal, Recorder, error::Result, hostfile,
};

const ID: &str = "linux.files";
const NEW_MODE: u32 = 0o644;
/// Files whose content may not stand in a plan.
const SECRET: [&str; 4] = ["/etc/shadow", "/etc/gshadow", "/etc/shadow-", "/etc/gshadow-"];

/// Copies files in.
pub struct Files;

impl Fixer for Files {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "copies in the files that customize names"
    }

    fn explanation(&self) -> &'static str {
        "Each file of customize.files is read on this host and written into the guest. What was there before shows in \
         the plan as a diff; a file that is there already keeps its owner and mode where the settings do not give \
         others. Symbolic links on the way are followed inside the guest. Files up to 8 MiB; missing directories are \
         made, owned by root. What is copied in stands in the plan and the report: it is no way for secrets, and \
         /etc/shadow is refused."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        if !facts.is_linux() {
            return Ok(proposal);
        }
        // A file that is named twice is written twice, the second over the first.
        let mut recorder = Recorder::new(guest);
        for file in &policy.customize.files {
            let step = one(file, &recorder)?;
            for edit in &step.edits {
                recorder.apply(edit)?;
            }
            proposal.concerns.extend(step.concerns);
        }
        proposal.edits = recorder.into_edits();
        Ok(proposal)
    }
}

fn one(file: &CopyIn, guest: &dyn Guest) -> Result<Proposal> {
    let mut proposal = Proposal::default();
    let path = real_path(guest, file.to.as_str())?;
    if SECRET.contains(&path.as_str()) {
        let advice = "make users with customize.users";
        proposal.concerns.push(refused(file.to.as_str(), "its content may not stand in a plan", advice));
        return Ok(proposal);
    }
    let content = hostfile::read(&file.from)?;
    let before = guest.lstat(&path)?;
    if before.is_some_and(|stat| stat.kind != FileKind::File) {
        let message = "something else than a file is there";
        proposal.concerns.push(refused(file.to.as_str(), message, "name another path in customize.files"));
        return Ok(proposal);
    }
    let owner = match &file.owner {
        None => None,
        Some(owner) => match Accounts::read(guest)?.owner(owner.as_str()) {
            Some(ids) => Some(ids),
            None => {
                let message = format!("the guest has no user or no group of {}", owner.as_str());
                let advice = "name others, or make the user with customize.users";
                proposal.concerns.push(refused(file.to.as_str(), message, advice));
                return Ok(proposal);
            }
        },
    };
    let edit = |change| Edit::new(ID, format!("customize.files: {}", file.from.display()), change);
    let mode = file.mode.as_ref().map(h2k_config::customize::Mode::bits);
    let old = if before.is_some() { guest.read(&path)? } else { None };
    if old.as_deref() != Some(&content) {
        proposal.edits.push(edit(Change::Write {
            path: path.clone(),
            before: old.as_deref().map(Content::from_bytes),
            after: Content::from_bytes(&content),
            mode: mode.unwrap_or(NEW_MODE),
        }));
    }
    if let (Some(stat), Some(after)) = (before, mode)
        && stat.mode != after
    {
        proposal.edits.push(edit(Change::Chmod { path: path.clone(), before: stat.mode, after }));
    }
    let now = before.map_or((0, 0), |stat| (stat.uid, stat.gid));
    if let Some(after) = owner.filter(|after| *after != now) {
        proposal.edits.push(edit(Change::Chown { path, before: now, after }));
    }
    Ok(proposal)
}
