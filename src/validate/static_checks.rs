//! What can be seen of a result without booting it. A result that fails here is not booted.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use h2k_config::TargetFormat;
use serde::{Deserialize, Serialize};

use crate::emit::domain::{Domain, DomainDisk};
use crate::emit::libvirt_xml;
use crate::exec::{Exec, ExecError};
use crate::stages::convert::kept::base_of;

/// Time for `qemu-img check`, which reads a disk's tables: about 1 MiB per 8 GiB.
const CHECK_LIMIT: Duration = Duration::from_secs(600);
/// Time for the schema check.
const SCHEMA_LIMIT: Duration = Duration::from_secs(60);
/// Bytes of a qcow2 header of version 3.
const HEADER: usize = 80;
/// `QFI` and 0xfb (docs/interop/qcow2.rst).
const MAGIC: [u8; 4] = [b'Q', b'F', b'I', 0xfb];
/// Longest name of a backing file in bytes (docs/interop/qcow2.rst, `backing_file_size`).
const MAX_NAME: u32 = 1023;
/// Bit of the incompatible features: the data is in another file.
const EXTERNAL_DATA: u64 = 1 << 2;

/// A check and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// What was checked, in words.
    pub name: String,
    /// On what: a disk's file, or the domain.
    pub subject: String,
    /// How it ended.
    pub result: CheckResult,
}

/// How a check ended. What could not be looked at is neither passed nor failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckResult {
    /// As it should be.
    Passed,
    /// Not as it should be: why.
    Failed(String),
    /// Not looked at: why.
    Skipped(String),
}

impl Check {
    /// Why it failed, if it did.
    pub fn failure(&self) -> Option<&str> {
        match &self.result {
            CheckResult::Failed(why) => Some(why),
            _ => None,
        }
    }
}

/// Checks a domain whose disks lie in `dir`: they are there, stand alone (or over the base that h2k left beside them), are
/// sound, and the XML keeps to libvirt's schema.
///
/// # Errors
/// Only that the user wants to stop; everything else is a result.
pub fn static_checks(domain: &Domain, dir: &Path) -> Result<Vec<Check>, ExecError> {
    let mut checks = Vec::new();
    if domain.disks.is_empty() {
        checks.push(check("the domain has a disk", &domain.name, Err("there is none".into())));
    }
    for disk in &domain.disks {
        let path = disk.path_in(dir);
        let subject = disk.file.display().to_string();
        let found = kept_base(disk, &path);
        let files = match &found {
            Ok(None) => vec![(subject.clone(), path)],
            Ok(Some(base)) => vec![(subject.clone(), path), (format!("base of {subject}"), base.clone())],
            Err(_) => Vec::new(),
        };
        checks.push(check("the disk is there and stands alone", &subject, found.map(drop)));
        // qemu-img would follow what an image refers to, so it sees only images that refer to nothing but a base.
        for (subject, file) in files.into_iter().filter(|_| disk.format == TargetFormat::Qcow2) {
            checks.push(Check { name: "qemu-img check".into(), subject, result: sound(&file)? });
        }
    }
    checks.push(Check {
        name: "the XML keeps to libvirt's schema".into(),
        subject: domain.name.clone(),
        result: schema(domain, dir)?,
    });
    Ok(checks)
}

fn check(name: &str, subject: &str, result: Result<(), String>) -> Check {
    let result = result.map_or_else(CheckResult::Failed, |()| CheckResult::Passed);
    Check { name: name.to_owned(), subject: subject.to_owned(), result }
}

/// The base that a disk is an overlay over, where it is a result that keeps its base: beside it, under the name that h2k
/// gives it, and itself over nothing. `None` for a disk that stands alone.
///
/// # Errors
/// The file is not there, is not of the format that it should be, or names any other file; in words.
pub(super) fn kept_base(disk: &DomainDisk, path: &Path) -> Result<Option<PathBuf>, String> {
    match names(path, disk.format)? {
        None => Ok(None),
        Some(backing) => {
            let base = base_of(path);
            if base.file_name().map(OsStr::as_encoded_bytes) != Some(&backing) {
                return Err("it has a backing file".to_owned());
            }
            match names(&base, TargetFormat::Qcow2).map_err(|e| format!("its base: {e}"))? {
                None => Ok(Some(base)),
                Some(_) => Err("its base has a backing file".to_owned()),
            }
        }
    }
}

/// The backing file that an image of a format names.
///
/// # Errors
/// The file is not there or not of the format; its data is elsewhere.
fn names(path: &Path, format: TargetFormat) -> Result<Option<Vec<u8>>, String> {
    let mut file = File::open(path).map_err(|e| format!("it cannot be opened: {e}"))?;
    if file.metadata().is_ok_and(|m| m.is_dir()) {
        return Err("it is a directory".to_owned());
    }
    if format == TargetFormat::Raw {
        return Ok(None);
    }
    let unreadable = |e: io::Error| format!("it cannot be read: {e}");
    let mut header = Vec::new();
    (&mut file).take(HEADER as u64).read_to_end(&mut header).map_err(unreadable)?;
    let be64 = |at: usize| header.get(at..)?.first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
    let be32 = |at: usize| header.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
    let version = be32(4).filter(|version| header.starts_with(&MAGIC) && matches!(version, 2 | 3));
    let (Some(version), Some(at), Some(length)) = (version, be64(8), be32(16)) else {
        return Err("it is not a qcow2 image".to_owned());
    };
    if version == 3 && be64(72).is_none_or(|features| features & EXTERNAL_DATA != 0) {
        return Err("its data is in another file".to_owned());
    }
    if at == 0 {
        return Ok(None);
    }
    let mut name = Vec::new();
    file.seek(SeekFrom::Start(at)).map_err(unreadable)?;
    file.take(u64::from(length.min(MAX_NAME))).read_to_end(&mut name).map_err(unreadable)?;
    Ok(Some(name))
}

fn sound(path: &Path) -> Result<CheckResult, ExecError> {
    let run =
        Exec::new("qemu-img").args(["check", "-q", "-f", "qcow2", "--"]).arg(path).timeout(CHECK_LIMIT).run();
    Ok(match run {
        Ok(_) => CheckResult::Passed,
        // qemu-img(1): 2 is corruption, 3 is clusters that nothing refers to.
        Err(ExecError::Failed { status, stderr_tail, .. }) => CheckResult::Failed(match status.code() {
            Some(2) => format!("it is corrupt: {stderr_tail}"),
            Some(3) => "it has leaked clusters".to_owned(),
            _ => format!("the check failed: {stderr_tail}"),
        }),
        Err(ExecError::Cancelled) => return Err(ExecError::Cancelled),
        Err(error) => CheckResult::Skipped(error.to_string()),
    })
}

fn schema(domain: &Domain, dir: &Path) -> Result<CheckResult, ExecError> {
    let text = match libvirt_xml(domain, dir) {
        Ok(text) => text,
        Err(error) => return Ok(CheckResult::Skipped(format!("it is not h2k's own: {error}"))),
    };
    let file = tempfile::Builder::new()
        .suffix(".xml")
        .tempfile()
        .and_then(|mut f| f.write_all(text.as_bytes()).map(|()| f));
    let file = match file {
        Ok(file) => file,
        Err(error) => return Ok(CheckResult::Skipped(format!("no temporary file: {error}"))),
    };
    // virt-xml-validate is a script around xmllint and fails alike when that is missing and when the XML is wrong.
    let tool = Exec::new("xmllint").arg("--version").timeout(SCHEMA_LIMIT).run();
    let run = tool.and_then(|_| {
        Exec::new("virt-xml-validate").arg(file.path()).arg("domain").timeout(SCHEMA_LIMIT).run()
    });
    Ok(match run {
        Ok(_) => CheckResult::Passed,
        Err(ExecError::Failed { stderr_tail, .. }) => CheckResult::Failed(stderr_tail),
        Err(ExecError::Cancelled) => return Err(ExecError::Cancelled),
        Err(error) => CheckResult::Skipped(error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::tests::bios;

    fn qemu_img(args: &[&str], dir: &Path) {
        Exec::new("qemu-img").args(args).current_dir(dir).run().unwrap();
    }

    fn failures(domain: &Domain, dir: &Path) -> Vec<String> {
        static_checks(domain, dir).unwrap().iter().filter_map(|c| c.failure().map(str::to_owned)).collect()
    }

    #[test]
    fn a_sound_result_passes_and_others_say_why() {
        let dir = tempfile::tempdir().unwrap();
        let mut domain = bios();
        let disk = dir.path().join("disk0.qcow2");
        assert!(failures(&domain, dir.path())[0].starts_with("it cannot be opened"));
        qemu_img(&["create", "-q", "-f", "qcow2", "disk0.qcow2", "8M"], dir.path());
        let checks = static_checks(&domain, dir.path()).unwrap();
        assert!(checks.iter().all(|c| c.result == CheckResult::Passed), "{checks:?}");

        qemu_img(
            &["create", "-q", "-f", "qcow2", "-b", "/etc/hostname", "-F", "raw", "disk1.qcow2", "8M"],
            dir.path(),
        );
        domain.disks[0].file = "disk1.qcow2".into();
        assert_eq!(failures(&domain, dir.path()), ["it has a backing file"]);
        qemu_img(&["create", "-q", "-f", "qcow2", "-o", "data_file=data", "disk2.qcow2", "8M"], dir.path());
        domain.disks[0].file = "disk2.qcow2".into();
        assert_eq!(failures(&domain, dir.path()), ["its data is in another file"]);

        let overlay = |base: &str, disk: &str| {
            qemu_img(&["create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", disk, "8M"], dir.path());
        };
        std::fs::rename(&disk, dir.path().join("disk3.base.qcow2")).unwrap();
        overlay("disk3.base.qcow2", "disk3.qcow2");
        domain.disks[0].file = "disk3.qcow2".into();
        let checks = static_checks(&domain, dir.path()).unwrap();
        assert_eq!(checks.iter().filter(|c| c.name == "qemu-img check").count(), 2, "{checks:?}");
        assert!(checks.iter().all(|c| c.result == CheckResult::Passed), "{checks:?}");
        overlay("disk3.qcow2", "disk4.base.qcow2");
        overlay("disk4.base.qcow2", "disk4.qcow2");
        domain.disks[0].file = "disk4.qcow2".into();
        assert_eq!(failures(&domain, dir.path()), ["its base has a backing file"]);
        std::fs::remove_file(dir.path().join("disk4.base.qcow2")).unwrap();
        assert!(failures(&domain, dir.path())[0].starts_with("its base: it cannot be opened"));
        std::fs::rename(dir.path().join("disk3.base.qcow2"), &disk).unwrap();

        domain.disks[0].file = "disk0.qcow2".into();
        let mut bytes = std::fs::read(&disk).unwrap();
        bytes[48..56].copy_from_slice(&0x10_0000u64.to_be_bytes()); // the refcount table is elsewhere
        std::fs::write(&disk, bytes).unwrap();
        assert_eq!(failures(&domain, dir.path()).len(), 1);
        std::fs::write(&disk, b"QFI").unwrap();
        assert_eq!(failures(&domain, dir.path()), ["it is not a qcow2 image"]);
        domain.disks.clear();
        assert_eq!(failures(&domain, dir.path()), ["there is none"]);
    }

    /// The samples of the writer, seen by libvirt's own schema.
    #[test]
    fn every_sample_keeps_to_the_schema() {
        for (name, domain) in crate::emit::tests::samples() {
            assert_eq!(schema(&domain, Path::new("/var/lib/h2k")).unwrap(), CheckResult::Passed, "{name}");
        }
    }
}
