//! The target as libvirt takes it.
//!
//! [`domain`] is the data; [`xml::libvirt_xml`] writes it, [`parse::from_xml`] reads it back, and [`check::check`]
//! says beforehand whether libvirt could take it at all (a name with a line feed, a multicast MAC address) so that no
//! disk is copied for a domain that cannot be defined.

pub mod check;
mod devices;
pub mod domain;
pub mod osinfo;
pub mod parse;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod tree;
pub mod xml;

pub use parse::from_xml;
pub use xml::libvirt_xml;
