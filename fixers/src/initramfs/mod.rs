//! What an initramfs holds, read on the host: no program of the guest runs and nothing is unpacked.
//!
//! ```text
//!  Read ─▶ input     looks ahead, knows its offset, ends at a limit
//!           │  zeros: padding                       "0707…": an archive as it is
//!           │  a magic number: compress ─▶ one decoder (lz4 for the kernel's legacy form)
//!           ▼
//!          cpio      entry after entry, bodies skipped
//!           ▼
//!          contents  kernel modules, module lists, the generator's traces ─▶ listing
//! ```
//!
//! The format is the kernel's own: Documentation/driver-api/early-userspace/buffer-format.rst, and where that is
//! silent `unpack_to_rootfs` in init/initramfs.c. Everything in it is hostile input: memory stays constant apart
//! from the names that are kept, and every number that the archive may drive has a named limit.

mod compress;
mod contents;
mod cpio;
mod error;
mod input;
mod listing;
mod lz4;
#[cfg(test)]
mod program_tests;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use compress::Compression;
pub use contents::module_name;
pub(crate) use error::chain;
pub use error::{CpioError, InitramfsError};
pub use listing::{Listing, MAX_PACKED, MAX_SEGMENTS, Segment, list};
