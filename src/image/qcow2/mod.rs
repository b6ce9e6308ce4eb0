//! QEMU qcow2: header, backing file, and whether all clusters lie inside the file.

pub mod header;
mod link;
mod tables;

pub(super) use link::open;
