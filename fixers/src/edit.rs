//! One change to a guest: planned, shown as a diff, then carried out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::append::ArchiveEntry;
use crate::hive::{Hex, RegChange};
use crate::hostfile::HostFile;
use crate::patch::Piece;

/// Content of a file: text where it is text, so that plans can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// UTF-8 text.
    Text(String),
    /// Anything else, base64.
    Base64(String),
}

impl Content {
    /// Text if the bytes are UTF-8 without NUL, base64 otherwise.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => Content::Text(text.to_owned()),
            _ => Self::base64(bytes),
        }
    }

    /// Bytes that are no text, even where they look like it.
    pub fn base64(bytes: &[u8]) -> Self {
        Content::Base64(STANDARD.encode(bytes))
    }

    /// The bytes.
    ///
    /// # Errors
    /// The base64 of a saved plan is broken.
    pub fn to_bytes(&self) -> Result<Vec<u8>, base64::DecodeError> {
        match self {
            Content::Text(text) => Ok(text.clone().into_bytes()),
            Content::Base64(text) => STANDARD.decode(text),
        }
    }
}

/// A file whose content is not in the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMark {
    /// Size in bytes.
    pub size: u64,
    /// BLAKE3.
    pub digest: String,
}

impl FileMark {
    /// Of some content.
    pub fn of(content: &[u8]) -> Self {
        Self { size: content.len() as u64, digest: blake3::hash(content).to_hex().to_string() }
    }
}

/// What is done. Paths are absolute in the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Change {
    /// Writes a regular file. An existing file keeps its owner, mode and labels; a new one is owned by root.
    Write {
        /// File.
        path: String,
        /// Content before; `None` if there is no such file.
        before: Option<Content>,
        /// Content after.
        after: Content,
        /// Permission bits of a new file.
        mode: u32,
    },
    /// Removes a regular file or a symbolic link.
    Remove {
        /// File.
        path: String,
        /// Its content (of a link: its target).
        before: Content,
    },
    /// Renames a file.
    Rename {
        /// Old path.
        path: String,
        /// New path; nothing may be there.
        to: String,
    },
    /// Makes a symbolic link, in place of a link that may be there.
    Symlink {
        /// Link.
        path: String,
        /// Target of the link that is there now.
        before: Option<String>,
        /// Target.
        target: String,
    },
    /// Copies a file inside the guest (a bootloader to its fallback path); missing directories are made.
    Copy {
        /// Source file.
        from: String,
        /// New file; nothing may be there.
        path: String,
        /// Size in bytes.
        size: u64,
    },
    /// Sets permission bits.
    Chmod {
        /// File.
        path: String,
        /// Bits before.
        before: u32,
        /// Bits after.
        after: u32,
    },
    /// Appends an archive to an initramfs. It is made on the host, of the guest's files and of text; nothing of the
    /// guest is run.
    AppendArchive {
        /// The initramfs.
        path: String,
        /// Its size in bytes.
        size: u64,
        /// Digest of its last bytes ([`crate::append::TAIL`]), BLAKE3.
        tail: String,
        /// About how many bytes are appended.
        estimate: u64,
        /// What is in the archive.
        entries: Vec<ArchiveEntry>,
    },
    /// Writes over bytes inside of a file whose size stays: the command line inside of a unified kernel image.
    Patch {
        /// File.
        path: String,
        /// Its size in bytes.
        size: u64,
        /// The places.
        pieces: Vec<Piece>,
    },
    /// Makes a directory, owned by root; missing parents are made.
    Directory {
        /// Directory; nothing may be there.
        path: String,
        /// Permission bits.
        mode: u32,
    },
    /// Sets owner and group.
    Chown {
        /// File or directory.
        path: String,
        /// User and group id before.
        before: (u32, u32),
        /// User and group id after.
        after: (u32, u32),
    },
    /// Appends to a file whose content is nobody's business (`/etc/shadow`).
    Append {
        /// File.
        path: String,
        /// Its size in bytes before.
        size: u64,
        /// What comes to its end.
        text: String,
    },
    /// Removes a file whose content is nobody's business (a private key).
    Erase {
        /// File.
        path: String,
        /// Its size in bytes.
        size: u64,
    },
    /// Gives a file that an edit creates its SELinux label. What a program might have created and has not is passed
    /// over.
    Label {
        /// File, directory or link.
        path: String,
        /// Label (`system_u:object_r:etc_t:s0`).
        label: String,
    },
    /// Changes a registry hive of a Windows guest. It is changed in a copy, which is read again before it replaces the
    /// hive's content.
    Registry {
        /// The hive's file.
        path: String,
        /// What is changed, in order.
        changes: Vec<RegChange>,
    },
    /// Changes bytes of the first sector of a file system.
    BootSector {
        /// Where it is mounted.
        path: String,
        /// Offset in bytes.
        offset: u16,
        /// Bytes that are there.
        before: Hex,
        /// Bytes that replace them, as many.
        after: Hex,
    },
    /// Puts a file of this host into the guest (a driver). Its content stands in the plan by its digest only.
    Place {
        /// File.
        path: String,
        /// What is there now and is replaced: size in bytes and digest. `None` if nothing is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<FileMark>,
        /// Where it comes from.
        from: HostFile,
        /// Its size in bytes.
        size: u64,
        /// Its digest, BLAKE3.
        digest: String,
    },
    /// Runs a program of the guest inside the appliance, without network.
    Run {
        /// Program and arguments; never a shell string.
        argv: Vec<String>,
        /// Every file that the program may change or create.
        changes: Vec<String>,
    },
}

/// One planned change with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Id of the fixer that proposes it.
    pub fixer: String,
    /// Why, in a sentence that an administrator understands.
    pub reason: String,
    /// What.
    #[serde(flatten)]
    pub change: Change,
}

impl Edit {
    /// Writes `after` over the text file `path` that holds `before` now.
    pub fn rewrite(fixer: &str, path: &str, before: &str, after: &str, reason: impl Into<String>) -> Self {
        Self {
            fixer: fixer.to_owned(),
            reason: reason.into(),
            change: Change::Write {
                path: path.to_owned(),
                before: Some(Content::Text(before.to_owned())),
                after: Content::Text(after.to_owned()),
                mode: 0o644,
            },
        }
    }

    /// Creates the text file `path`.
    pub fn create(fixer: &str, path: &str, after: &str, mode: u32, reason: impl Into<String>) -> Self {
        Self {
            fixer: fixer.to_owned(),
            reason: reason.into(),
            change: Change::Write {
                path: path.to_owned(),
                before: None,
                after: Content::Text(after.to_owned()),
                mode,
            },
        }
    }

    /// An edit from its parts.
    pub fn new(fixer: &str, reason: impl Into<String>, change: Change) -> Self {
        Self { fixer: fixer.to_owned(), reason: reason.into(), change }
    }

    /// Every path that carrying out the edit may create, change or remove.
    pub fn paths(&self) -> Vec<&str> {
        match &self.change {
            Change::Write { path, .. }
            | Change::Remove { path, .. }
            | Change::Symlink { path, .. }
            | Change::Copy { path, .. }
            | Change::Directory { path, .. }
            | Change::Chown { path, .. }
            | Change::Append { path, .. }
            | Change::Erase { path, .. }
            | Change::Label { path, .. }
            | Change::Chmod { path, .. }
            | Change::Patch { path, .. }
            | Change::Registry { path, .. }
            | Change::Place { path, .. }
            | Change::BootSector { path, .. }
            | Change::AppendArchive { path, .. } => vec![path],
            Change::Rename { path, to } => vec![path, to],
            Change::Run { changes, .. } => changes.iter().map(String::as_str).collect(),
        }
    }
}
