//! `windows.boot-driver`: the driver of the disk that Windows boots from.

use h2k_config::{DiskBus, Policy};

use super::drivers::{Package, Role};
use super::ready::ready;
use super::stage::{self, Depth, Files, Stage};
use super::virtio::Virtio;
use super::{board, guest_target};
use crate::concern::{Concern, Severity};
use crate::hive::HiveEditor;
use crate::{Fixer, Guest, GuestFacts, GuestMut, Proposal, Recorder, error::Result};

const ID: &str = "windows.boot-driver";

/// Makes the virtio disk driver one that the boot loader loads.
pub struct BootDriver;

impl Fixer for BootDriver {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "installs the virtio disk driver so that Windows boots from it the first time"
    }

    fn explanation(&self) -> &'static str {
        "Windows only finds the disk that it boots from if the driver of its controller is loaded by the boot loader and \
         tied to the controller before plug and play runs; else it stops with INACCESSIBLE_BOOT_DEVICE (0x7B). h2k takes \
         the driver package of the guest's own version from --virtio-win, by what its INF file says, and installs it as \
         Windows would: files in the driver store and in System32\\drivers, INF file and catalog under the next free \
         oemN name, the service with a boot start in every control set that Select names (StartOverride removed), and \
         from Windows 8 on the driver database with configuration, descriptors and device ids; before that \
         CriticalDeviceDatabase. No stub package is left behind. Without a driver that fits the target's disks are on \
         SATA (IDE before Vista), and the driver of that is made one that the boot loader loads."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        let Some(windows) = facts.windows() else { return Ok(proposal) };
        let stage = Stage { guest, windows, fixer: ID };
        let package = package(&stage, policy, facts.secure_boot(), &mut proposal.concerns)?;
        let mut seen = Recorder::new(guest);
        let mut boots = false;
        if let Some(package) = &package {
            install(&stage, package, &mut seen)?;
            boots = ready(&seen, windows)?.contains(&package.role);
        }
        if !boots {
            let board = board::edits(&Stage { guest: &seen, ..stage })?;
            board.iter().try_for_each(|edit| seen.apply(edit))?;
        }
        proposal.edits = seen.into_edits();
        Ok(proposal)
    }
}

/// The driver that is wanted and can be had. Concerns tell why there is none.
fn package(
    stage: &Stage<'_>,
    policy: &Policy,
    secure_boot: bool,
    concerns: &mut Vec<Concern>,
) -> Result<Option<Package>> {
    let role = match policy.disk_bus {
        DiskBus::VirtioBlk => Role::Blk,
        DiskBus::VirtioScsi => Role::Scsi,
        // Hardware that Windows knows is wanted.
        DiskBus::Sata => return Ok(None),
    };
    let Some(target) = guest_target::target(stage.windows, &stage.hives()?)? else { return Ok(None) };
    match Virtio::open(policy, target, secure_boot) {
        Ok(Some(virtio)) => {
            let (package, found) = virtio.find(role, true);
            concerns.extend(found);
            return Ok(package);
        }
        Ok(None) => concerns.push(none()),
        Err(concern) => concerns.push(*concern),
    }
    Ok(None)
}

/// Puts the package into a guest that nothing was done to yet.
fn install(stage: &Stage<'_>, package: &Package, seen: &mut Recorder<'_>) -> Result<()> {
    let Some(service) = &package.service else { return Ok(()) };
    let reason = format!("Windows boots from {}: {}", package.role, package.reason);
    let files = Files { stage, reason: &reason };
    let mut edits = Vec::new();
    let mut published = None;
    match &stage.windows.driver_database {
        Some(database) => {
            let (made, names) = stage.install(database, &[(package, Depth::Configured, reason.clone())])?;
            edits.extend(made);
            published = names.into_iter().next();
        }
        None => edits.extend(stage::on_device_path(stage, &[(package, reason.clone())])?),
    }
    edits.extend(files.in_place(package)?);
    // After the database's edit, which may be of the same hive.
    edits.iter().try_for_each(|edit| seen.apply(edit))?;
    let Some(system) = seen.hive(&stage.windows.hives.system)? else { return Ok(()) };
    let mut editor = HiveEditor::new(&system)?;
    let (owner, store) = published.map(|p| (p.inf, p.store)).unzip();
    for set in &stage.windows.control_sets {
        let store = store.as_deref().unwrap_or_default();
        stage::boot_service(&mut editor, set, service, owner.as_deref(), store)?;
        if stage.windows.driver_database.is_none() {
            stage::critical_devices(&mut editor, set, package, service)?;
        }
    }
    let reason =
        format!("{} is loaded by the boot loader, in every control set that Select names", service.name);
    let services = stage.registry(&stage.windows.hives.system, editor, &reason);
    services.iter().try_for_each(|edit| seen.apply(edit))
}

fn none() -> Concern {
    Concern::new(
        "windows.virtio-win.none",
        Severity::Warning,
        "virtio-win",
        "there are no virtio drivers for Windows on this host: the target's disks and NICs are of kinds that Windows \
         knows, which are slower",
        "give the ISO image or directory of virtio-win with --virtio-win",
    )
}
