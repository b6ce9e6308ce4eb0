//! QEMU qcow2: header, backing file, whether all clusters lie inside the file, and its bytes.

mod entry;
pub mod header;
mod link;
mod packed;
mod reader;
mod tables;
mod walk;

pub(super) use link::open;
pub use reader::Qcow2Reader;
pub(crate) use reader::layer;
