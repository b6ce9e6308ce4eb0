//! No file is opened because an image says so: every name in an image goes through a gate.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use h2k_transports::DiskLocation;

use super::error::ImageError;

/// Longest name that an image may give, in bytes: Linux's `PATH_MAX`.
const MAX_NAME_BYTES: usize = 4096;

/// May this image open that path? Without more, only regular files that stand in the image's own directory, named
/// without `..`, without a leading `/` and without a protocol (`nbd:`, `json:`). Symlinks may not lead out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenGate {
    /// The image's own directory, canonical; `None` for an image inside an archive or on a server, which can name
    /// nothing.
    own: Option<PathBuf>,
    /// Directories that the user allowed besides, canonical. Files below them may be named in any way.
    allowed: Vec<PathBuf>,
    /// Files that the user named as parents, canonical.
    named: Vec<PathBuf>,
}

impl OpenGate {
    /// The gate for a disk: the directory of its file.
    ///
    /// # Errors
    /// `NotFound` or `Io` if the file cannot be resolved.
    pub fn for_location(location: &DiskLocation) -> Result<Self, ImageError> {
        match location {
            DiskLocation::File { path } => {
                let own = canonical(path)?.parent().map(Path::to_path_buf);
                Ok(Self { own, allowed: Vec::new(), named: Vec::new() })
            }
            // An archive and a server have no directory that an image could name files of.
            DiskLocation::Range { .. } | DiskLocation::Nbd { .. } => {
                Ok(Self { own: None, allowed: Vec::new(), named: Vec::new() })
            }
        }
    }

    /// The same gate, with more places where parents may lie: a file, or a directory and all below it.
    ///
    /// # Errors
    /// `NotFound` or `Io` if the path cannot be resolved.
    pub fn allow(mut self, path: &Path) -> Result<Self, ImageError> {
        let path = canonical(path)?;
        if path.is_dir() {
            self.allowed.push(path)
        } else {
            self.named.push(path)
        }
        Ok(self)
    }

    /// The files that the user named as parents, canonical.
    pub(crate) fn named_files(&self) -> &[PathBuf] {
        &self.named
    }

    /// The canonical path of the file that the image at `image` calls `name`. Nothing is opened.
    ///
    /// # Errors
    /// `Unsafe` for a name or file that the gate does not let through, `NotFound` if nothing is there,
    /// `Io` if the host fails.
    pub fn admit(&self, image: &Path, name: &str) -> Result<PathBuf, ImageError> {
        self.check_name(name).map_err(|why| refused(image, name, why))?;
        let directory = image.parent().unwrap_or(Path::new("/"));
        let found = fs::canonicalize(directory.join(name)).map_err(|e| missing(image, name, directory, e))?;
        if !self.reaches(&found) {
            return Err(refused(image, name, "it leads out of the image's directory"));
        }
        let metadata = fs::metadata(&found).map_err(|e| missing(image, name, directory, e))?;
        if !metadata.is_file() {
            return Err(refused(image, name, "it is not a regular file"));
        }
        Ok(found)
    }

    /// Regular files with the last component of `name` in the directories that the user allowed, and with `own` first
    /// in the image's own: a path of another host says no more than that. Nothing is opened.
    pub(crate) fn of_that_name(&self, name: &str, own: bool) -> Vec<PathBuf> {
        let Some(file) = last_component(name).filter(|file| self.check_name(file).is_ok()) else {
            return Vec::new();
        };
        let own = self.own.iter().filter(|_| own);
        let found = own.chain(&self.allowed).filter_map(|dir| fs::canonicalize(dir.join(file)).ok());
        found.filter(|path| self.reaches(path) && path.is_file()).collect()
    }

    fn check_name(&self, name: &str) -> Result<(), &'static str> {
        if name.is_empty() {
            return Err("it is empty");
        }
        if name.len() > MAX_NAME_BYTES {
            return Err("it is too long");
        }
        if name.chars().any(char::is_control) {
            return Err("it holds control characters");
        }
        // QEMU takes everything before the first colon for a protocol unless a slash comes first; so does Windows.
        if name.split('/').next().is_some_and(|first| first.contains(':')) {
            return Err("it begins with a protocol or a drive letter");
        }
        if !self.allowed.is_empty() {
            return Ok(());
        }
        if name.starts_with(['/', '\\']) {
            return Err("it is absolute");
        }
        if name.split(['/', '\\']).any(|component| component == "..") {
            return Err("it leaves its directory");
        }
        Ok(())
    }

    fn reaches(&self, found: &Path) -> bool {
        // The directory itself and not what is below: an image in `/` may not name `etc/shadow`.
        let own = self.own.is_some() && found.parent() == self.own.as_deref();
        own || self.allowed.iter().any(|directory| found.starts_with(directory))
    }
}

/// The canonical path of a file that the user named.
///
/// # Errors
/// `NotFound` or `Io`.
pub(crate) fn canonical(path: &Path) -> Result<PathBuf, ImageError> {
    fs::canonicalize(path).map_err(|e| ImageError::io(format!("opening {}", path.display()), e))
}

/// What follows the last separator of a Unix or a Windows path; `None` if that names a directory.
pub(crate) fn last_component(name: &str) -> Option<&str> {
    name.rsplit(['/', '\\']).next().filter(|last| !matches!(*last, "" | "." | ".."))
}

fn refused(image: &Path, name: &str, why: &str) -> ImageError {
    let file = last_component(name).unwrap_or(name);
    let hint = format!(
        "if the file belongs to the disk, copy it beside {} as {file:?}, or name it or its directory with --parent",
        image.display()
    );
    ImageError::dangerous(format!("{} names the file {name:?}, which is not opened: {why}", image.display()))
        .with_hint(hint)
}

fn missing(image: &Path, name: &str, directory: &Path, cause: io::Error) -> ImageError {
    match cause.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ImageError::not_found(format!(
            "{} needs the file {name:?}, which is not in {}",
            image.display(),
            directory.display()
        ))
        .with_hint(format!(
            "a disk is whole only with all of its files: copy {:?} there, or name its directory with --parent",
            last_component(name).unwrap_or(name)
        )),
        _ => ImageError::io(format!("looking for {name:?}, which {} names", image.display()), cause),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::image::error::ImageErrorKind;

    fn gate_of(image: &Path) -> OpenGate {
        OpenGate::for_location(&DiskLocation::File { path: image.to_path_buf() }).unwrap()
    }

    fn directory_with_image() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let image = dir.path().join("disk.vmdk");
        fs::write(&image, "x").unwrap();
        (dir, image)
    }

    #[test]
    fn neighbours_are_admitted() {
        let (dir, image) = directory_with_image();
        fs::write(dir.path().join("disk flat é.vmdk"), "x").unwrap();
        symlink("disk flat é.vmdk", dir.path().join("link")).unwrap();
        let gate = gate_of(&image);
        for name in ["disk flat é.vmdk", "./disk flat é.vmdk", "link", "disk.vmdk"] {
            assert!(gate.admit(&image, name).is_ok(), "{name}");
        }
        let error = gate.admit(&image, "gone.vmdk").unwrap_err();
        assert_eq!(error.kind(), ImageErrorKind::NotFound);
        assert!(error.to_string().contains("gone.vmdk"), "{error}");
    }

    #[test]
    fn names_that_leave_or_speak_a_protocol_are_refused() {
        let (_dir, image) = directory_with_image();
        let gate = gate_of(&image);
        let long = "x".repeat(MAX_NAME_BYTES + 1);
        for name in [
            "",
            "/etc/shadow",
            "../x",
            "a/../../x",
            "..\\x",
            "\\\\server\\x",
            "C:\\x",
            "nbd:localhost:1",
            "json:{}",
            "http://x/y",
            "file:disk.vmdk",
            "fat:rw:x",
            "a\nb",
            long.as_str(),
        ] {
            assert_eq!(gate.admit(&image, name).unwrap_err().kind(), ImageErrorKind::Unsafe, "{name:?}");
        }
    }

    #[test]
    fn links_devices_and_directories_are_refused() {
        let (dir, image) = directory_with_image();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "s").unwrap();
        symlink(outside.path().join("secret"), dir.path().join("link-out")).unwrap();
        symlink("/dev/zero", dir.path().join("device")).unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("sub/below"), "s").unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            dir.path().join("fifo"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        let gate = gate_of(&image);
        for name in ["link-out", "device", "sub", "sub/below", "fifo", "."] {
            assert_eq!(gate.admit(&image, name).unwrap_err().kind(), ImageErrorKind::Unsafe, "{name}");
        }
    }

    #[test]
    fn a_directory_that_the_user_allows_is_reached_in_any_way() {
        let (_dir, image) = directory_with_image();
        let parents = tempfile::tempdir().unwrap();
        let base = parents.path().join("base.vmdk");
        fs::write(&base, "x").unwrap();
        let gate = gate_of(&image).allow(parents.path()).unwrap();
        assert_eq!(gate.admit(&image, base.to_str().unwrap()).unwrap(), base.canonicalize().unwrap());
        assert_eq!(gate.admit(&image, "/etc/passwd").unwrap_err().kind(), ImageErrorKind::Unsafe);
    }

    #[test]
    fn an_image_inside_an_archive_names_nothing() {
        let (_dir, image) = directory_with_image();
        let range = DiskLocation::Range { path: image.clone(), offset: 0, length: 1 };
        let gate = OpenGate::for_location(&range).unwrap();
        assert_eq!(gate.admit(&image, "disk.vmdk").unwrap_err().kind(), ImageErrorKind::Unsafe);
    }

    #[test]
    fn an_image_in_the_root_directory_does_not_reach_all() {
        let gate = OpenGate { own: Some(PathBuf::from("/")), allowed: Vec::new(), named: Vec::new() };
        let error = gate.admit(Path::new("/disk.vmdk"), "etc/passwd").unwrap_err();
        assert_eq!(error.kind(), ImageErrorKind::Unsafe);
    }
}
