//! `windows.guest-tools`: the tools of the hypervisor that the guest comes from.

use h2k_config::{Policy, Tools};

use super::vendors::{HYPERV, VENDORS};
use crate::facts::WindowsFacts;
use crate::facts::windows::WindowsTool;
use crate::hive::{HiveEditor, RegData};
use crate::{Change, Edit, Fixer, Guest, GuestFacts, Proposal, error::Result};

const ID: &str = "windows.guest-tools";
/// `SERVICE_DISABLED`.
const DISABLED: u32 = 4;
/// Programs that are started at login.
const RUN: [&str; 2] =
    ["Microsoft\\Windows\\CurrentVersion\\Run", "Wow6432Node\\Microsoft\\Windows\\CurrentVersion\\Run"];

/// Disables or removes the old hypervisor's tools.
pub struct GuestTools;

impl Fixer for GuestTools {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "disables the services, drivers and filters of the old hypervisor's guest tools"
    }

    fn explanation(&self) -> &'static str {
        "The uninstaller of VMware Tools refuses to run anywhere but on VMware, so the tools go while the guest is off. \
         Services and drivers of VMware, VirtualBox, Xen, Parallels and Nutanix are disabled in every control set, their \
         filters are taken out of the device classes (a filter whose driver does not start stops the device, and with a \
         disk the boot), and their programs out of what is started at login. Whose a service is, is told by the provider \
         of the INF file that owns it or by the company that its file names, never by its name alone: what Windows or \
         somebody else shares stays. Hyper-V's own drivers are part of Windows and stay; only integration services that \
         were installed on top are disabled. --tools remove also removes the entries of the list of programs; --tools \
         keep leaves all of it as it is. Files stay."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        let Some(windows) = facts.windows() else { return Ok(proposal) };
        if policy.tools == Tools::Keep {
            return Ok(proposal);
        }
        if let Some(hive) = guest.hive(&windows.hives.system)? {
            let mut editor = HiveEditor::new(&hive)?;
            for tool in &windows.tools {
                disable(&mut editor, windows, tool)?;
            }
            proposal.edits.extend(registry(&windows.hives.system, editor, windows));
        }
        if let Some(hive) = guest.hive(&windows.hives.software)? {
            let mut editor = HiveEditor::new(&hive)?;
            for tool in &windows.tools {
                programs(&mut editor, tool, policy.tools)?;
            }
            proposal.edits.extend(registry(&windows.hives.software, editor, windows));
        }
        Ok(proposal)
    }
}

fn registry(path: &str, editor: HiveEditor, windows: &WindowsFacts) -> Option<Edit> {
    let changes = editor.into_changes();
    let names: Vec<&str> = windows.tools.iter().map(|tool| tool.name.as_str()).collect();
    let reason = format!("the tools find nothing to talk to on KVM: {}", names.join(", "));
    (!changes.is_empty()).then(|| Edit::new(ID, reason, Change::Registry { path: path.to_owned(), changes }))
}

/// Services and filters, in each control set where they are.
fn disable(editor: &mut HiveEditor, windows: &WindowsFacts, tool: &WindowsTool) -> Result<()> {
    for set in &windows.control_sets {
        for service in &tool.services {
            let key = format!("{set}\\Services\\{service}");
            if editor.hive().value(&key, "Start")?.is_some() {
                editor.set(&key, "Start", RegData::Dword(DISABLED))?;
            }
        }
        for filter in &tool.filters {
            let key = format!("{set}\\Control\\Class\\{}", filter.class);
            let Some(now) = editor.hive().value(&key, &filter.list)?.and_then(|data| data.texts()) else {
                continue;
            };
            let left: Vec<String> =
                now.into_iter().filter(|name| !name.eq_ignore_ascii_case(&filter.service)).collect();
            if left.is_empty() {
                editor.unset(&key, &filter.list)?;
            } else {
                editor.set(&key, &filter.list, RegData::MultiSz(left))?;
            }
        }
    }
    Ok(())
}

/// What is started at login, and what the list of programs shows.
fn programs(editor: &mut HiveEditor, tool: &WindowsTool, wanted: Tools) -> Result<()> {
    let mut vendors = VENDORS.iter().chain([&HYPERV]);
    let Some(vendor) = vendors.find(|vendor| vendor.name == tool.name) else { return Ok(()) };
    for run in RUN {
        let values = editor.hive().key(run)?.map(|key| key.values()).transpose()?.unwrap_or_default();
        for (name, _) in values {
            if vendor.run.contains(&name.to_lowercase().as_str()) {
                editor.unset(run, &name)?;
            }
        }
    }
    if wanted == Tools::Remove {
        for key in &tool.uninstall {
            editor.delete(key)?;
        }
    }
    Ok(())
}
