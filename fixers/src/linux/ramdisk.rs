//! The initramfs: without the drivers of the target's disk in it a kernel does not find its root file system.
//!
//! ```text
//!  kernel ─ drivers ─▶ Fine: nothing is done
//!                      Lacking, Unreadable ─▶ rebuild ─▶ settings of the generator, and then, by its way:
//!                                                        append: an archive behind the image that is there
//!                                                        the guest's generator: the run that builds it anew
//!                      Absent, NoInitramfs, Unknown ─▶ a concern
//! ```

mod append;
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
mod way;
mod wordlist;

#[cfg(test)]
mod tests;

use h2k_config::{DiskBus, Policy};

use crate::error::Result;
use crate::facts::{InitramfsFacts, KernelFacts};
use crate::inspect::RESCUE;
use crate::{Change, Edit, Fixer, Guest, GuestFacts, Proposal};

use drivers::State;

const ID: &str = "linux.initramfs";
/// Why a generator's settings are changed.
const KEPT: &str = "images that the guest builds itself are to hold the drivers too";

/// Puts the target's drivers into every initramfs that lacks them.
pub struct Initramfs;

/// An image that lacks drivers, or may lack them.
struct Rebuild<'a> {
    kernel: &'a KernelFacts,
    initramfs: &'a InitramfsFacts,
    bus: DiskBus,
    /// Why, for the administrator.
    reason: String,
    /// It could not be listed; the new one must be.
    unreadable: bool,
}

impl Rebuild<'_> {
    /// The run of a generator that builds the image, and changes nothing else.
    fn run<S: AsRef<str>>(&self, argv: &[S]) -> Edit {
        self.run_with(argv, &[])
    }

    /// The same of one that leaves other files too.
    fn run_with<S: AsRef<str>>(&self, argv: &[S], others: &[&str]) -> Edit {
        let argv = argv.iter().map(|word| word.as_ref().to_owned()).collect();
        let image = std::iter::once(self.initramfs.path.as_str());
        let changes = image.chain(others.iter().copied()).map(str::to_owned).collect();
        Edit::new(ID, &self.reason, Change::Run { argv, changes })
    }
}

impl Fixer for Initramfs {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "puts the drivers of the target's disk into an initramfs that lacks them"
    }

    fn explanation(&self) -> &'static str {
        "A guest of VMware or Hyper-V may have an initramfs with the drivers of that hardware only: on KVM its \
         kernel does not find the root file system and stops in the initramfs' shell. For each installed kernel h2k \
         lists the initramfs, without running anything, and looks whether virtio_pci and virtio_blk (or virtio_scsi) \
         are in it or in the kernel. If they are, nothing is done. If not, there are two ways, --initramfs. append: a \
         small archive with the kernel's own virtio modules, their lines in the indexes of modules and in the list of \
         modules to load is appended to the initramfs, as the kernel allows; it is made on the host, in about a second, \
         and what the initramfs holds stays as it is. tool: the guest's own generator builds it anew (initramfs-tools, \
         dracut, mkinitcpio, mkinitrd, mkinitfs, booster or make-initrd), inside the appliance and without network, \
         which takes minutes without KVM. auto appends where a guest with that generator was booted so, or where the \
         guest has no generator that h2k runs, and takes the tool elsewhere: for an initramfs that cannot be listed, is \
         packed with lz4, or holds settings with names of the old hardware. Either way a line in the generator's \
         configuration keeps these drivers at the guest's own later rebuilds. A kernel that has no virtio drivers at \
         all, and a guest without a generator, are concerns."
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
            propose(facts, guest, policy, rebuilds, &kernels, &mut proposal)?;
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

/// Proposes the edits: what keeps the drivers at later rebuilds, what the generator builds, what is appended.
fn propose(
    facts: &GuestFacts,
    guest: &dyn Guest,
    policy: &Policy,
    rebuilds: Vec<Rebuild<'_>>,
    kernels: &[(&KernelFacts, State<'_>)],
    proposal: &mut Proposal,
) -> Result<()> {
    let mut kept: Vec<&str> = Vec::new();
    for rebuild in &rebuilds {
        let more = drivers::kept(rebuild.kernel, rebuild.bus);
        kept.extend(more.into_iter().filter(|d| !kept.contains(d)).collect::<Vec<_>>());
    }
    let generator = facts.init.initramfs_generator.as_str();
    let tool = tool(generator);
    let ways = way::choose(facts, guest, policy.initramfs, tool.is_some(), rebuilds)?;
    match tool {
        Some(propose) => propose(facts, guest, &ways.built, &kept, proposal)?,
        None => proposal.concerns.extend(findings::no_generator(generator, kernels, &ways)),
    }
    if tool.is_some() {
        proposal.concerns.extend(ways.built.iter().filter_map(|r| {
            let size = built_size(generator, r.initramfs.size);
            findings::space(facts, &r.initramfs.path, size)
        }));
    }
    for (rebuild, appendix) in &ways.appended {
        proposal.edits.push(appendix.edit.clone());
        proposal.concerns.extend(findings::old_names(&rebuild.initramfs.path, &appendix.old_names));
        proposal.concerns.extend(findings::space(facts, &rebuild.initramfs.path, appendix.estimate));
    }
    proposal.concerns.extend(findings::not_appended(&ways, tool.is_some()));
    Ok(())
}

/// About how many bytes an image takes that is built anew, beside the old one of `size` bytes.
fn built_size(generator: &str, size: u64) -> u64 {
    match generator {
        // With the drivers of every machine: 26 MB for Debian 12's kernel, of which those of a VMware VM were 4 MB.
        "booster" => size.saturating_mul(8).max(32 << 20),
        _ => size,
    }
}

/// Proposes what makes a generator build the images and keep the drivers `&[&str]` in them; without images, only what
/// keeps them.
type Tool = fn(&GuestFacts, &dyn Guest, &[Rebuild<'_>], &[&str], &mut Proposal) -> Result<()>;

/// The generators that h2k runs.
fn tool(generator: &str) -> Option<Tool> {
    match generator {
        "initramfs-tools" => Some(initramfs_tools::propose),
        "dracut" => Some(dracut::propose),
        "mkinitcpio" => Some(mkinitcpio::propose),
        "mkinitrd" => Some(mkinitrd::propose),
        "mkinitfs" => Some(mkinitfs::propose),
        "booster" => Some(booster::propose),
        "make-initrd" => Some(make_initrd::propose),
        _ => None,
    }
}
