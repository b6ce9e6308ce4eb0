//! FETCH: from a recognised source to what its description says and where its disks' bytes are.

use std::path::{Path, PathBuf};

use crate::container::{Container, container_of};
use crate::error::FetchError;
use crate::limits::Limits;
use crate::ovf::{Opened, Package, descriptor_of};
use crate::recognise::Source;
use crate::scratch::Scratch;
use crate::sniff::head_of;
use crate::source::{SourceKind, SourceVm};
use crate::{disks, ova, vmx};

/// Warnings of one VM that are kept. A machine with more needs another look, not more lines.
const MAX_WARNINGS: usize = 200;

/// What may be chosen about a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchOptions {
    /// Compare the digests that a package's manifests give. This reads every byte of the package.
    pub verify_digests: bool,
    /// How far an archive may grow.
    pub limits: Limits,
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self { verify_digests: true, limits: Limits::default() }
    }
}

/// What a fetch will write into its scratch directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScratchNeed {
    /// Nothing: all disks are read where they are.
    Nothing,
    /// At most so many bytes.
    AtMost(u64),
    /// Something; how much shows only when it is decompressed.
    Unknown,
}

/// Fetches `source` with digests compared; see [`fetch_with`].
///
/// # Errors
/// See [`fetch_with`].
pub fn fetch(source: &Source, scratch: &Path) -> Result<SourceVm, FetchError> {
    fetch_with(source, scratch, &FetchOptions::default())
}

/// Reads the description of `source` and finds its disks. The source is only read. What cannot be read in
/// place is unpacked into the directory `scratch`, which is created if that is needed and must belong to this
/// fetch alone; on failure nothing is left in it.
///
/// # Errors
/// A [`FetchError`], whose kind says what is wrong with the source or the host.
pub fn fetch_with(source: &Source, scratch: &Path, options: &FetchOptions) -> Result<SourceVm, FetchError> {
    let mut scratch = Scratch::new(scratch, options.limits);
    let mut vm = match source {
        Source::Vmx(path) => vmx::load(path)?,
        Source::Disks(paths) => disks::load(paths)?,
        Source::Ovf(path) => {
            let path = canonical(path)?;
            ovf(&path)?.load(options.verify_digests, &mut scratch)?
        }
        Source::Ova(path) => {
            let path = canonical(path)?;
            let container = container(&path)?;
            ova(&path, container, &mut scratch)?.load(options.verify_digests, &mut scratch)?
        }
    };
    if let Some(more @ 1..) = vm.warnings.len().checked_sub(MAX_WARNINGS) {
        vm.warnings.truncate(MAX_WARNINGS);
        vm.warnings.push(format!("{more} more warnings"));
    }
    Ok(vm)
}

/// What fetching `source` will unpack, as far as that can be told without decompressing it.
///
/// # Errors
/// As [`fetch_with`]: what makes a fetch fail is found here too, except for wrong digests and damaged data.
pub fn needs_scratch(source: &Source) -> Result<ScratchNeed, FetchError> {
    let need = match source {
        Source::Vmx(_) | Source::Disks(_) => Some(0),
        Source::Ovf(path) => ovf(&canonical(path)?)?.unpacked_bytes()?,
        Source::Ova(path) => {
            let path = canonical(path)?;
            match container(&path)? {
                Container::CompressedTar(_) => None,
                // Nothing is unpacked to list these.
                container => {
                    let mut unused = Scratch::new(Path::new(""), Limits::default());
                    ova(&path, container, &mut unused)?.unpacked_bytes()?
                }
            }
        }
    };
    Ok(match need {
        Some(0) => ScratchNeed::Nothing,
        Some(bytes) => ScratchNeed::AtMost(bytes),
        None => ScratchNeed::Unknown,
    })
}

fn canonical(path: &Path) -> Result<PathBuf, FetchError> {
    std::fs::canonicalize(path).map_err(|e| FetchError::io(format!("opening {}", path.display()), e))
}

fn ovf(path: &Path) -> Result<Opened<'_>, FetchError> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str())) else {
        return Err(FetchError::usage(format!("{} has a name that is no UTF-8", path.display())));
    };
    let package = Package::Directory(directory.to_owned());
    Ok(Opened { package, ovf: name.to_owned(), path, kind: SourceKind::Ovf })
}

fn ova<'a>(path: &'a Path, container: Container, scratch: &mut Scratch) -> Result<Opened<'a>, FetchError> {
    let members = ova::members(path, container, scratch)?;
    let ovf = descriptor_of(&members, path)?;
    Ok(Opened { package: Package::Archive(members), ovf, path, kind: SourceKind::Ova })
}

fn container(path: &Path) -> Result<Container, FetchError> {
    container_of(path, &head_of(path)?)?.ok_or_else(|| {
        FetchError::unsupported(format!("{} is no tar, compressed tar or zip", path.display()))
            .with_hint("an OVA is a tar archive; it may have been cut off or be something else")
    })
}
