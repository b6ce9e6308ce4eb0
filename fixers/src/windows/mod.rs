//! Repairs of Windows guests.

pub mod path;
