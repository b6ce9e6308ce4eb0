//! Facts of a Windows guest, as its registry and files tell them.
//!
//! Hives are read from copies. A hive that was not written as a whole and that its logs do not make whole is an error:
//! what it says is not what Windows would see.

mod adapters;
mod boot;
mod ipv6;
mod policies;
mod services;
mod shutdown;
mod software;
mod tools;
mod version;

#[cfg(test)]
mod tests;

use std::rc::Rc;

use super::{SYSTEM_VOLUME, path};
use crate::error::{GuestError, Result};
use crate::facts::{GuestFacts, SystemFacts, WindowsFacts};
use crate::guest::{FileKind, Guest, join};
use crate::hive::{Hive, State};

pub(crate) use services::{Service, services};
pub(crate) use software::software_adapters;

/// Directories of the root that are looked into for a system.
const MAX_DIRECTORIES: usize = 500;
/// Where the hives lie below the system's directory.
const CONFIG: &str = "System32/config";

/// The directory of the Windows system on the file system that is mounted at `volume`; `None` if it holds none.
///
/// # Errors
/// The guest could not be read.
pub fn system_root(guest: &dyn Guest, volume: &str) -> Result<Option<String>> {
    let mut names = guest.list(volume)?.unwrap_or_default();
    names.truncate(MAX_DIRECTORIES);
    // The usual names first: they are the ones nearly always.
    names.sort_by_key(|name| !matches!(name.to_lowercase().as_str(), "windows" | "winnt"));
    for name in names {
        let dir = join(volume, &name);
        if guest.lstat(&dir)?.is_none_or(|stat| stat.kind != FileKind::Directory) {
            continue;
        }
        let Some(config) = path::find(guest, &dir, CONFIG)? else { continue };
        let hives = path::find(guest, &config, "SYSTEM")?.zip(path::find(guest, &config, "SOFTWARE")?);
        if hives.is_some() && path::find(guest, &dir, "System32/ntoskrnl.exe")?.is_some() {
            return Ok(Some(dir));
        }
    }
    Ok(None)
}

/// What a file system's Windows is; `root` is the device, `dir` its directory.
///
/// # Errors
/// The guest could not be read, or a hive is damaged.
pub fn system(guest: &dyn Guest, root: &str, dir: &str) -> Result<SystemFacts> {
    let hives = Hives::open(guest, dir)?;
    let control = hives.control_sets()?;
    let version = version::version(&hives, control.first().map(String::as_str))?;
    let set = control.first().cloned().unwrap_or_default();
    let name = hives.system.value(&format!("{set}\\Control\\ComputerName\\ComputerName"), "ComputerName")?;
    Ok(SystemFacts {
        root: root.to_owned(),
        kind: "windows".to_owned(),
        distro: "windows".to_owned(),
        product: version.product.clone(),
        major: i32::try_from(version.major).unwrap_or(0),
        minor: i32::try_from(version.minor).unwrap_or(0),
        arch: version.arch.clone(),
        hostname: name.and_then(|n| n.text()).unwrap_or_default(),
        package_format: String::new(),
        osinfo: version::osinfo(&version).to_owned(),
    })
}

/// Fills in `facts.windows`. The backend has mounted the volumes, and has said in [`WindowsFacts::shutdown`] what the file
/// system says of itself.
///
/// # Errors
/// The guest could not be read, or a hive is damaged.
pub fn gather(guest: &dyn Guest, facts: &mut GuestFacts) -> Result<()> {
    let Some(dir) = system_root(guest, SYSTEM_VOLUME)? else { return Ok(()) };
    let known = facts.windows.take().unwrap_or_default();
    let hives = Hives::open(guest, &dir)?;
    let control_sets = hives.control_sets()?;
    let set = control_sets.first().cloned().unwrap_or_default();
    let version = version::version(&hives, Some(&set))?;
    let mut windows = WindowsFacts {
        driver_database: hives.driver_database(guest, &dir)?,
        shutdown: shutdown::shutdown(guest, &hives.system, &set, known.shutdown)?,
        adapters: adapters::adapters(&hives.system, &set, &facts.hardware)?,
        clock_utc: boot::clock_utc(&hives.system, &set)?,
        pagefiles: boot::pagefiles(&hives.system, &set)?,
        compact_os: boot::compact_os(&hives.system)?,
        drive_letters: boot::drive_letters(&hives.system)?,
        boot_stores: boot::stores(guest)?,
        device_policies: policies::device_policies(&hives.software)?,
        hives: hives.facts(),
        system_root: dir.clone(),
        drive: hives.drive()?,
        control_sets,
        version,
        ..known
    };
    let services = services(&hives.system, &set, &windows)?;
    windows.guards = policies::guards(&services);
    let database = hives.database(guest, windows.driver_database.as_deref())?;
    let installed =
        tools::Installed { hives: &hives, database: database.as_deref(), set: &set, services: &services };
    windows.tools = tools::tools(guest, &installed, &windows.version)?;
    facts.init.clock_local = !windows.clock_utc;
    facts.windows = Some(windows);
    Ok(())
}

/// The hives of a system.
pub(crate) struct Hives {
    pub(crate) system: Rc<Hive>,
    pub(crate) software: Rc<Hive>,
}

impl Hives {
    /// Opens those of the system in `dir`.
    pub(crate) fn open(guest: &dyn Guest, dir: &str) -> Result<Self> {
        let hive = |name: &str| -> Result<Rc<Hive>> {
            let missing = || GuestError::NotFound { path: format!("{dir}/{CONFIG}/{name}") };
            let file = path::find(guest, dir, &format!("{CONFIG}/{name}"))?.ok_or_else(missing)?;
            guest.hive(&file)?.ok_or_else(missing)
        };
        Ok(Self { system: hive("SYSTEM")?, software: hive("SOFTWARE")? })
    }

    fn facts(&self) -> crate::facts::windows::WindowsHives {
        let both = [&self.system, &self.software];
        let replayed = both.iter().filter(|hive| hive.state() == State::Replayed);
        crate::facts::windows::WindowsHives {
            system: self.system.path().to_owned(),
            software: self.software.path().to_owned(),
            replayed: replayed.map(|hive| hive.path().to_owned()).collect(),
        }
    }

    /// The control sets that Select names and that are there, the one that is started by default first.
    pub(crate) fn control_sets(&self) -> Result<Vec<String>> {
        let mut sets: Vec<String> = Vec::new();
        let malformed =
            |what: &str| GuestError::Malformed { path: self.system.path().to_owned(), what: what.to_owned() };
        let select = self.system.key("Select")?.ok_or_else(|| malformed("no key Select"))?;
        for name in ["Default", "Current", "LastKnownGood", "Failed"] {
            let Some(number) = select.number(name)?.filter(|n| (1..=999).contains(n)) else { continue };
            let set = format!("ControlSet{number:03}");
            if !sets.contains(&set) && self.system.key(&set)?.is_some() {
                sets.push(set);
            }
        }
        if sets.is_empty() {
            return Err(malformed("Select names no control set that is there"));
        }
        Ok(sets)
    }

    /// The letter of the system's own drive, as it stands in its directory's name; empty if that is none.
    fn drive(&self) -> Result<String> {
        let root = self.software.value("Microsoft\\Windows NT\\CurrentVersion", "SystemRoot")?;
        let root = root.and_then(|data| data.text()).unwrap_or_default();
        let letter = root.split_once(":\\").map(|(letter, _)| letter.to_ascii_uppercase());
        let is_one = |letter: &String| letter.len() == 1 && letter.bytes().all(|b| b.is_ascii_uppercase());
        Ok(letter.filter(is_one).unwrap_or_default())
    }

    /// The hive that holds `DriverDatabase`, whose file is `file`.
    pub(crate) fn database(&self, guest: &dyn Guest, file: Option<&str>) -> Result<Option<Rc<Hive>>> {
        match file {
            Some(file) if file != self.system.path() => guest.hive(file),
            Some(_) => Ok(Some(self.system.clone())),
            None => Ok(None),
        }
    }

    /// The file that holds `DriverDatabase`: SYSTEM, or a hive of its own.
    fn driver_database(&self, guest: &dyn Guest, dir: &str) -> Result<Option<String>> {
        if self.system.key("DriverDatabase")?.is_some() {
            return Ok(Some(self.system.path().to_owned()));
        }
        let Some(file) = path::find(guest, dir, &format!("{CONFIG}/DRIVERS"))? else { return Ok(None) };
        let own = guest.hive(&file)?;
        let holds = own.map(|hive| hive.key("DriverDatabase").map(|key| key.is_some())).transpose()?;
        Ok(holds.unwrap_or_default().then_some(file))
    }
}
