//! Facts of a guest, as far as its files tell them.
//!
//! ```text
//!  Guest ─▶ os_release   which Linux it is          (asked by the backend, before anything is mounted)
//!        ─▶ gather ─┬─▶ fstab
//!                   ├─▶ bootloader ─▶ grub_script, uki; kernels ─▶ bls, boot_names, modules, crate::initramfs
//!                   ├─▶ network     one file per configuration stack
//!                   ├─▶ tools       packages, units
//!                   ├─▶ init
//!                   └─▶ software
//! ```
//!
//! The guest is hostile: reads are bounded, names from its files never lead to a path outside of what the
//! [`Guest`] trait resolves inside the guest, and nothing is followed more than a fixed number of times. Parsers
//! take text; the functions beside them do the reading. What cannot be understood is kept as a fact; what cannot
//! be read is an error.

pub(crate) mod bls;
mod boot_names;
mod bootloader;
pub mod crypttab;
pub mod fstab;
mod grub_script;
mod init;
mod kernels;
pub mod mdadm;
mod modules;
pub(crate) mod network;
pub mod os_release;
pub(crate) mod packages;
mod release_files;
mod software;
mod text;
pub mod tools;
mod uki;
pub(crate) mod units;
pub(crate) mod version;

#[cfg(test)]
mod tests;

#[cfg(any(test, feature = "phony"))]
pub(crate) use uki::image::image as uki_image;
#[cfg(test)]
pub(crate) use uki::look as look_at_uki;

pub use kernels::RESCUE;
pub(crate) use kernels::initramfs_at;
pub use modules::OF_INTEREST;
pub(crate) use version::key as version_key;

use crate::error::Result;
use crate::facts::GuestFacts;
use crate::guest::Guest;

/// Fills in what the files of the migrated system say: fstab, bootloader, kernels, network, tools, init; of Windows, its
/// registry. The backend has filled the rest before (systems, devices, mounts); any other system is left alone.
///
/// # Errors
/// The guest could not be read.
pub fn gather(guest: &dyn Guest, facts: &mut GuestFacts) -> Result<()> {
    match facts.system().map(|system| system.kind.as_str()) {
        Some("linux") => {}
        Some("windows") => return crate::windows::inspect::gather(guest, facts),
        _ => return Ok(()),
    }
    facts.fstab = text::config(guest, fstab::PATH)?.map(|text| fstab::parse(&text)).unwrap_or_default();
    facts.bootloader = bootloader::bootloader(guest, facts)?;
    facts.init = init::init(guest)?;
    let generator = &facts.init.initramfs_generator;
    facts.kernels = kernels::kernels(guest, &facts.bootloader, generator)?;
    facts.network = network::network(guest)?;
    facts.tools = tools::tools(guest)?;
    facts.software = software::software(guest)?;
    Ok(())
}

/// Fills in the bootloader's files alone, for a boot test.
///
/// # Errors
/// The guest could not be read.
pub fn gather_bootloader(guest: &dyn Guest, facts: &mut GuestFacts) -> Result<()> {
    facts.bootloader = bootloader::bootloader(guest, facts)?;
    Ok(())
}
