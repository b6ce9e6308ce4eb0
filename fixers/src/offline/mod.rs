//! A guest on its disks, seen through libguestfs: one appliance per VM, all its disks attached.
//!
//! ```text
//!  Session::launch(drives) ── appliance ──┬─ block   disks, partitions, volumes, file systems
//!                                         ├─ encrypted, bitlocker  encrypted volumes, opened with the user's keys
//!                                         ├─ system, chosen  operating systems, mounts
//!                                         ├─ files   the read side of Guest
//!                                         └─ apply   the write side of Guest
//! ```
//!
//! The rest of the crate never sees a libguestfs type.

mod acl;
mod appliance;
mod apply;
mod bitlocker;
mod block;
mod boot_sector;
mod btrfs;
mod chosen;
mod deathsig;
mod detect;
mod encrypted;
mod ffi;
mod files;
mod inside;
mod launch;
mod md090;
mod mount;
mod partition_types;
mod registry;
mod session;
mod system;
mod windows;

pub use encrypted::{VolumeKey, selects};
pub use launch::appliance_memory;
pub use session::{Access, Drive, LaunchOptions, Session};
