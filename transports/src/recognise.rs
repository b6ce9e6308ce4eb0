//! What kind of source something is: by its content, and by its name only where the content leaves it open.

use std::fs::{self, Metadata};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use crate::confine::file_inside;
use crate::container::{compression_of, container_of};
use crate::error::FetchError;
use crate::nbd_uri::NbdUri;
use crate::sniff::{disk_format_by_magic, head_of};
use crate::text::without_mark;
use crate::vmx::Dictionary;

/// Largest directory whose names are looked through for a description.
const MAX_DIRECTORY_ENTRIES: usize = 100_000;

/// A source on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A VMware `.vmx` file.
    Vmx(PathBuf),
    /// An OVF descriptor with its files beside it.
    Ovf(PathBuf),
    /// An archive with an OVF descriptor in it.
    Ova(PathBuf),
    /// Disk files, and NBD exports by the normal form of their URIs: the disks of one VM, in this order.
    Disks(Vec<PathBuf>),
}

/// Recognises what `specs` name: one description (or a directory that holds exactly one), or disk files.
///
/// # Errors
/// `NotFound` for what is not there, `Usage` for what makes no single source, `Unsupported` for sources of a
/// kind that is known and not read, `Io` if the host fails.
pub fn recognise(specs: &[PathBuf]) -> Result<Source, FetchError> {
    match specs {
        [] => Err(FetchError::usage("no source is given")),
        [one] => recognise_one(one),
        several => {
            let mut disks = Vec::new();
            for path in several {
                match recognise_one(path)? {
                    Source::Disks(found) => disks.extend(found),
                    _ => return Err(not_together(path, "a description of a VM")),
                }
                if path.is_dir() {
                    return Err(not_together(path, "a directory"));
                }
            }
            Ok(Source::Disks(disks))
        }
    }
}

fn not_together(path: &Path, what: &str) -> FetchError {
    FetchError::usage(format!("{} is {what}; only disk files can be given together", path.display()))
        .with_hint("give one VM at a time, or list several in a batch file")
}

fn recognise_one(path: &Path) -> Result<Source, FetchError> {
    // Before it is taken for a path.
    if let Some(uri) = path.to_str().filter(|_| NbdUri::is_uri(path)) {
        return Ok(Source::Disks(vec![PathBuf::from(NbdUri::parse(uri)?.to_string())]));
    }
    let metadata = fs::metadata(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound if path.to_string_lossy().contains("://") => {
            FetchError::unsupported(format!("{} is no source that is known", path.display()))
        }
        std::io::ErrorKind::NotFound => FetchError::not_found(format!("{} does not exist", path.display())),
        _ => FetchError::io(format!("opening {}", path.display()), e),
    })?;
    if metadata.is_dir() {
        return recognise_directory(path);
    }
    recognise_file(path, &metadata)
}

fn recognise_file(path: &Path, metadata: &Metadata) -> Result<Source, FetchError> {
    let kind = metadata.file_type();
    if kind.is_block_device() {
        return Ok(Source::Disks(vec![path.to_owned()]));
    }
    if !kind.is_file() {
        // Opening a FIFO would wait for its other end.
        return Err(FetchError::usage(format!(
            "{} is neither a file, a directory nor a disk",
            path.display()
        )));
    }
    let head = head_of(path)?;
    if disk_format_by_magic(&head).is_some() {
        return Ok(Source::Disks(vec![path.to_owned()]));
    }
    if container_of(path, &head)?.is_some() {
        return Ok(Source::Ova(path.to_owned()));
    }
    if compression_of(&head).is_some() {
        return Err(FetchError::unsupported(format!("{} is compressed and holds no OVA", path.display()))
            .with_hint("decompress it and give the file that was in it"));
    }
    Ok(by_text(path, &head).unwrap_or_else(|| by_name(path)))
}

/// A description, if the text says so.
fn by_text(path: &Path, head: &[u8]) -> Option<Source> {
    let (text, _) = without_mark(head);
    if text.contains(&0) {
        return None;
    }
    let start = String::from_utf8_lossy(&text);
    if start.trim_start().starts_with('<') {
        // Hyper-V, libvirt and VirtualBox write XML too; their roots have other names.
        let is_envelope = start.contains("Envelope") && start.contains("/ovf/envelope/");
        return is_envelope.then(|| Source::Ovf(path.to_owned()));
    }
    let (dictionary, _) = Dictionary::parse(&text);
    // VMware refuses a VMX without these two lines; a .vmsd or a preference file has neither.
    let is_vmx = ["config.version", "virtualHW.version"].iter().any(|key| dictionary.get(key).is_some());
    is_vmx.then(|| Source::Vmx(path.to_owned()))
}

fn by_name(path: &Path) -> Source {
    match extension(path).as_str() {
        "vmx" => Source::Vmx(path.to_owned()),
        "ovf" => Source::Ovf(path.to_owned()),
        "ova" => Source::Ova(path.to_owned()),
        _ => Source::Disks(vec![path.to_owned()]),
    }
}

fn extension(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}

/// The only description in a directory.
fn recognise_directory(path: &Path) -> Result<Source, FetchError> {
    let reading = || format!("reading the directory {}", path.display());
    let mut descriptions = Vec::new();
    for entry in fs::read_dir(path).map_err(|e| FetchError::io(reading(), e))?.take(MAX_DIRECTORY_ENTRIES) {
        let found = entry.map_err(|e| FetchError::io(reading(), e))?;
        let name = found.file_name().to_string_lossy().into_owned();
        // macOS' double of a file, which holds its attributes, ends as the file does.
        let is_description = !matches!(by_name(&found.path()), Source::Disks(_)) && !name.starts_with("._");
        if is_description && !found.path().is_dir() && file_inside(path, &name)?.is_some() {
            descriptions.push(found.path());
        }
    }
    descriptions.sort();
    match descriptions.as_slice() {
        [one] => Ok(by_name(one)),
        [] if path.join("Virtual Machines").is_dir() => Err(FetchError::unsupported(format!(
            "{} is a Hyper-V export, which is not read yet",
            path.display()
        ))
        .with_hint("give its .vhdx files, the system disk first")),
        [] => Err(FetchError::usage(format!(
            "there is neither a .vmx, an .ovf nor an .ova in {}",
            path.display()
        ))
        .with_hint("give the disk files themselves, the system disk first")),
        several => {
            let names: Vec<String> = several.iter().map(|p| p.display().to_string()).collect();
            Err(FetchError::usage(format!(
                "there are {} descriptions of VMs in {}: {}",
                several.len(),
                path.display(),
                names.join(", ")
            ))
            .with_hint("give one of them"))
        }
    }
}

#[cfg(test)]
#[path = "recognise_tests.rs"]
mod tests;
