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
//!           │  booster: images of the one generator that lays modules out in its own way
//!           │  layout: what an archive that is appended would meet
//!
//!  archive   writes one that is appended      modindex   the binary form of the indexes of modules
//! ```
//!
//! The format is the kernel's own: Documentation/driver-api/early-userspace/buffer-format.rst, and where that is
//! silent `unpack_to_rootfs` in init/initramfs.c. Everything in it is hostile input: memory stays constant apart
//! from the names that are kept, and every number that the archive may drive has a named limit.

mod archive;
mod booster;
mod compress;
mod contents;
mod cpio;
mod error;
mod input;
mod layout;
mod listing;
mod lz4;
pub mod modindex;
#[cfg(test)]
mod program_tests;
#[cfg(any(test, feature = "phony"))]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use archive::{ArchiveWriter, MAX_ARCHIVE, is_plain};
pub use compress::{Compression, unpack};
pub use contents::module_name;
pub(crate) use error::chain;
pub use error::{CpioError, InitramfsError, WriteError};
pub use layout::Layout;
pub use listing::{Listing, MAX_PACKED, MAX_SEGMENTS, Segment, extract, list};
