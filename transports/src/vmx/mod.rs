//! VMware `.vmx` files.
//!
//! ```text
//!  bytes ─ dictionary ─ hardware, devices, boot, nics ─→ Description      no file is opened
//!                                                            │ load: place (disk files), state (locks, snapshots)
//!                                                            ▼
//!                                                        SourceVm
//! ```
//!
//! VMware publishes no description of the keys. What is known of them comes from what its products write,
//! from open-vm-tools (the dictionary format) and from virt-v2v's `parse_domain_from_vmx.ml`.

mod boot;
mod devices;
mod dictionary;
mod hardware;
mod ids;
mod kind;
mod lines;
mod load;
mod nics;
mod place;
mod state;

pub use devices::DiskFile;
pub use dictionary::Dictionary;
pub(crate) use ids::mac_address;
pub(crate) use load::load;
pub use load::{Description, describe};
