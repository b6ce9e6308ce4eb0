//! `windows.drivers`: drivers that plug and play installs at the first start.

use h2k_config::{DiskBus, NicModel, Policy};

use super::drivers::{Package, Role};
use super::guest_target;
use super::stage::{self, Depth, Stage};
use super::virtio::Virtio;
use crate::{Edit, Fixer, Guest, GuestFacts, Proposal, error::Result};

const ID: &str = "windows.drivers";
/// What is staged, in this order. The NIC's is needed where it is to be virtio; the rest is welcome.
const ROLES: [Role; 12] = [
    Role::Network,
    Role::Scsi,
    Role::Balloon,
    Role::Serial,
    Role::Rng,
    Role::Gpu,
    Role::Input,
    Role::Panic,
    Role::PanicPci,
    Role::FwCfg,
    Role::Fs,
    Role::Sock,
];

/// Puts the other virtio drivers where plug and play finds them.
pub struct Drivers;

impl Fixer for Drivers {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "stages the other virtio drivers, which plug and play installs at the first start"
    }

    fn explanation(&self) -> &'static str {
        "Network, memory balloon, serial port (the guest agent's channel), random numbers, display, input, panic, firmware \
         configuration, file system, sockets and the second kind of disk controller: the packages of --virtio-win that fit \
         the guest's version are put into the driver store and listed in the driver database as Windows itself lists a \
         package that no device uses yet; before Windows 8 into a directory that DevicePath names. When the device \
         appears, plug and play installs it without anybody's help."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        let Some(windows) = facts.windows() else { return Ok(proposal) };
        if !matches!(policy.disk_bus, DiskBus::VirtioBlk | DiskBus::VirtioScsi) && policy.virtio_win.is_none()
        {
            return Ok(proposal);
        }
        let stage = Stage { guest, windows, fixer: ID };
        let Some(target) = guest_target::target(windows, &stage.hives()?)? else { return Ok(proposal) };
        // What cannot be opened is told by the fixer of the boot driver.
        let Ok(Some(virtio)) = Virtio::open(policy, target, facts.secure_boot()) else { return Ok(proposal) };
        let mut packages: Vec<Package> = Vec::new();
        for role in ROLES {
            let needed = role == Role::Network && policy.nic_model == NicModel::Virtio;
            let (package, concerns) = virtio.find(role, needed);
            proposal.concerns.extend(concerns);
            // A package may serve several roles.
            let known = |p: &Package| packages.iter().any(|k| k.inf_bytes == p.inf_bytes);
            packages.extend(package.filter(|p| !known(p)));
        }
        proposal.edits = edits(&stage, &packages)?;
        Ok(proposal)
    }
}

fn edits(stage: &Stage<'_>, packages: &[Package]) -> Result<Vec<Edit>> {
    let reason = |package: &Package| format!("the driver of {}: {}", package.role, package.reason);
    match &stage.windows.driver_database {
        Some(database) => {
            let packages: Vec<_> = packages.iter().map(|p| (p, Depth::Staged, reason(p))).collect();
            stage.install(database, &packages).map(|(edits, _)| edits)
        }
        None => {
            let packages: Vec<_> = packages.iter().map(|p| (p, reason(p))).collect();
            stage::on_device_path(stage, &packages)
        }
    }
}
