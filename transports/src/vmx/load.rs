//! From a `.vmx` file to a [`SourceVm`]: the only part of the VMX reader that opens files.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::devices::DiskFile;
use super::dictionary::Dictionary;
use super::{boot, devices, hardware, nics, place, state};
use crate::error::FetchError;
use crate::sniff::format_of_file;
use crate::source::{DiskLocation, SourceDisk, SourceKind, SourceVm, Tristate};
use crate::text::read_small;

/// Largest `.vmx` or `.vmsd` that is read, in bytes. A VMX has a few KiB; `guestinfo` lines with user data
/// have been seen with more than 1 MiB.
pub(crate) const MAX_DICTIONARY_BYTES: u64 = 16 << 20;

/// What a VMX says, before any other file is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The VM; its disks are still empty.
    pub vm: SourceVm,
    /// The disks that the VMX names, in slot order.
    pub disk_files: Vec<DiskFile>,
}

/// Reads the bytes of the VMX at `path`, which is not opened. Never fails: what is not understood is in the
/// VM's warnings.
pub fn describe(bytes: &[u8], path: &Path) -> Description {
    let (dictionary, warnings) = Dictionary::parse(bytes);
    describe_dictionary(&dictionary, warnings, path)
}

fn describe_dictionary(dictionary: &Dictionary, warnings: Vec<String>, path: &Path) -> Description {
    let stem = path.file_stem().map(OsStr::to_string_lossy).unwrap_or_default();
    let name = dictionary.text("displayName").unwrap_or(&stem);
    let mut vm = SourceVm::new(name, SourceKind::Vmx, path);
    vm.warnings = warnings;
    hardware::describe(dictionary, &mut vm);
    let disk_files = devices::describe(dictionary, &mut vm);
    vm.boot_disk = boot::disk(dictionary, &disk_files, &mut vm);
    nics::describe(dictionary, &mut vm);
    Description { vm, disk_files }
}

/// The VM of the `.vmx` at `path`, with its disks where they are.
///
/// # Errors
/// `NotFound` and `Unsafe` for disks that are missing or outside (see [`place::find`]), `Unsupported` for an
/// encrypted VMX, `Io` if the host fails.
pub(crate) fn load(path: &Path) -> Result<SourceVm, FetchError> {
    let path =
        fs::canonicalize(path).map_err(|e| FetchError::io(format!("opening {}", path.display()), e))?;
    let (dictionary, warnings) = Dictionary::parse(&read_small(&path, MAX_DICTIONARY_BYTES)?);
    let Description { mut vm, disk_files } = describe_dictionary(&dictionary, warnings, &path);
    refuse_encrypted(&dictionary, &disk_files, &mut vm)?;
    let directory = path.parent().unwrap_or(Path::new("/"));
    for disk in disk_files {
        let found = locate(directory, disk, &mut vm.warnings)?;
        vm.disks.push(found);
    }
    if vm.disks.is_empty() {
        vm.warnings.push("the VMX names no disk".to_owned());
    }
    let (power, why) = state::power(&path, &file_paths(&vm.disks), &dictionary)?;
    vm.power = power;
    vm.warnings.extend(why.map(|why| format!("the VM is {}: {why}", state_word(&vm))));
    vm.snapshots = state::snapshots(&path)?;
    Ok(vm)
}

fn locate(directory: &Path, disk: DiskFile, warnings: &mut Vec<String>) -> Result<SourceDisk, FetchError> {
    let device = disk.device();
    let DiskFile { slot, file_name, mode, traits } = disk;
    let found = place::find(directory, &device, &file_name)?;
    warnings.extend(found.warning);
    let format = format_of_file(&found.path)?;
    let location = DiskLocation::File { path: found.path };
    Ok(SourceDisk { slot, location, format, capacity_bytes: None, mode, serial: None, traits })
}

/// A VMX that is encrypted as a whole keeps its devices in `encryption.data`; one that is encrypted only for
/// its TPM names them in the clear.
fn refuse_encrypted(
    dictionary: &Dictionary,
    disks: &[DiskFile],
    vm: &mut SourceVm,
) -> Result<(), FetchError> {
    if dictionary.text("encryption.data").is_none() && dictionary.text("encryption.keySafe").is_none() {
        return Ok(());
    }
    if disks.is_empty() {
        return Err(FetchError::unsupported(format!(
            "{} is encrypted: its devices cannot be read",
            vm.path.display()
        ))
        .with_hint("remove the VM's encryption with VMware first"));
    }
    vm.features.encrypted = Tristate::Yes;
    Ok(())
}

fn state_word(vm: &SourceVm) -> &'static str {
    match vm.power {
        crate::source::PowerState::Locked => "locked",
        _ => "suspended",
    }
}

fn file_paths(disks: &[SourceDisk]) -> Vec<PathBuf> {
    disks.iter().filter_map(|disk| disk.location.file()).map(Path::to_path_buf).collect()
}
