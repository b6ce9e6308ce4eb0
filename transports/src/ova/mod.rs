//! The archives that an OVF package comes in: which members there are and where their bytes lie.
//!
//! DSP0243 (section 5.3) has an OVA be a plain tar. Compressed tars and zips are not in it, but are shipped.
//! A member of a plain tar and a stored one of a zip are read in place; a compressed tar has to be unpacked
//! as a whole, because nothing in it can be reached without decompressing all that is before.

mod pax;
pub(crate) mod tar;
mod tar_header;
mod zip;
mod zip_records;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use crate::container::{Compression, Container, decoder};
use crate::error::FetchError;
use crate::member::{Member, Place};
use crate::scratch::Scratch;

/// Most members of an archive. Packages have a handful; split disks of many TiB some thousands.
const MAX_MEMBERS: usize = 20_000;

/// The members of the archive at `path`, by name. Only those of a compressed tar are unpacked.
///
/// # Errors
/// See [`tar::Entries::next`] and [`zip::members`]; besides, `Unsafe` if two members have the same name, and
/// `Unsupported` if there are too many or too much comes out of a compressed archive.
pub(crate) fn members(
    path: &Path,
    container: Container,
    scratch: &mut Scratch,
) -> Result<BTreeMap<String, Member>, FetchError> {
    let mut members = Members::default();
    match container {
        Container::Tar => index_tar(path, &mut members)?,
        Container::CompressedTar(compression) => unpack_tar(path, compression, scratch, &mut members)?,
        Container::Zip => index_zip(path, scratch, &mut members)?,
    }
    Ok(members.by_name)
}

fn index_tar(path: &Path, members: &mut Members) -> Result<(), FetchError> {
    let archive = path.display().to_string();
    let failed = |e| FetchError::io(format!("opening {archive}"), e);
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let mut entries = tar::Entries::new(file, archive.as_str());
    while let Some(tar::Entry { name, offset, size }) = entries.next()? {
        if offset.checked_add(size).is_none_or(|end| end > length) {
            return Err(FetchError::corrupt(format!(
                "corrupt OVA: {archive} ends within the member {name:?}"
            ))
            .with_hint("the archive was cut off; fetch it again"));
        }
        members.add(Member { name, place: Place::Part { path: path.to_owned(), offset }, size })?;
    }
    Ok(())
}

/// Members of a zip may share their bytes, so that a small archive declares an enormous content; even hashing
/// that would take days.
fn index_zip(path: &Path, scratch: &Scratch, members: &mut Members) -> Result<(), FetchError> {
    let packed = size_of(path)?;
    let mut declared = 0u64;
    for member in zip::members(path)? {
        declared = declared.saturating_add(member.size);
        let checked = scratch.limits().check(declared, packed);
        checked.map_err(|e| FetchError::io(format!("reading {}", path.display()), e))?;
        members.add(member)?;
    }
    Ok(())
}

fn size_of(path: &Path) -> Result<u64, FetchError> {
    let metadata = fs::metadata(path);
    Ok(metadata.map_err(|e| FetchError::io(format!("opening {}", path.display()), e))?.len())
}

fn unpack_tar(
    path: &Path,
    compression: Compression,
    scratch: &mut Scratch,
    members: &mut Members,
) -> Result<(), FetchError> {
    let packed = size_of(path)?;
    let stream =
        tar::Stream(Box::new(scratch.limits().bounded(decoder(path, compression)?, packed, u64::MAX)));
    let mut entries = tar::Entries::new(stream, path.display().to_string());
    while let Some(tar::Entry { name, size, .. }) = entries.next()? {
        let (file, _) = scratch.unpack(&mut entries.data(), &name)?;
        members.add(Member { name, place: Place::File(file), size })?;
    }
    Ok(())
}

/// Members by name, each name once.
#[derive(Default)]
struct Members {
    by_name: BTreeMap<String, Member>,
}

impl Members {
    fn add(&mut self, member: Member) -> Result<(), FetchError> {
        if self.by_name.len() >= MAX_MEMBERS {
            return Err(FetchError::unsupported(format!("the archive has more than {MAX_MEMBERS} members")));
        }
        let name = member.name.clone();
        match self.by_name.insert(name.clone(), member) {
            None => Ok(()),
            // Which of them another tool would take is anybody's guess.
            Some(_) => Err(FetchError::dangerous(format!("the archive holds {name:?} twice"))),
        }
    }
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
