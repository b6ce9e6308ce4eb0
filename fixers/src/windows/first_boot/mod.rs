//! `windows.first-boot`: what can only be done while Windows runs, once, by a service that removes itself.

mod network;
mod nic;
mod routines;
mod script;
#[cfg(test)]
mod tests;

use h2k_config::Policy;

use super::inspect::software_adapters;
use super::path;
use super::stage::{Files, Stage};
use crate::concern::{Concern, Severity};
use crate::edit::{Change, Content};
use crate::facts::WindowsFacts;
use crate::hive::{HiveEditor, RegData};
use crate::hostfile::HostFile;
use crate::{Edit, Fixer, Guest, GuestFacts, Proposal, error::Result};

const ID: &str = "windows.first-boot";
/// Name of the service.
const SERVICE: &str = "h2k-first-boot";
/// Its directory below the system's. It removes it when it is done; the log lies beside it.
const DIR: &str = "h2k";
/// A program of its own (winnt.h, `SERVICE_WIN32_OWN_PROCESS`).
const OWN_PROCESS: u32 = 0x10;
/// `SERVICE_AUTO_START`.
const AUTO_START: u32 = 2;
/// What the service manager runs. It starts the script apart and ends at once: cmd.exe is no service, and what does not
/// report within half a minute is killed. The manager notes that in the event log, once.
const IMAGE: &str = "%SystemRoot%\\System32\\cmd.exe /c start \"h2k\" /b %SystemRoot%\\System32\\cmd.exe /c \
                     %SystemRoot%\\h2k\\first-boot.cmd";
/// The guest agent's installer, by architecture (virtio-win, `guest-agent/`).
const AGENTS: [(&str, &str); 2] = [("x86_64", "qemu-ga-x86_64.msi"), ("i386", "qemu-ga-i386.msi")];

/// Installs the service of the first boot.
pub struct FirstBoot;

impl Fixer for FirstBoot {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "restores static addresses, removes ghost adapters and brings disks online at the first boot"
    }

    fn explanation(&self) -> &'static str {
        "To Windows a NIC of another model is another NIC: the static addresses stay with the old one, which is no \
         longer there and still owns its name. One service waits for the NIC with the MAC of each old one, removes \
         the old one, gives the new one its name, its IPv4 and IPv6 addresses, gateways, name servers (or those of \
         --ip and --dhcp), DNS suffix, WINS servers, metric and what was set of NetBIOS and of registration in DNS, \
         brings data disks online that Windows Server takes offline after a change of bus, installs the guest agent if its MSI is in --agent-packages, and removes itself. Where Windows is \
         restarted before, it goes on at the next start, five times at most. Nothing is rebooted. What it did stands \
         in Windows\\Temp\\h2k-first-boot.log. The script is the same batch file for XP to Windows 11 and stands in \
         the plan."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        let Some(windows) = facts.windows() else { return Ok(proposal) };
        let stage = Stage { guest, windows, fixer: ID };
        let agent = agent(windows, policy, &mut proposal.concerns);
        let adapters = network::wanted(facts, windows, policy, &mut proposal.concerns);
        if let Some((set, system)) = windows.control_sets.first().zip(guest.hive(&windows.hives.system)?) {
            let adapters = software_adapters(&system, set)?;
            proposal.concerns.extend(adapters.iter().map(network::left_without_nics));
        }
        let script = script::Script {
            adapters: &adapters,
            ghosts: &network::ghosts(windows),
            disks: facts.disks.len(),
            agent: agent.as_ref().map(|(name, _)| *name),
            install_drivers: windows.driver_database.is_none(),
            service: SERVICE,
            control_sets: &windows.control_sets,
        };
        if script.is_empty() {
            return Ok(proposal);
        }
        proposal.edits = edits(&stage, &script.text(), agent)?;
        Ok(proposal)
    }
}

fn edits(stage: &Stage<'_>, script: &str, agent: Option<(&str, HostFile)>) -> Result<Vec<Edit>> {
    let reason = "what can only be done while Windows runs is done at the first boot";
    let mut edits = leftovers(stage)?;
    let file = path::place(stage.guest, &stage.windows.system_root, &format!("{DIR}/first-boot.cmd"))?;
    match stage.guest.read(&file)? {
        Some(now) if now == script.as_bytes() => {}
        Some(now) => {
            edits.push(Edit::rewrite(ID, &file, &String::from_utf8_lossy(&now), script, reason));
        }
        None => edits.push(Edit::create(ID, &file, script, 0o755, reason)),
    }
    if let Some((name, from)) = agent {
        let files = Files { stage, reason: "--agent-packages has the guest agent" };
        edits.extend(files.put(&format!("{DIR}/{name}"), &from)?);
    }
    let Some(hive) = stage.guest.hive(&stage.windows.hives.system)? else { return Ok(edits) };
    let mut editor = HiveEditor::new(&hive)?;
    for set in &stage.windows.control_sets {
        let key = format!("{set}\\Services\\{SERVICE}");
        editor.set(&key, "Type", RegData::Dword(OWN_PROCESS))?;
        editor.set(&key, "Start", RegData::Dword(AUTO_START))?;
        // Its only failure is that it is none: nobody has to be told at each login.
        editor.set(&key, "ErrorControl", RegData::Dword(0))?;
        editor.set(&key, "ImagePath", RegData::ExpandSz(IMAGE.to_owned()))?;
        editor.set(&key, "DisplayName", RegData::Sz("h2k first boot".to_owned()))?;
        editor.set(&key, "ObjectName", RegData::Sz("LocalSystem".to_owned()))?;
    }
    edits.extend(stage.registry(&stage.windows.hives.system, editor, reason));
    Ok(edits)
}

/// What an earlier script noted that was not done: the new one is to do all.
fn leftovers(stage: &Stage<'_>) -> Result<Vec<Edit>> {
    let mut edits = Vec::new();
    for note in script::notes() {
        let found = path::find(stage.guest, &stage.windows.system_root, &format!("{DIR}/{note}"))?;
        let Some(path) = found else { continue };
        let Some(before) = stage.guest.read(&path)? else { continue };
        let change = Change::Remove { path, before: Content::from_bytes(&before) };
        edits.push(Edit::new(ID, "an earlier script of the first boot was not done", change));
    }
    Ok(edits)
}

/// The guest agent's installer, if the user gave it.
fn agent(
    windows: &WindowsFacts,
    policy: &Policy,
    concerns: &mut Vec<Concern>,
) -> Option<(&'static str, HostFile)> {
    let dir = policy.agent_packages.as_ref()?;
    let (_, name) = AGENTS.iter().find(|(arch, _)| *arch == windows.version.arch)?;
    let file = dir.join(name);
    if file.is_file() {
        return Some((name, HostFile { file, member: None }));
    }
    concerns.push(Concern::new(
        "windows.agent.absent",
        Severity::Warning,
        dir.display().to_string(),
        format!("the directory has no {name}: the guest agent is not installed"),
        "take it out of virtio-win's guest-agent directory, or install it in the guest later",
    ));
    None
}
