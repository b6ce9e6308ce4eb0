//! `linux.selinux`: labels of the files that the other edits create.

use h2k_config::Policy;

use super::text::TextFile;
use crate::facts::GuestFacts;
use crate::guest::FileKind;
use crate::{Change, Edit, Fixer, Guest, Proposal, error::Result};

mod contexts;

#[cfg(test)]
mod tests;

use contexts::{Contexts, Found};

const ID: &str = "linux.selinux";
const CONFIG: &str = "/etc/selinux/config";
const AUTORELABEL: &str = "/.autorelabel";
/// File systems that keep no label per file.
const UNLABELLED: [&str; 5] = ["vfat", "exfat", "ntfs", "iso9660", "squashfs"];

/// Labels what the other fixers create.
pub struct SeLinux;

impl Fixer for SeLinux {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "gives new files the SELinux labels of the guest's own policy"
    }

    fn explanation(&self) -> &'static str {
        "A file without a label may be out of reach for the services of a guest with SELinux. A file that h2k changes \
         keeps its label, since it is written in place. Each file, directory and link that an edit creates gets the \
         label that the guest's own policy has for its path (file_contexts in /etc/selinux), computed by h2k and set \
         offline; nothing of the guest runs and the rest of the guest is not relabelled. Only where the policy's files \
         cannot be understood, /.autorelabel is made instead, by which the guest relabels itself at its first boot. A \
         guest whose SELinux is disabled, and AppArmor, are left alone."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, _: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        let created = guest.created();
        if !facts.is_linux() || created.is_empty() {
            return Ok(proposal);
        }
        let Some(policy) = policy_type(guest)? else { return Ok(proposal) };
        match labels(facts, guest, &policy, &created)? {
            Some(edits) => proposal.edits = edits,
            None if guest.exists(AUTORELABEL)? => {}
            None => {
                let reason = format!("the labels of the SELinux policy {policy} cannot be told offline");
                proposal.edits.push(Edit::create(ID, AUTORELABEL, "", 0o644, reason));
            }
        }
        Ok(proposal)
    }
}

/// Name of the policy, if SELinux is not disabled (selinux_config(5)).
fn policy_type(guest: &dyn Guest) -> Result<Option<String>> {
    let Some(file) = TextFile::read(guest, CONFIG)? else { return Ok(None) };
    let value = |key: &str| {
        let mut values =
            file.text.lines().filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
        values.next_back().map(|v| v.trim().to_owned())
    };
    let on = value("SELINUX").is_some_and(|v| v == "enforcing" || v == "permissive");
    let name = value("SELINUXTYPE").unwrap_or_default();
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    Ok(on.then_some(if plain { name } else { "targeted".to_owned() }))
}

/// Labels of what is created; `None` if one cannot be told.
fn labels(
    facts: &GuestFacts,
    guest: &dyn Guest,
    policy: &str,
    created: &[(String, bool)],
) -> Result<Option<Vec<Edit>>> {
    let Some(contexts) = Contexts::read(guest, policy)? else { return Ok(None) };
    let mut edits: Vec<Edit> = Vec::new();
    for (path, _) in created.iter().filter(|(path, _)| keeps_labels(facts, path)) {
        // What a program may create is a file.
        let kind = guest.lstat(path)?.map_or(FileKind::File, |stat| stat.kind);
        let label = match contexts.find(path, kind) {
            Found::Label(label) => label,
            Found::None => continue,
            Found::Unknown => return Ok(None),
        };
        let planned = edits.iter().any(|edit| edit.paths() == [path]);
        if !planned && guest.label(path)?.as_ref() != Some(&label) {
            let change = Change::Label { path: path.clone(), label };
            edits.push(Edit::new(ID, format!("the SELinux policy {policy} has this label for it"), change));
        }
    }
    Ok(Some(edits))
}

fn keeps_labels(facts: &GuestFacts, path: &str) -> bool {
    let holds = |point: &str| {
        point == "/" || path == point || path.strip_prefix(point).is_some_and(|rest| rest.starts_with('/'))
    };
    let mount = facts.mounts.iter().filter(|m| holds(&m.mountpoint)).max_by_key(|m| m.mountpoint.len());
    let device = mount.and_then(|m| facts.block.iter().find(|b| b.name == m.device));
    !device.is_some_and(|d| UNLABELLED.contains(&d.fstype.as_str()))
}
