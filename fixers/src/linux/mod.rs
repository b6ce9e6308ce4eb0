//! Repairs of Linux guests.

pub mod addresses;
pub mod boot;
pub mod cloud_init;
pub mod console;
pub mod crypttab;
pub mod device_map;
pub mod fstab;
pub mod lvm;
pub mod macpins;
pub mod mdadm;
pub mod names;
pub mod netnames;
pub mod ramdisk;
pub(crate) mod readiness;
pub mod resume;
pub mod tools;
pub mod uefi;

mod fields;
mod reason;
mod severity;
pub(crate) mod shell;
mod text;

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod distros;
#[cfg(test)]
mod pitfalls;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
