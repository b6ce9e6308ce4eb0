//! RPM: headers of packages, and the database of those that are installed.

mod database;
pub mod header;

pub use database::Database;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
