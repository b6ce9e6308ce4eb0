//! From a package to a [`SourceVm`].

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

use super::content::{self, Content};
use super::envelope::Envelope;
use super::hardware::{Description, DiskUse, describe};
use super::package::Package;
use super::verify::verify;
use crate::error::FetchError;
use crate::scratch::Scratch;
use crate::source::{DiskLocation, SourceKind, SourceVm};
use crate::text::read_limited;

/// Largest `.ovf` that is read, in bytes. Those of large appliances with licence texts have some 100 KiB.
pub(crate) const MAX_OVF_BYTES: u64 = 8 << 20;

/// A package, the name of its descriptor in it, and what the user gave.
pub(crate) struct Opened<'a> {
    /// The files.
    pub package: Package,
    /// The descriptor's name in the package.
    pub ovf: String,
    /// The `.ovf` or `.ova` file.
    pub path: &'a Path,
    /// Which of them it is.
    pub kind: SourceKind,
}

impl Opened<'_> {
    /// What the descriptor says.
    ///
    /// # Errors
    /// See [`Envelope::parse`].
    fn describe(&self) -> Result<Description, FetchError> {
        let doing = || format!("reading {} of {}", self.ovf, self.path.display());
        let member = self.package.find(&self.ovf)?.ok_or_else(|| FetchError::not_found(&self.ovf))?;
        let reader = member.open().map_err(|e| FetchError::io(doing(), e))?;
        let bytes = read_limited(reader, MAX_OVF_BYTES, &self.ovf)?;
        let envelope = Envelope::parse(&bytes).map_err(|e| e.context(doing()))?;
        let stem = self.path.file_stem().map(OsStr::to_string_lossy).unwrap_or_default();
        let mut description = describe(&envelope, &stem, self.path);
        description.vm.kind = self.kind;
        Ok(description)
    }

    /// Describes the VM, compares the digests if `verify_digests`, and places its disks.
    ///
    /// # Errors
    /// See [`verify`], [`content::find`] and [`content::place`].
    pub(crate) fn load(&self, verify_digests: bool, scratch: &mut Scratch) -> Result<SourceVm, FetchError> {
        let Description { mut vm, disks } = self.describe()?;
        // All that is cheap comes before the hashing, which reads every byte.
        let contents = self.contents(&disks, &mut vm.warnings)?;
        let mut verified = BTreeSet::new();
        if verify_digests {
            let result = verify(&self.package, &self.ovf)?;
            vm.warnings.extend(result.warnings);
            verified = result.members;
        }
        for (disk, content) in disks.iter().zip(&contents) {
            vm.disks.push(match content {
                Some(content) => {
                    vm.warnings.extend(size_warning(disk, content, &verified));
                    content::place(disk, content, scratch)?
                }
                None => content::blank(disk, scratch)?,
            });
        }
        for disk in &vm.disks {
            if let DiskLocation::File { path } = &disk.location {
                scratch.keep(path);
            }
        }
        Ok(vm)
    }

    /// The content of each disk; `None` for one that starts blank.
    fn contents(
        &self,
        disks: &[DiskUse],
        warnings: &mut Vec<String>,
    ) -> Result<Vec<Option<Content>>, FetchError> {
        let mut contents = Vec::new();
        let mut used = BTreeSet::new();
        for disk in disks {
            refuse_delta(disk)?;
            let Some(file) = &disk.file else {
                contents.push(None);
                continue;
            };
            let content = content::find(&self.package, &self.ovf, file, warnings)?;
            let is_new = content.pieces.first().is_none_or(|first| used.insert(first.name.clone()));
            if !is_new {
                // Besides being no machine that can run, it would multiply what is unpacked.
                return Err(FetchError::unsupported(format!(
                    "two disks of the OVF have the file {:?}",
                    file.href
                )));
            }
            contents.push(Some(content));
        }
        Ok(contents)
    }

    /// At most how many bytes [`Opened::load`] will unpack; `None` if the package does not tell.
    ///
    /// # Errors
    /// As [`Opened::load`], but nothing is hashed and nothing unpacked.
    pub(crate) fn unpacked_bytes(&self) -> Result<Option<u64>, FetchError> {
        let Description { disks, .. } = self.describe()?;
        let contents = self.contents(&disks, &mut Vec::new())?;
        let bytes = |(disk, content): (&DiskUse, &Option<Content>)| match content {
            Some(content) if content.gzip => disk.disk.capacity_bytes.map(content::largest_image),
            Some(content) if content.in_place().is_none() => Some(content.packed_size()),
            _ => Some(0),
        };
        Ok(disks
            .iter()
            .zip(&contents)
            .map(bytes)
            .try_fold(0u64, |sum, bytes| Some(sum.saturating_add(bytes?))))
    }
}

fn refuse_delta(disk: &DiskUse) -> Result<(), FetchError> {
    let Some(parent) = &disk.disk.parent else { return Ok(()) };
    let what = format!("the disk {:?} is a delta of {parent:?} within the package", disk.disk.id);
    Err(FetchError::unsupported(what).with_hint("export the VM without snapshots"))
}

/// A file that is larger or smaller than the OVF says is worth a word, unless its digest was found right.
fn size_warning(disk: &DiskUse, content: &Content, verified: &BTreeSet<String>) -> Option<String> {
    let declared = disk.file.as_ref()?.size?;
    let found = content.packed_size();
    let proven = content.pieces.iter().all(|piece| verified.contains(&piece.name));
    let href = &disk.file.as_ref()?.href;
    (declared != found && !proven).then(|| format!("{href:?} has {found} bytes, the OVF says {declared}"))
}
