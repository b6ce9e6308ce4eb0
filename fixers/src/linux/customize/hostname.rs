//! `linux.hostname`: the host name that the settings ask for.

use h2k_config::Policy;

use crate::linux::text::{TextFile, lines};
use crate::{Edit, Fixer, Guest, GuestFacts, Proposal, error::Result};

const ID: &str = "linux.hostname";
const FILE: &str = "/etc/hostname";
const HOSTS: &str = "/etc/hosts";
/// Old places: SUSE's file, and the assignments of Red Hat (sysconfig(5)) and of OpenRC.
const SUSE: &str = "/etc/HOSTNAME";
const ASSIGNMENTS: [(&str, &str); 2] =
    [("/etc/sysconfig/network", "HOSTNAME"), ("/etc/conf.d/hostname", "hostname")];

/// Sets the host name.
pub struct HostName;

impl Fixer for HostName {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "sets the host name that customize asks for"
    }

    fn explanation(&self) -> &'static str {
        "With customize.hostname in the settings the guest gets that name: in /etc/hostname, in the older places where \
         the guest has them (/etc/HOSTNAME, HOSTNAME= in /etc/sysconfig/network, hostname= in /etc/conf.d/hostname), and \
         in place of the old name on the loopback lines of /etc/hosts. Nothing is done without the setting."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        let Some(wanted) = policy.customize.hostname.as_ref().filter(|_| facts.is_linux()) else {
            return Ok(proposal);
        };
        let name = wanted.as_str();
        let reason = "customize.hostname";
        let before = TextFile::read(guest, FILE)?;
        let old = before.as_ref().map_or_else(
            || facts.system().map(|s| s.hostname.clone()).unwrap_or_default(),
            |file| file.text.trim().to_owned(),
        );
        let mut elsewhere = false;
        for (path, key) in ASSIGNMENTS {
            let Some(file) = TextFile::read(guest, path)? else { continue };
            let (text, found) = assigned(&file.text, key, name);
            elsewhere |= found;
            proposal.edits.extend(file.edit(ID, &text, reason));
        }
        if let Some(file) = TextFile::read(guest, SUSE)?.filter(|file| file.path != FILE) {
            elsewhere = true;
            proposal.edits.extend(file.edit(ID, &format!("{name}\n"), reason));
        }
        match before {
            Some(file) => proposal.edits.extend(file.edit(ID, &format!("{name}\n"), reason)),
            None if !elsewhere => {
                proposal.edits.push(Edit::create(ID, FILE, &format!("{name}\n"), 0o644, reason));
            }
            None => {}
        }
        if let Some(file) = TextFile::read(guest, HOSTS)? {
            proposal.edits.extend(file.edit(ID, &hosts(&file.text, &old, name), reason));
        }
        Ok(proposal)
    }
}

/// `text` with `key` assigned, and whether it has such an assignment.
fn assigned(text: &str, key: &str, value: &str) -> (String, bool) {
    let mut found = false;
    let out = lines(text)
        .map(|(_, line)| {
            if line.trim_start().strip_prefix(key).is_none_or(|rest| !rest.starts_with('=')) {
                return line.to_owned();
            }
            found = true;
            format!("{key}=\"{value}\"\n")
        })
        .collect();
    (out, found)
}

/// The old name's words on the lines of loopback addresses become the new name's.
fn hosts(text: &str, old: &str, name: &str) -> String {
    let short = |full: &str| full.split('.').next().unwrap_or_default().to_owned();
    let old_short = short(old);
    let is_old = |word: &str| word == old || (word.split('.').next() == Some(&old_short));
    if old.is_empty() || old == name || old_short == "localhost" {
        return text.to_owned();
    }
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let loopback = words.next().is_some_and(|a| a.starts_with("127.") || a == "::1");
        if !loopback || !words.any(is_old) {
            return line.to_owned();
        }
        let mut kept: Vec<String> =
            line.split_whitespace().filter(|word| !is_old(word)).map(str::to_owned).collect();
        let mut new = vec![name.to_owned()];
        if short(name) != name {
            new.push(short(name));
        }
        kept.splice(1..1, new);
        format!("{}\n", kept.join("\t"))
    };
    lines(text).map(|(_, l)| if l.trim_start().starts_with('#') { l.to_owned() } else { line(l) }).collect()
}
