//! Drivers of a virtio-win: a directory of the host, or an ISO image that is read and never mounted.
//!
//! ```text
//!  host directory ─┐
//!                  ├─▶ Store ─▶ every *.inf ─▶ Inf.resolve(target) ─▶ hardware ids ─▶ Role
//!  iso/ ───────────┘      osdir: which Windows a directory is for ─▶ ranking ─▶ Package
//! ```
//!
//! A driver is recognised by the hardware ids of its INF file and chosen by the decorations there; names of files decide
//! nothing. Names of directories (`2k12R2`, `amd64`) only rank what fits.

mod build;
mod catalog;
mod der;
mod error;
mod find;
pub mod iso;
mod osdir;
mod package;
mod pe;
mod role;
mod source;
mod store;

#[cfg(any(test, feature = "phony"))]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub(super) use build::MICROSOFT_SIGNS;
pub use catalog::{Digest, Signature, Trust, signature};
pub use error::DriverError;
pub use osdir::{OsDir, OsKind};
pub use package::{Catalog, Package, PackageFile, Warning};
pub use pe::embedded_signature;
pub use role::{ROLES, Role};
pub use source::DriverSource;
pub use store::member;
