//! Windows guests: what they are ([`inspect`]), and their repairs.

mod company;
pub mod inspect;
mod mac;
pub mod path;
mod vendors;

#[cfg(test)]
pub(crate) mod testing;
