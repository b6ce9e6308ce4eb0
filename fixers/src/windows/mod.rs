//! Windows guests: what they are, and their repairs.
//!
//! ```text
//!  inspect/ version, control sets, adapters, tools, how it was shut down ─▶ WindowsFacts
//!  inf/     what an INF file says, read as Windows' SetupAPI reads it
//!  drivers/ a virtio-win tree or image: which driver serves which device of which Windows
//!  target   which Windows a guest is, as the choice of drivers sees it
//!  stage/   a driver package in a guest, as Windows itself puts it there
//!  boot_driver, staged, first_boot/, tools, boot_files   the repairs
//!  bitlocker/ what an encrypted volume's headers say, and how it is opened
//!  ready    what the guest will be able to use after them
//! ```
//!
//! A Windows guest has no single tree: its volumes are mounted side by side, the system's own at `/c`, the EFI system
//! partition at `/esp`, a partition with the boot manager alone at `/boot`. Names are compared without regard to case.

pub mod bitlocker;
mod board;
pub mod boot_driver;
pub mod boot_files;
mod company;
pub mod drivers;
pub mod first_boot;
pub mod geometry;
mod guest_target;
pub mod inf;
pub mod inspect;
mod mac;
pub mod path;
pub mod ready;
mod stage;
pub mod staged;
pub mod target;
pub mod tools;
mod vendors;
mod virtio;

#[cfg(any(test, feature = "phony"))]
pub mod phony;
#[cfg(any(test, feature = "phony"))]
mod testing;
#[cfg(test)]
mod tests;

pub use target::{Arch, ProductType, WindowsTarget};

/// Where the system's volume is mounted.
pub const SYSTEM_VOLUME: &str = "/c";
/// Where the EFI system partition is mounted.
pub const ESP: &str = "/esp";
/// Where a partition that holds the boot manager and nothing of the system is mounted.
pub const BOOT_VOLUME: &str = "/boot";
