//! `linux.lvm-devices`: what keeps LVM from finding its physical volumes on new disks (lvm.conf(5), lvmdevices(8)).

use h2k_config::{DiskBus, Policy};

use super::names::Names;
use super::text::TextFile;
use crate::edit::Content;
use crate::error::Result;
use crate::{Change, Concern, Edit, FileKind, Fixer, Guest, GuestFacts, Proposal, Severity};

mod config;
mod filter;

#[cfg(test)]
mod tests;

use config::{Setting, Value};

const ID: &str = "linux.lvm-devices";
const LVM_CONF: [&str; 2] = ["/etc/lvm/lvm.conf", "/etc/lvm/lvmlocal.conf"];
const DEVICES: &str = "/etc/lvm/devices";
/// lvm.conf(5), devices/devicesfile.
const DEFAULT_DEVICES_FILE: &str = "system.devices";
/// Device names that LVM before 2.03 remembered (devices/cache_dir and devices/cache).
const CACHES: [&str; 2] = ["/etc/lvm/cache/.cache", "/etc/lvm/.cache"];

/// Removes what pins LVM to the old disks.
pub struct LvmDevices;

impl Fixer for LvmDevices {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "removes LVM's list of devices, which names the old disks by their ids"
    }

    fn explanation(&self) -> &'static str {
        "LVM may keep a list of the devices that it looks at, /etc/lvm/devices/system.devices, with the ids of the \
         disks. The new disks have other ids: LVM skips them, the volume group is not found and the boot stops. h2k \
         removes the list. Without it LVM looks at all devices, also where use_devicesfile is set, and finds its \
         volumes by what is on them; the administrator can make a new list with vgimportdevices. An old cache of \
         device names is removed likewise. A filter in lvm.conf that lets only device names of the old hardware pass \
         is reported and left. Initramfs generators copy /etc/lvm or the list into the initramfs, where it counts \
         until the initramfs is built anew. linux.initramfs runs later and takes in what was changed here; where it has \
         no reason to build the initramfs anew and the root file system is on LVM, that is reported."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        if !facts.is_linux() {
            return Ok(proposal);
        }
        let mut settings: Vec<(String, Setting)> = Vec::new();
        for path in LVM_CONF {
            let Some(file) = TextFile::read(guest, path)? else { continue };
            settings.extend(config::settings(&file.text).into_iter().map(|s| (file.path.clone(), s)));
        }
        let devices = devices_file(guest, &settings)?;
        let listed = devices.is_some();
        if listed {
            proposal.concerns.extend(kept_in_initramfs(facts, policy.disk_bus));
        }
        proposal.edits.extend(devices);
        for path in CACHES {
            let reason = "LVM remembers the names of the old disks in it and makes it anew";
            proposal.edits.extend(remove(guest, path, reason)?);
        }
        if facts.block.iter().any(|b| b.fstype == "LVM2_member") {
            proposal.concerns.extend(filters(&settings, policy.disk_bus, listed));
        }
        Ok(proposal)
    }
}

/// The last value that a setting has.
fn last<'a>(settings: &'a [(String, Setting)], name: &str) -> Option<&'a Value> {
    settings.iter().rev().find(|(_, s)| s.name == name).map(|(_, s)| &s.value)
}

fn devices_file(guest: &dyn Guest, settings: &[(String, Setting)]) -> Result<Option<Edit>> {
    if matches!(last(settings, "use_devicesfile"), Some(Value::Word(word)) if word == "0") {
        return Ok(None);
    }
    let name = match last(settings, "devicesfile") {
        Some(Value::Text(name)) if !name.contains('/') && !name.is_empty() => name.as_str(),
        _ => DEFAULT_DEVICES_FILE,
    };
    let reason = "it lists the ids of the old disks; without it LVM looks at all devices";
    remove(guest, &format!("{DEVICES}/{name}"), reason)
}

/// The initramfs may hold a copy of the list. It is not built anew where it has the disk's driver already; and what
/// else it holds is not known.
fn kept_in_initramfs(facts: &GuestFacts, bus: DiskBus) -> Option<Concern> {
    Names::new(facts).root().filter(|root| root.lv.is_some())?;
    let kernel = facts.kernels.iter().rfind(|kernel| kernel.initramfs.is_some())?;
    let initramfs = kernel.initramfs.as_ref()?;
    let driver = crate::linux::ramdisk::drivers::controller(bus);
    initramfs.modules.iter().chain(&kernel.builtin).find(|module| *module == driver)?;
    Some(Concern::new(
        "guest.lvm.initramfs",
        Severity::Warning,
        &initramfs.path,
        "it has the disk's driver and is not built anew; it may hold a copy of LVM's list of devices, with which the \
         volume group of the root file system is not found",
        "watch the first boot; if it stops, remove the list and build the initramfs in the guest before the migration",
    ))
}

/// Removes a regular file, if it is there.
fn remove(guest: &dyn Guest, path: &str, reason: &str) -> Result<Option<Edit>> {
    if guest.lstat(path)?.is_none_or(|stat| stat.kind != FileKind::File) {
        return Ok(None);
    }
    let Some(bytes) = guest.read(path)? else { return Ok(None) };
    let change = Change::Remove { path: path.to_owned(), before: Content::from_bytes(&bytes) };
    Ok(Some(Edit { fixer: ID.to_owned(), reason: reason.to_owned(), change }))
}

fn filters(settings: &[(String, Setting)], bus: DiskBus, listed: bool) -> Vec<Concern> {
    let mut concerns = Vec::new();
    for (path, setting) in
        settings.iter().filter(|(_, s)| matches!(s.name.as_str(), "filter" | "global_filter"))
    {
        let Value::List(patterns) = &setting.value else { continue };
        let disk = if bus.is_sd() { "sd" } else { "vd" };
        if filter::passes(patterns, disk) {
            continue;
        }
        let ignored = if listed { "; it had no effect as long as there was a devices file" } else { "" };
        concerns.push(Concern::new(
            "guest.lvm.filter",
            Severity::Warning,
            path,
            format!("{} lets no /dev/{disk}… disk pass, so LVM will not find its volumes{ignored}", setting.name),
            "remove the filter in the guest before the migration, or accept a|/dev/disk/by-id/lvm-pv-uuid-.*|",
        ));
    }
    concerns
}
