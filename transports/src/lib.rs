//! Where a virtual machine comes from: what its hypervisor says of it, and where the bytes of its disks are.
//!
//! ```text
//!  SOURCE on the command line
//!     │ recognise            what kind of source is this? (by content, not by name alone)
//!     ├── vmx/               a VMware .vmx with its VMDKs
//!     ├── ovf/               an .ovf with its files beside it; manifests
//!     ├── ova/               an archive with an .ovf in it: tar, tar.gz, tar.xz, zip
//!     └── disks              plain disk files, NBD exports
//!     ▼ fetch
//!  SourceVm { what the hypervisor says, disks at their places, warnings }
//! ```
//!
//! Nothing here writes to a source, and nothing here decides: what is unknown stays unknown. All of it comes
//! from strangers: every name is kept within its directory or archive (`confine`), every size within a named
//! limit (`limits`, and a constant beside each reader). What has to be unpacked is unpacked into a scratch
//! directory under names of our own (`scratch`).

mod confine;
mod container;
mod disks;
pub mod error;
mod features;
mod fetch;
mod limits;
mod member;
mod nbd_uri;
mod ova;
pub mod ovf;
pub mod range;
mod recognise;
mod scratch;
mod sniff;
pub mod source;
mod text;
pub mod vmx;

pub use error::{FetchError, FetchErrorKind};
pub use features::{DiskTraits, Features, HostDevice, HostDeviceKind};
pub use fetch::{FetchOptions, ScratchNeed, fetch, fetch_with, needs_scratch};
pub use limits::Limits;
pub use nbd_uri::{NbdServer, NbdUri};
pub use range::RangeRead;
pub use recognise::{Source, recognise};
pub use source::*;
