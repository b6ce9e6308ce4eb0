//! The initramfs: without the drivers of the target's disk in it a kernel does not find its root file system.
//!
//! ```text
//!  kernel ─ drivers ─▶ Fine: nothing is done
//!                      Lacking, Unreadable ─▶ rebuild ─▶ the guest's generator: settings first, then the run
//!                      Absent, NoInitramfs, Unknown ─▶ a concern
//! ```

mod booster;
mod dracut;
pub(crate) mod drivers;
mod findings;
mod initramfs_tools;
mod make_initrd;
mod mkinitcpio;
mod mkinitfs;
mod mkinitrd;
mod settings;
mod wordlist;

#[cfg(test)]
mod tests;

use h2k_config::{DiskBus, Policy};

use crate::error::Result;
use crate::facts::{InitramfsFacts, KernelFacts};
use crate::inspect::RESCUE;
use crate::{Fixer, Guest, GuestFacts, Proposal};

use drivers::State;

const ID: &str = "linux.initramfs";

/// Puts the target's drivers into every initramfs that lacks them.
pub struct Initramfs;

/// An image that has to be built anew.
struct Rebuild<'a> {
    kernel: &'a KernelFacts,
    initramfs: &'a InitramfsFacts,
    bus: DiskBus,
    /// Why, for the administrator.
    reason: String,
    /// It could not be listed; the new one must be.
    unreadable: bool,
}

impl Fixer for Initramfs {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "rebuilds an initramfs that lacks the drivers of the target's disk"
    }

    fn explanation(&self) -> &'static str {
        "A guest of VMware or Hyper-V may have an initramfs with the drivers of that hardware only: on KVM its \
         kernel does not find the root file system and stops in the initramfs' shell. For each installed kernel h2k \
         lists the initramfs, without running anything, and looks whether virtio_pci and virtio_blk (or virtio_scsi) \
         are in it or in the kernel. If they are, nothing is done. If not, the guest's own generator builds it anew \
         (initramfs-tools, dracut, mkinitcpio, mkinitrd, mkinitfs, booster or make-initrd), inside the appliance and \
         without network, told by a line in its configuration to keep these drivers at later rebuilds. A kernel that has no virtio drivers at all, and a guest without a \
         generator, are concerns."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        if !facts.is_linux() {
            return Ok(proposal);
        }
        let bus = policy.disk_bus;
        // The initramfs of a unified kernel image is inside of it; linux.kernel-arguments looks at that.
        let unified = |k: &KernelFacts| k.initramfs.is_none() && !facts.bootloader.ukis.is_empty();
        let bootable = |k: &&KernelFacts| k.image.is_some() && !k.version.starts_with(RESCUE) && !unified(k);
        let kernels: Vec<(&KernelFacts, State<'_>)> =
            facts.kernels.iter().filter(bootable).map(|k| (k, drivers::state(k, bus))).collect();
        if !kernels.is_empty() || facts.bootloader.ukis.is_empty() {
            proposal.concerns.extend(findings::of_kernels(&kernels));
        }
        proposal.concerns.extend(findings::of_rescue_kernels(facts, bus));
        let rebuilds: Vec<Rebuild<'_>> = kernels.iter().filter_map(|(k, s)| rebuild(k, s, bus)).collect();
        if !rebuilds.is_empty() {
            propose(facts, guest, &rebuilds, &kernels, &mut proposal)?;
        }
        Ok(proposal)
    }
}

/// What is to be built anew, and why.
fn rebuild<'a>(kernel: &'a KernelFacts, state: &State<'_>, bus: DiskBus) -> Option<Rebuild<'a>> {
    let initramfs = kernel.initramfs.as_ref()?;
    let name = initramfs.path.rsplit('/').next().unwrap_or_default();
    let reason = match state {
        State::Lacking(drivers) => {
            format!("{name} holds no {}; the disk would not be found", drivers.join(", "))
        }
        State::Unreadable(_) => format!("{name} cannot be listed; a new one surely holds the disk's drivers"),
        _ => return None,
    };
    let unreadable = matches!(state, State::Unreadable(_));
    Some(Rebuild { kernel, initramfs, bus, reason, unreadable })
}

/// Proposes the edits in the way of the guest's generator.
fn propose(
    facts: &GuestFacts,
    guest: &dyn Guest,
    rebuilds: &[Rebuild<'_>],
    kernels: &[(&KernelFacts, State<'_>)],
    proposal: &mut Proposal,
) -> Result<()> {
    let mut kept: Vec<&str> = Vec::new();
    for rebuild in rebuilds {
        let more = drivers::kept(rebuild.kernel, rebuild.bus);
        kept.extend(more.into_iter().filter(|d| !kept.contains(d)).collect::<Vec<_>>());
    }
    match facts.init.initramfs_generator.as_str() {
        "initramfs-tools" => initramfs_tools::propose(guest, rebuilds, &kept, proposal)?,
        "dracut" => dracut::propose(guest, rebuilds, &kept, proposal)?,
        "mkinitcpio" => mkinitcpio::propose(facts, guest, rebuilds, &kept, proposal)?,
        "mkinitrd" => mkinitrd::propose(facts, guest, rebuilds, &kept, proposal)?,
        "mkinitfs" => mkinitfs::propose(facts, guest, rebuilds, &kept, proposal)?,
        "booster" => booster::propose(facts, guest, rebuilds, &kept, proposal)?,
        "make-initrd" => make_initrd::propose(facts, guest, rebuilds, &kept, proposal)?,
        other => proposal.concerns.extend(findings::no_generator(other, kernels)),
    }
    if !proposal.edits.is_empty() {
        proposal.concerns.extend(rebuilds.iter().filter_map(|r| findings::space(facts, r)));
    }
    Ok(())
}
