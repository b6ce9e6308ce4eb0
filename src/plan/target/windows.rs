//! The target of a Windows guest: hardware that it has drivers for when it starts, and what of Hyper-V's interface its version
//! makes use of.

use std::collections::BTreeSet;

use h2k_config::DiskBus;
use h2k_fixers::facts::{GuestFacts, WindowsFacts};
use h2k_fixers::windows::drivers::Role;
use h2k_fixers::windows::ready::ready;
use h2k_fixers::{Guest, GuestError};

use crate::emit::domain::{Enlightenment, Helpers, Machine, Panic, TargetBus, TargetFirmware};

/// Vista and 2008: AHCI, PCI Express, 82540EM in the box.
const VISTA: (u32, u32) = (6, 0);
/// Windows 8 and Server 2012: xHCI, 82574L, synthetic timers, and virtio drivers that know virtio 1.0.
const EIGHT: (u32, u32) = (6, 2);
/// Windows 10 and Server 2016.
const TEN: (u32, u32) = (10, 0);
/// First builds that are not set up without a TPM 2.0: Windows 11 and Server 2025 ("Windows 11 requirements", "Hardware
/// requirements for Windows Server").
const WITH_TPM: [(bool, u32); 2] = [(false, 22_000), (true, 26_100)];

/// The drivers that a Windows guest has after the edits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drivers {
    /// virtio devices that it can use; disks among them, that it can start from.
    pub virtio: BTreeSet<Role>,
    /// It can start from the board's own controller: AHCI, or IDE before Vista.
    pub board: bool,
}

impl Drivers {
    /// What `guest` has; `None` if it is no Windows that was looked into.
    ///
    /// # Errors
    /// The guest could not be read.
    pub fn of(facts: &GuestFacts, guest: &dyn Guest) -> Result<Option<Self>, GuestError> {
        let Some(windows) = facts.windows().filter(|windows| !windows.control_sets.is_empty()) else {
            return Ok(None);
        };
        Ok(Some(Self { virtio: ready(guest, windows)?, board: board_starts(guest, windows)? }))
    }
}

/// Services without which Windows does not find a disk on the board's own controller. Their devices are known by class in
/// every version, so that the services' start type decides.
fn board_services(version: (u32, u32)) -> &'static [&'static str] {
    match version {
        version if version >= EIGHT => &["storahci"],
        version if version >= VISTA => &["msahci"],
        _ => &["intelide", "atapi"],
    }
}

/// Whether those services are started by the boot loader in every control set. Windows sets them to be started later when it
/// was installed on other hardware (since 8 by the key StartOverride).
fn board_starts(guest: &dyn Guest, windows: &WindowsFacts) -> Result<bool, GuestError> {
    let Some(system) = guest.hive(&windows.hives.system)? else { return Ok(false) };
    let version = version(windows);
    for set in &windows.control_sets {
        for name in board_services(version) {
            let Some(key) = system.key(&format!("{set}\\Services\\{name}"))? else { return Ok(false) };
            if key.number("Start")? != Some(0) || key.child("StartOverride")?.is_some() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn version(windows: &WindowsFacts) -> (u32, u32) {
    (windows.version.major, windows.version.minor)
}

/// Whether Windows of that kind is not set up without a TPM. It starts without one too, but then refuses upgrades.
pub fn needs_tpm(facts: &GuestFacts, firmware: TargetFirmware) -> bool {
    let Some(windows) = facts.windows() else { return false };
    let version = &windows.version;
    let first = WITH_TPM.iter().find(|(server, _)| *server == version.is_server()).map(|(_, build)| *build);
    matches!(firmware, TargetFirmware::Uefi { .. })
        && version.major >= 10
        && first.is_some_and(|b| version.build >= b)
}

/// The bus that is wanted, with the guest's drivers left out of account.
pub fn wanted_bus(windows: &WindowsFacts, wanted: DiskBus) -> TargetBus {
    match wanted {
        DiskBus::VirtioBlk => TargetBus::VirtioBlk,
        DiskBus::VirtioScsi => TargetBus::VirtioScsi,
        DiskBus::Sata if version(windows) < VISTA => TargetBus::Ide,
        DiskBus::Sata => TargetBus::Sata,
    }
}

/// The wanted bus, else the other one of virtio, else the board's own: the first that the guest starts from.
pub(super) fn bus(windows: &WindowsFacts, wanted: DiskBus, drivers: Option<&Drivers>) -> TargetBus {
    let Some(drivers) = drivers else { return wanted_bus(windows, wanted) };
    let order = match wanted {
        DiskBus::VirtioBlk => [Some(Role::Blk), Some(Role::Scsi)],
        DiskBus::VirtioScsi => [Some(Role::Scsi), Some(Role::Blk)],
        DiskBus::Sata => [None, None],
    };
    match order.into_iter().flatten().find(|role| drivers.virtio.contains(role)) {
        Some(Role::Blk) => TargetBus::VirtioBlk,
        Some(_) => TargetBus::VirtioScsi,
        None => wanted_bus(windows, DiskBus::Sata),
    }
}

/// virtio, or a model that the version has a driver for.
///
/// Windows 8 and 2012 brought the one for the 82574L (VMware's knowledge base, article 1001805, makes e1000e the default from
/// them on). QEMU's e1000, an 82540EM, is known from Vista on, and the RTL8139 to XP and 2003 (VirtualBox's manual, "Virtual
/// networking hardware"; virt-v2v falls back to it too).
pub(super) fn nic_model(windows: &WindowsFacts, machine: Machine, drivers: Option<&Drivers>) -> &'static str {
    let ready = drivers.is_none_or(|d| d.virtio.contains(&Role::Network));
    match version(windows) {
        version if ready && transitional(version, machine) => "virtio-transitional",
        _ if ready => "virtio",
        version if version >= EIGHT && machine == Machine::Q35 => "e1000e",
        version if version >= VISTA => "e1000",
        _ => "rtl8139",
    }
}

/// Before Windows 8 drivers may know the ids of virtio 0.9 only; on the old chipset every virtio device has them.
fn transitional(version: (u32, u32), machine: Machine) -> bool {
    version < EIGHT && machine == Machine::Q35
}

/// The small devices: those with a driver. What has none is an unknown device in the device manager for ever.
pub(super) fn helpers(windows: &WindowsFacts, machine: Machine, drivers: Option<&Drivers>) -> Helpers {
    let ready = |role: Role| drivers.is_none_or(|d| d.virtio.contains(&role));
    let version = version(windows);
    Helpers {
        balloon: ready(Role::Balloon),
        rng: ready(Role::Rng),
        channel: ready(Role::Serial),
        // Hyper-V's way carries the stop code, and needs no driver.
        panic: match drivers.is_some_and(|d| d.virtio.contains(&Role::Panic)) {
            _ if version >= EIGHT => Panic::Hyperv,
            true => Panic::Isa,
            false => Panic::None,
        },
        usb2: version < EIGHT && machine == Machine::Q35,
        transitional: transitional(version, machine),
    }
}

/// What the version makes use of (Hypervisor Top-Level Functional Specification; QEMU, docs/system/i386/hyperv.rst, which
/// also says what needs what). XP and 2003 know no hypervisor. Not evmcs: it is for Hyper-V in the guest on Intel alone, and
/// keeps the guest from starting on other hosts.
pub(super) fn enlightenments(windows: &WindowsFacts) -> Vec<Enlightenment> {
    use Enlightenment::*;
    let mut out = Vec::new();
    let version = version(windows);
    if version >= VISTA {
        out.extend([Relaxed, Vapic, Spinlocks, Clock]);
    }
    if version >= EIGHT {
        out.extend([Vpindex, Runtime, Synic, Stimer, Reset, Frequencies]);
    }
    if version >= TEN {
        out.extend([StimerDirect, Reenlightenment, Tlbflush, Ipi]);
    }
    out.sort_unstable();
    out
}

#[cfg(test)]
mod tests;
