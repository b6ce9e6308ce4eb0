//! Repairs of Linux guests.

pub mod addresses;
pub mod agent;
pub mod boot;
pub mod clock;
pub mod cloud_init;
pub mod console;
pub mod crypttab;
pub mod customize;
pub mod device_map;
pub mod fstab;
pub mod identity;
pub mod kdump;
pub mod lvm;
pub mod macpins;
pub mod mdadm;
pub mod modules;
pub mod names;
pub mod netnames;
pub mod ramdisk;
pub(crate) mod readiness;
pub mod removal;
pub mod repositories;
pub mod resume;
pub mod selinux;
pub mod serial;
pub mod tools;
pub mod uefi;

mod accounts;
mod fields;
mod manager;
mod reason;
mod severity;
pub(crate) mod shell;
mod text;
mod units;

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod distros;
#[cfg(any(test, feature = "phony"))]
pub mod phony;
#[cfg(test)]
mod pitfalls;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
