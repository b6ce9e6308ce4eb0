//! OVF packages: a descriptor, its disks and manifests, in a directory or an archive (DSP0243).
//!
//! ```text
//!  bytes ─ xml ─ envelope (item, virtualbox) ─ hardware (machine, slots, units) ─→ Description   no file is opened
//!                                                                                      │ load
//!  package (directory, archive) ─ href ─ content ── in place, or scratch ──────────────┤
//!                               └ manifest ─ verify ── digests ────────────────────────┤
//!                                                                                      ▼
//!                                                                                  SourceVm
//! ```

mod content;
mod envelope;
mod hardware;
mod href;
mod item;
mod load;
mod machine;
pub mod manifest;
mod package;
mod slots;
mod units;
mod verify;
mod virtualbox;
mod xml;

pub use envelope::{DiskReference, Envelope, FileReference, VirtualSystem};
pub use hardware::{Description, DiskUse, describe};
pub use item::Item;
pub(crate) use load::Opened;
pub(crate) use package::{Package, descriptor_of};
