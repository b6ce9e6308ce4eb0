//! A driver package: an INF file, its catalog, and the files that it copies.

use std::sync::Arc;

use super::catalog::Signature;
use super::error::Result;
use super::osdir::OsDir;
use super::role::Role;
use super::store::{Entry, Store};
use crate::hostfile::HostFile;
use crate::windows::Arch;
use crate::windows::inf::{Device, DriverVersion, Inf, Place, Service};

/// A driver package that was chosen for a Windows.
#[derive(Debug, Clone)]
pub struct Package {
    /// What it was looked for.
    pub role: Role,
    /// Name of the INF file: `viostor.inf`.
    pub inf_name: String,
    /// Its directory in the source: `viostor/2k22/amd64`.
    pub directory: String,
    /// The INF file.
    pub inf: Inf,
    /// Its bytes.
    pub inf_bytes: Vec<u8>,
    /// Where it is.
    pub inf_file: HostFile,
    /// The catalog that the INF file names, if it is there.
    pub catalog: Option<Catalog>,
    /// Files of the package besides INF file and catalog, each once.
    pub files: Vec<PackageFile>,
    /// All devices that the INF file has for that Windows.
    pub devices: Vec<Device>,
    /// Function driver of the role's devices; `None` for devices without one (QEMU's stub for fw_cfg).
    pub service: Option<Service>,
    /// Date and version.
    pub version: DriverVersion,
    /// Name of the device class: `SCSIAdapter`.
    pub class: String,
    /// Its GUID with braces, upper-case.
    pub class_guid: String,
    /// Who provides it.
    pub provider: String,
    /// Which Windows its directory is for.
    pub os_dir: Option<OsDir>,
    /// Architecture.
    pub arch: Arch,
    /// Why this one and no other, one sentence.
    pub reason: String,
    /// What the user should know of it.
    pub warnings: Vec<Warning>,
}

impl Package {
    /// Devices of the role that it was looked for.
    pub fn role_devices(&self) -> impl Iterator<Item = &Device> {
        self.devices.iter().filter(|device| self.role.serves(device))
    }
}

/// The catalog of a package.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// Its name, as the file system has it.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Where it is.
    pub file: HostFile,
    /// Its signature; `None` if it has none or cannot be read.
    pub signature: Option<Signature>,
}

/// A file of a package.
#[derive(Debug, Clone)]
pub struct PackageFile {
    /// Name, as the file system has it.
    pub name: String,
    /// Directory below that of the INF file, with `/`; empty for that one.
    pub dir: String,
    /// Where it goes; empty for a file that is of the package but is copied nowhere.
    pub places: Vec<Place>,
    /// Its size in bytes.
    pub len: u64,
    pub(super) entry: Entry,
    pub(super) store: Arc<Store>,
}

impl PackageFile {
    /// Its content.
    ///
    /// # Errors
    /// It cannot be read, or is larger than what a plan holds.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        self.store.read(&self.entry)
    }

    /// Where it is.
    pub fn host_file(&self) -> HostFile {
        self.store.host_file(&self.entry)
    }

    /// BLAKE3 digest of its content, in hexadecimal.
    ///
    /// # Errors
    /// As for [`PackageFile::bytes`].
    pub fn digest(&self) -> Result<String> {
        Ok(blake3::hash(&self.bytes()?).to_hex().to_string())
    }
}

/// What the user should know of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// Its directory is that of an older Windows.
    OlderDirectory {
        /// The Windows that it is for.
        dir: OsDir,
    },
    /// Nothing says which Windows it is for besides its INF file.
    UnnamedDirectory,
    /// The INF file names no catalog, or it is not there, or it has no signature.
    Unsigned {
        /// Which of these, a sentence.
        what: String,
    },
    /// It is signed for tests, or by itself: only a Windows in test mode loads it.
    TestSigned {
        /// Name of the signer.
        signer: String,
    },
    /// It is signed by its vendor, and nobody vouches for that whom 64-bit Windows knows.
    VendorSigned {
        /// Name of the signer.
        signer: String,
    },
    /// It is signed by its vendor, for whom Microsoft vouches in the way that was given up with Windows 10 1607.
    CrossSigned {
        /// Name of the signer.
        signer: String,
    },
    /// It is signed with SHA-256, which this Windows does not take.
    NeedsSha256 {
        /// What is signed so.
        file: String,
    },
    /// The INF file says something that Windows does not follow.
    Inf(String),
    /// A file that the INF file lists, but copies nowhere, is not there.
    ListedFileMissing(String),
}
