//! Installs the agent from packages that the user gives, offline.

use std::collections::BTreeSet;
use std::path::Path;

use super::{AGENT, ID};
use crate::edit::Content;
use crate::error::Result;
use crate::facts::{GuestFacts, SystemFacts};
use crate::guest::Guest;
use crate::linux::manager::Manager;
use crate::linux::manager::dpkg::{self, Dpkg};
use crate::linux::manager::rpm::Rpm;
use crate::packages::{Format, Package, version};
use crate::{Change, Concern, Edit, Proposal, Severity, hostfile};

/// Where packages lie in the guest while they are installed.
const PLACE: &str = "/var/tmp";
const REASON: &str = "the guest has no QEMU guest agent, and --agent-packages has one that fits";
const SYSTEMCTL: &str = "/usr/bin/systemctl";
/// Packages that are looked at on the way from one to what it needs.
const MAX_CLOSURE: usize = 100;

/// Edits that install the agent, or why none of the packages can be.
///
/// # Errors
/// The guest or a package could not be read.
pub(super) fn install(facts: &GuestFacts, guest: &dyn Guest, dir: &Path) -> Result<Proposal> {
    let mut proposal = Proposal::default();
    let mut all = Vec::new();
    for file in hostfile::packages(dir)? {
        all.push(Package::read(&file)?);
    }
    let system = facts.system().cloned().unwrap_or_default();
    let manager = Manager::read(guest)?;
    let chosen = match &manager {
        Ok(Manager::Dpkg(database)) => choose_deb(&all, &system, database),
        Ok(Manager::Rpm(rpm)) => choose_rpm(&all, &system, rpm)?,
        Err(why) => Err(why.clone()),
    };
    match chosen {
        Ok(packages) => proposal.edits = edits(guest, manager.as_ref().ok(), &packages)?,
        Err(why) => proposal.concerns.push(Concern::new(
            "guest.agent.no-package",
            Severity::Warning,
            AGENT,
            format!("no package of {} can be installed: {why}", dir.display()),
            "put the agent's package for this distribution and release, and those that it needs, into the directory",
        )),
    }
    Ok(proposal)
}

type Choice<'p> = std::result::Result<Vec<&'p Package>, String>;

/// The newest agent whose needs can all be met, with what meets them.
fn choose_deb<'p>(all: &'p [Package], system: &SystemFacts, database: &Dpkg) -> Choice<'p> {
    let arch = match system.arch.as_str() {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let fit: Vec<&Package> =
        all.iter().filter(|p| p.format == Format::Deb && (p.arch == arch || p.arch == "all")).collect();
    let mut agents: Vec<&&Package> = fit.iter().filter(|p| p.name == AGENT).collect();
    agents.sort_by(|a, b| version::compare(&b.version, &a.version));
    let mut why = format!("there is no {AGENT} for {arch} among them");
    for agent in agents {
        match closure(agent, &fit, database) {
            Ok(packages) => return Ok(packages),
            Err(missing) => why = format!("{AGENT} {} needs {missing}", agent.version),
        }
    }
    Err(why)
}

fn closure<'p>(agent: &'p Package, fit: &[&'p Package], database: &Dpkg) -> Choice<'p> {
    let mut chosen = vec![agent];
    let mut at = 0;
    while let Some(package) = chosen.get(at).copied() {
        for clause in &package.needs {
            if database.satisfied(clause, &chosen) {
                continue;
            }
            // A package that is installed already is not exchanged for another version: others may need it.
            let candidate = fit.iter().find(|p| {
                let known = database.installed.iter().any(|i| i.name == p.name);
                !known && Dpkg { installed: Vec::new() }.satisfied(clause, &[p])
            });
            match candidate {
                Some(more) if chosen.len() < MAX_CLOSURE => chosen.push(more),
                _ => return Err(clause.clone()),
            }
        }
        at += 1;
    }
    Ok(chosen)
}

/// The agent built for this distribution's release, with what meets its needs. Versions of needs are not compared, and
/// needs with conditions are left to rpm.
fn choose_rpm<'p>(all: &'p [Package], system: &SystemFacts, rpm: &Rpm) -> Result<Choice<'p>> {
    let tag = match system.distro.as_str() {
        "fedora" => format!(".fc{}", system.major),
        "amzn" => ".amzn".to_owned(),
        "sles" | "opensuse" | "photon" => String::new(),
        _ => format!(".el{}", system.major),
    };
    let fits = |p: &&Package| {
        let foreign = [".el", ".fc", ".amzn"].iter().any(|t| p.version.contains(t));
        let release = if tag.is_empty() { !foreign } else { has_tag(&p.version, &tag) };
        p.format == Format::Rpm && (p.arch == system.arch || p.arch == "noarch") && release
    };
    let fit: Vec<&Package> = all.iter().filter(fits).collect();
    let Some(agent) = fit.iter().find(|p| p.name == AGENT) else {
        let release = if tag.is_empty() { system.distro.clone() } else { tag };
        return Ok(Err(format!("there is no {AGENT} for {release} and {} among them", system.arch)));
    };
    let all = fit.iter().flat_map(|p| &p.needs).filter(|n| !n.starts_with("rpmlib(") && !n.starts_with('('));
    let missing = rpm.missing(all.cloned().collect())?;
    let mut chosen = vec![*agent];
    let mut at = 0;
    while let Some(package) = chosen.get(at).copied() {
        for need in package.needs.iter().filter(|need| missing.contains(*need)) {
            if chosen.iter().any(|p| p.provides(need)) {
                continue;
            }
            // A package that is installed already is not exchanged for another version: others may need it.
            match fit.iter().find(|p| p.provides(need) && !rpm.has(&p.name)) {
                Some(more) if chosen.len() < MAX_CLOSURE => chosen.push(more),
                _ => return Ok(Err(format!("{} {} needs {need}", package.name, package.version))),
            }
        }
        at += 1;
    }
    Ok(Ok(chosen))
}

/// `.el8` is in `7.2-1.el8_9` but not in `7.2-1.el80`.
fn has_tag(version: &str, tag: &str) -> bool {
    version.match_indices(tag).any(|(at, _)| {
        let next = version.get(at + tag.len()..).and_then(|rest| rest.chars().next());
        next.is_none_or(|c| !c.is_ascii_digit()) || tag == ".amzn"
    })
}

fn edits(guest: &dyn Guest, manager: Option<&Manager>, packages: &[&Package]) -> Result<Vec<Edit>> {
    let mut edits = Vec::new();
    let mut files = Vec::new();
    for package in packages {
        let ending = if package.format == Format::Deb { "deb" } else { "rpm" };
        let path = format!("{PLACE}/h2k-{}.{ending}", package.name);
        edits.push(Edit::new(
            ID,
            format!("{REASON}: {}", package.file.display()),
            Change::Write {
                path: path.clone(),
                before: None,
                after: Content::from_bytes(&package.content),
                mode: 0o600,
            },
        ));
        files.push((path, package.content.len() as u64));
    }
    let names = files.iter().map(|(path, _)| path.clone()).collect();
    match manager {
        Some(Manager::Dpkg(_)) => edits.extend(by_dpkg(guest, packages, names)?),
        Some(Manager::Rpm(rpm)) => edits.extend(by_rpm(guest, rpm, packages, names)?),
        None => {}
    }
    let done = |(path, size)| Edit::new(ID, "it is installed", Change::Erase { path, size });
    edits.extend(files.into_iter().map(done));
    Ok(edits)
}

fn by_dpkg(guest: &dyn Guest, packages: &[&Package], files: Vec<String>) -> Result<Vec<Edit>> {
    let mut changes = BTreeSet::new();
    for package in packages {
        changes.extend(dpkg::installs(guest, package)?);
    }
    let arguments = ["--force-confold".to_owned(), "--install".to_owned()].into_iter().chain(files).collect();
    dpkg::run(guest, ID, REASON, arguments, changes)
}

/// RPM's packages enable the agent by a preset only, which not every distribution has.
fn by_rpm(guest: &dyn Guest, rpm: &Rpm, packages: &[&Package], files: Vec<String>) -> Result<Vec<Edit>> {
    let unit = "qemu-guest-agent.service";
    let wants = ["dev-virtio\\x2dports-org.qemu.guest_agent.0.device", "multi-user.target"];
    let links = wants.map(|target| format!("/etc/systemd/system/{target}.wants/{unit}"));
    let mut edits = vec![rpm.install(guest, ID, REASON, packages, files, &links)?];
    // Where there is no systemd, the package's script has started its init script.
    if guest.exists(SYSTEMCTL)? {
        let argv = [SYSTEMCTL, "enable", unit].map(str::to_owned).to_vec();
        let enable = Change::Run { argv, changes: links.to_vec() };
        edits.push(Edit::new(ID, "the agent starts where QEMU offers its port", enable));
    }
    Ok(edits)
}
