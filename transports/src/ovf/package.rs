//! The files of an OVF package, by name: in a directory or in an archive.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::confine::{file_inside, normalised};
use crate::error::FetchError;
use crate::member::{Member, Place};

/// Largest directory whose names are looked through.
const MAX_DIRECTORY_ENTRIES: usize = 100_000;

/// A package.
#[derive(Debug)]
pub(crate) enum Package {
    /// The directory of an `.ovf`. Its files are looked up one by one: it may be anybody's home directory.
    Directory(PathBuf),
    /// The members of an archive.
    Archive(BTreeMap<String, Member>),
}

impl Package {
    /// The file `name` (normalised, relative to the package); `None` if there is none.
    ///
    /// # Errors
    /// `Unsafe` if a symlink leads out of the directory, `Io` if the host fails.
    pub(super) fn find(&self, name: &str) -> Result<Option<Member>, FetchError> {
        match self {
            Self::Archive(members) => Ok(members.get(name).cloned()),
            Self::Directory(directory) => {
                let Some(path) = file_inside(directory, name)? else { return Ok(None) };
                let metadata = fs::metadata(&path);
                let size =
                    metadata.map_err(|e| FetchError::io(format!("opening {}", path.display()), e))?.len();
                Ok(Some(Member { name: name.to_owned(), place: Place::File(path), size }))
            }
        }
    }

    /// The files `NAME.DIGITS`, by number.
    ///
    /// # Errors
    /// See [`Package::find`].
    pub(super) fn numbered(&self, name: &str) -> Result<Vec<(u64, Member)>, FetchError> {
        let (folder, base) = split(name);
        let prefix = format!("{base}.");
        let mut found = Vec::new();
        for candidate in self.names_in(folder)? {
            let digits = candidate.strip_prefix(&prefix).unwrap_or_default();
            let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            if let (true, Ok(number)) = (is_number, digits.parse())
                && let Some(member) = self.find(&joined(folder, &candidate))?
            {
                found.push((number, member));
            }
        }
        found.sort_by_key(|(number, _)| *number);
        Ok(found)
    }

    /// The manifests that hold for the OVF `ovf`: all of an archive; in a directory all beside the OVF, or,
    /// if other OVFs lie there too, the one of the same stem.
    ///
    /// # Errors
    /// See [`Package::find`].
    pub(super) fn manifests(&self, ovf: &str) -> Result<Vec<Member>, FetchError> {
        let names: Vec<String> = match self {
            Self::Archive(members) => members.keys().filter(|name| is_kind(name, ".mf")).cloned().collect(),
            Self::Directory(_) => {
                let all = self.names_in("")?;
                let alone = all.iter().filter(|name| is_kind(name, ".ovf")).count() == 1;
                let own = Path::new(ovf).with_extension("mf");
                let holds = |name: &&String| is_kind(name, ".mf") && (alone || Path::new(*name) == own);
                all.iter().filter(holds).cloned().collect()
            }
        };
        names.iter().filter_map(|name| self.find(name).transpose()).collect()
    }

    /// The names of the files in a folder of the package (`""` for the package itself).
    fn names_in(&self, folder: &str) -> Result<BTreeSet<String>, FetchError> {
        match self {
            Self::Archive(members) => {
                let within = members.keys().map(|name| split(name)).filter(|(f, _)| *f == folder);
                Ok(within.map(|(_, base)| base.to_owned()).collect())
            }
            Self::Directory(directory) => {
                let path = directory.join(folder);
                let Ok(entries) = fs::read_dir(&path) else { return Ok(BTreeSet::new()) };
                let names = entries
                    .take(MAX_DIRECTORY_ENTRIES)
                    .filter_map(|e| e.ok()?.file_name().into_string().ok());
                Ok(names.collect())
            }
        }
    }
}

/// The descriptor of an archive.
///
/// # Errors
/// `Unsupported` if there is none or more than one.
pub(crate) fn descriptor_of(
    members: &BTreeMap<String, Member>,
    archive: &Path,
) -> Result<String, FetchError> {
    let found: Vec<&String> = members.keys().filter(|name| is_kind(name, ".ovf")).collect();
    match found.as_slice() {
        [name] => Ok((*name).clone()),
        [] => Err(FetchError::unsupported(format!("there is no .ovf in {}", archive.display()))
            .with_hint("if it holds disks only, unpack it and give the disk files")),
        several => Err(FetchError::unsupported(format!(
            "there are {} .ovf files in {}: {}",
            several.len(),
            archive.display(),
            several.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
        ))
        .with_hint("unpack it and give one of them")),
    }
}

/// Whether `name` ends so and is not macOS' double of a file (`._NAME`), which holds its attributes.
fn is_kind(name: &str, ending: &str) -> bool {
    name.to_ascii_lowercase().ends_with(ending) && !split(name).1.starts_with("._")
}

/// Folder (`""` for none) and base of a normalised name.
pub(super) fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('/').unwrap_or(("", name))
}

/// `name` within `folder`.
pub(super) fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// `name`, which the file `by` gives, relative to that file's folder.
///
/// # Errors
/// `Unsafe` if the name leaves the folder.
pub(super) fn beside(by: &str, name: &str) -> Result<String, FetchError> {
    let name = normalised(name)
        .map_err(|why| FetchError::dangerous(format!("unsafe name {name:?} in {by}: {why}")))?;
    Ok(joined(split(by).0, &name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(names: &[&str]) -> BTreeMap<String, Member> {
        let member = |name: &&str| {
            let place = Place::Part { path: PathBuf::from("x.ova"), offset: 0 };
            ((*name).to_owned(), Member { name: (*name).to_owned(), place, size: 0 })
        };
        names.iter().map(member).collect()
    }

    #[test]
    fn numbered_members_are_sorted_by_number() {
        let package =
            Package::Archive(archive(&["s/d.vmdk.9", "s/d.vmdk.10", "s/d.vmdk.x", "d.vmdk.11", "s/d.vmdk."]));
        let numbers: Vec<u64> = package.numbered("s/d.vmdk").unwrap().into_iter().map(|(n, _)| n).collect();
        assert_eq!(numbers, [9, 10]);
    }

    #[test]
    fn the_descriptor_of_an_archive_is_the_only_one() {
        let of = |names: &[&str]| descriptor_of(&archive(names), Path::new("x.ova"));
        assert_eq!(of(&["sub/A.OVF", "._A.ovf", "sub/._A.OVF", "a.mf"]).unwrap(), "sub/A.OVF");
        assert!(of(&["a.vmdk"]).unwrap_err().to_string().contains("no .ovf"));
        assert!(of(&["a.ovf", "b.ovf"]).unwrap_err().to_string().contains("\"a.ovf\", \"b.ovf\""));
    }

    #[test]
    fn another_package_in_the_directory_keeps_its_manifest() {
        let temp = tempfile::tempdir().unwrap();
        for name in ["a.ovf", "a.mf", "b.mf"] {
            fs::write(temp.path().join(name), "").unwrap();
        }
        let package = Package::Directory(temp.path().to_owned());
        assert_eq!(package.manifests("a.ovf").unwrap().len(), 2);
        fs::write(temp.path().join("b.ovf"), "").unwrap();
        let own = package.manifests("a.ovf").unwrap();
        assert_eq!(own.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["a.mf"]);
    }
}
