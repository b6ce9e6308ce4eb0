//! Every fixer, in the order in which their edits are made. This list feeds the run order, `h2k fixers`, the manual
//! and the test that walks all entries.

use crate::fixer::Fixer;
use crate::{linux, windows};

/// Every fixer, in run order; those of Linux and of Windows never meet. Initramfs comes late: it takes in what the others
/// wrote. SELinux comes last: it labels what the others create.
pub static FIXERS: &[&dyn Fixer] = &[
    &linux::fstab::Fstab,
    &linux::crypttab::Crypttab,
    &linux::boot::KernelArguments,
    &linux::device_map::DeviceMap,
    &linux::resume::Resume,
    &linux::uefi::UefiFallback,
    &linux::lvm::LvmDevices,
    &linux::mdadm::Mdadm,
    &linux::macpins::MacPins,
    &linux::netnames::NicNames,
    &linux::addresses::Addresses,
    &linux::cloud_init::CloudInitNetwork,
    &linux::removal::ToolPackages,
    &linux::tools::GuestTools,
    &linux::repositories::VendorRepositories,
    &linux::modules::VendorModules,
    &linux::modules::VirtioBlocks,
    &linux::agent::GuestAgent,
    &linux::kdump::Kdump,
    &linux::clock::Clock,
    &linux::serial::SerialConsole,
    &linux::identity::Identity,
    &linux::customize::hostname::HostName,
    &linux::customize::users::Users,
    &linux::customize::files::Files,
    &linux::customize::units::WantedUnits,
    &linux::removal::RemovePackages,
    &linux::customize::first_boot::FirstBoot,
    &linux::ramdisk::Initramfs,
    &linux::selinux::SeLinux,
    &windows::boot_driver::BootDriver,
    &windows::staged::Drivers,
    &windows::tools::GuestTools,
    &windows::boot_files::BootFiles,
    &windows::geometry::Geometry,
    &windows::first_boot::FirstBoot,
];
