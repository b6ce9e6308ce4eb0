//! The seven stages, a file each. What a stage leaves holds what the stage before it left.

pub mod convert;
pub mod fetch;
pub mod fix;
pub mod flatten;
pub mod inspect;
pub mod plan;
pub mod validate;
