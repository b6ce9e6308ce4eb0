//! VMware VMDK: a text descriptor and the extents that it names.

pub mod cowd;
pub mod descriptor;
mod extent_line;
mod grains;
mod link;
mod quirks;
pub mod sesparse;
pub mod sparse;

pub(super) use link::open;
