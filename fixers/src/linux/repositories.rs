//! `linux.vendor-repositories`: package repositories of VMware's tools.

use h2k_config::{Policy, Tools};

use super::text::{TextFile, files_in, lines};
use crate::{Fixer, Guest, GuestFacts, Proposal, error::Result};

#[cfg(test)]
mod tests;

const ID: &str = "linux.vendor-repositories";
const REASON: &str = "it offers VMware's guest tools, which have no place on KVM";
/// Repositories of the tools. Photon's own packages come from the same host under another path.
const TOOLS_URL: &str = "packages.vmware.com/tools";
/// Where dnf, yum and zypper keep repositories.
const REPO_DIRS: [&str; 2] = ["/etc/yum.repos.d", "/etc/zypp/repos.d"];
const APT_LIST: &str = "/etc/apt/sources.list";
const APT_DIR: &str = "/etc/apt/sources.list.d";

/// Disables the vendor's repositories.
pub struct VendorRepositories;

impl Fixer for VendorRepositories {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "disables the package repositories of VMware's tools"
    }

    fn explanation(&self) -> &'static str {
        "VMware offers its tools in repositories of its own (packages.vmware.com/tools). An update would bring the tools \
         back, or fail where the host cannot be reached. Such repositories are disabled: enabled=0 for dnf, yum and \
         zypper, a comment or Enabled: no for apt. Other repositories of VMware (those of Photon) stay. --tools keep \
         leaves them."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        if !facts.is_linux() || policy.tools == Tools::Keep {
            return Ok(proposal);
        }
        let mut rewrite = |path: &str, how: fn(&str) -> String| -> Result<()> {
            if let Some(file) = TextFile::read(guest, path)?.filter(|f| f.text.contains(TOOLS_URL)) {
                proposal.edits.extend(file.edit(ID, &how(&file.text), REASON));
            }
            Ok(())
        };
        for dir in REPO_DIRS {
            for path in files_in(guest, dir, ".repo")? {
                rewrite(&path, ini)?;
            }
        }
        rewrite(APT_LIST, one_line)?;
        for path in files_in(guest, APT_DIR, ".list")? {
            rewrite(&path, one_line)?;
        }
        for path in files_in(guest, APT_DIR, ".sources")? {
            rewrite(&path, deb822)?;
        }
        Ok(proposal)
    }
}

/// `enabled=0` in each section that is one of the tools.
fn ini(text: &str) -> String {
    let mut sections: Vec<Vec<&str>> = vec![Vec::new()];
    for (_, line) in lines(text) {
        if line.trim_start().starts_with('[') {
            sections.push(Vec::new());
        }
        if let Some(section) = sections.last_mut() {
            section.push(line);
        }
    }
    sections.iter().map(|section| disabled(section, "enabled", "=", "0")).collect()
}

/// `Enabled: no` in each stanza that is one of the tools (sources.list(5)).
fn deb822(text: &str) -> String {
    let mut stanzas: Vec<Vec<&str>> = vec![Vec::new()];
    for (_, line) in lines(text) {
        if let Some(stanza) = stanzas.last_mut() {
            stanza.push(line);
        }
        if line.trim().is_empty() {
            stanzas.push(Vec::new());
        }
    }
    stanzas.iter().map(|stanza| disabled(stanza, "Enabled", ": ", "no")).collect()
}

/// The lines with `key` set, behind the first of them that has something, if they are about the tools.
fn disabled(part: &[&str], key: &str, sign: &str, value: &str) -> String {
    let is_comment = |line: &str| line.trim_start().starts_with(['#', ';']);
    if !part.iter().any(|line| line.contains(TOOLS_URL) && !is_comment(line)) {
        return part.concat();
    }
    let separator = sign.trim();
    let sets = |line: &str| {
        line.split_once(separator).is_some_and(|(name, _)| name.trim().eq_ignore_ascii_case(key))
    };
    let setting = format!("{key}{sign}{value}\n");
    if part.iter().any(|line| sets(line)) {
        return part.iter().map(|line| if sets(line) { setting.as_str() } else { *line }).collect();
    }
    let first = part.iter().position(|line| !line.trim().is_empty() && !is_comment(line)).unwrap_or(0);
    let mut out = String::new();
    for (index, line) in part.iter().enumerate() {
        out.push_str(line);
        if index == first {
            if !line.ends_with('\n') {
                out.push('\n');
            }
            out.push_str(&setting);
        }
    }
    out
}

/// Lines about the tools become comments.
fn one_line(text: &str) -> String {
    let ours = |line: &str| line.contains(TOOLS_URL) && !line.trim_start().starts_with('#');
    lines(text).map(|(_, line)| if ours(line) { format!("# {line}") } else { line.to_owned() }).collect()
}
