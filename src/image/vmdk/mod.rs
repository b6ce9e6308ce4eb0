//! VMware VMDK: a text descriptor and the extents that it names. `link` checks that all is there, `layer` reads it.

mod ahead;
pub mod cowd;
pub mod descriptor;
mod extent_line;
mod grain_reader;
mod grains;
mod layer;
mod link;
mod packed;
mod quirks;
pub mod sesparse;
mod shared;
mod spans;
pub mod sparse;

pub(crate) use layer::layer;
pub(super) use link::open;
pub(crate) use quirks::unfit_for_qemu;
