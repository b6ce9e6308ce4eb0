//! Windows guests.
//!
//! ```text
//!  target   which Windows a guest is, as the choice of drivers sees it
//!  inf/     what an INF file says, read as Windows' SetupAPI reads it
//!  drivers/ a virtio-win tree or image: which driver serves which device of which Windows
//! ```

pub mod drivers;
pub mod inf;
pub mod target;

pub use target::{Arch, ProductType, WindowsTarget};
