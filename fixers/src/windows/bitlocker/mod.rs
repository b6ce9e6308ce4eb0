//! BitLocker: what a volume's headers say of it, and how it is opened.
//!
//! ```text
//!  first sector ─▶ three copies of the metadata ─▶ protectors, each with the volume's master key (VMK)
//!                  └─ the first whole one            └─ VMK ─▶ key of the data (FVEK) ─▶ table of device-mapper
//! ```
//!
//! A protector is opened by a password, a recovery password, a startup key, or by nothing at all where the protection is
//! suspended (`manage-bde -protectors -disable`): the key lies beside it in the clear. cryptsetup refuses those volumes,
//! and takes half a minute for a password in an appliance without KVM; here it is less than a second.
//!
//! The layout is undocumented. It was looked at in volumes that Windows 10 and 11 made (the images that cryptsetup tests
//! itself with), and agrees with what the libbde project describes ("BitLocker Drive Encryption format specification").

mod format;
mod keys;
mod secret;
mod table;
#[cfg(test)]
mod tests;

pub use format::{FIRST_SECTOR, FirstSector, METADATA_SIZE, Metadata};
pub use keys::{clear_key, unlock};
pub use table::table;

use thiserror::Error;

/// Why a BitLocker volume is not understood, or not opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BitLockerError {
    /// Not what BitLocker of Windows 7 or newer begins a volume with.
    #[error("its first sector is not that of a BitLocker volume of Windows 7 or newer")]
    FirstSector,
    /// No whole copy of its metadata.
    #[error("its metadata is damaged: {0}")]
    Metadata(&'static str),
    /// It is being encrypted or decrypted.
    #[error("its encryption or decryption is not finished")]
    Converting,
    /// An encryption that is not known.
    #[error("it is encrypted by method {0:#06x}, which is not known")]
    Method(u16),
    /// Keys that do not fit each other.
    #[error("the key that lies in its metadata does not open it")]
    Key,
    /// No protector is opened by what was given.
    #[error("it is no password, recovery password or startup key of it")]
    Secret,
}
