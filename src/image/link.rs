//! One image of a chain: what it is, what it consists of, and which parent it names.

use std::fmt;
use std::path::{Path, PathBuf};

use h2k_transports::DiskFormat;
use h2k_transports::RangeRead;
use h2k_transports::range::LocalRange;
use serde::{Deserialize, Serialize};

use super::bytes::SECTOR;
use super::error::ImageError;
use super::gate::OpenGate;
use super::probe;
use super::{foreign, qcow2, vhd, vhdx, vmdk};

/// Most bytes of a disk: 64 TiB, the largest VHDX, above vSphere's 62 TiB.
const MAX_SIZE: u64 = 64 << 40;

/// An image of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Canonical path of the file that stands for it: the image, its descriptor, or the archive that it is in. Of an
    /// NBD export, its URI.
    pub path: PathBuf,
    /// Where it stands in `path`; `None` for the whole file.
    pub part: Option<Part>,
    /// Format, as found by looking.
    pub format: DiskFormat,
    /// Subformat in the format's own word (`createType` of a VMDK, `fixed` or `dynamic` of a VHD).
    pub subformat: Option<String>,
    /// Virtual size in bytes.
    pub size: u64,
    /// The files that it consists of.
    pub files: Vec<ImageFile>,
    /// Where its bytes lie as the guest sees them, if they do so in one piece: raw, a fixed VHD, a flat VMDK.
    pub flat: Option<FlatBytes>,
    /// An extent without its descriptor: what its parent is, nobody knows.
    #[serde(default)]
    pub orphan: bool,
    /// What the reader leaves out, for the user to know.
    #[serde(default)]
    pub notes: Vec<String>,
    /// URI of the NBD export that it is; `path` is the same then, and no file.
    #[serde(default)]
    pub nbd: Option<String>,
    /// Logical sector size in bytes, where the format declares one (VHDX).
    #[serde(default)]
    pub sector: Option<u32>,
    /// World-wide name that the format keeps for the guest to see (`ddb.uuid` of a VMDK), as 32 lower-case
    /// hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wwn: Option<String>,
}

impl Image {
    /// Name of its format for people, with the subformat.
    pub fn format_name(&self) -> String {
        let name = probe::name(self.format);
        self.subformat.as_ref().map_or_else(|| name.to_owned(), |sub| format!("{name} {sub}"))
    }

    /// The image at `source`, with that file as its only one.
    pub(crate) fn new(source: &Source, format: DiskFormat, size: u64) -> Self {
        Self {
            path: source.path.clone(),
            part: source.part,
            format,
            subformat: None,
            size,
            files: vec![ImageFile { path: source.path.clone(), size: source.file_size }],
            flat: None,
            orphan: false,
            notes: Vec::new(),
            nbd: None,
            sector: None,
            wwn: None,
        }
    }
}

/// A part of a file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// First byte.
    pub offset: u64,
    /// Length.
    pub length: u64,
}

/// A file that an image consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFile {
    /// Canonical path; of an NBD export, its URI.
    pub path: PathBuf,
    /// Size in bytes.
    pub size: u64,
}

/// The guest's bytes in one piece.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlatBytes {
    /// Canonical path of the file that holds them.
    pub path: PathBuf,
    /// Which part of it; its length is the virtual size.
    pub part: Part,
}

/// An image that was read, with what it says of its parent.
#[derive(Debug)]
pub(crate) struct Link {
    pub image: Image,
    pub parent: Option<Parent>,
    /// What a child made from its present content must demand; `None` where the format has nothing of the kind.
    pub id: Option<LinkId>,
}

/// What an image says of its parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parent {
    /// Names that the image gives, the best first; never empty.
    pub names: Vec<String>,
    /// Format, as the image declares it.
    pub format: Option<DiskFormat>,
    /// What the parent's [`Link::id`] must be.
    pub id: Option<LinkId>,
    /// What it may be instead.
    pub or_id: Option<LinkId>,
}

/// What ties a child to one generation of its parent's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkId {
    /// Content id of a VMDK (`CID`, `parentCID`).
    Cid(u32),
    /// "Unique Id" of a VHD's footer, as it stands there.
    VhdUuid([u8; 16]),
    /// `DataWriteGuid` of a VHDX header (`parent_linkage` of its child), as it stands there.
    VhdxDataWrite([u8; 16]),
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkId::Cid(cid) => write!(f, "CID {cid:08x}"),
            LinkId::VhdUuid(id) => write!(f, "unique id {}", Hex(id)),
            LinkId::VhdxDataWrite(id) => write!(f, "DataWriteGuid {}", Hex(id)),
        }
    }
}

struct Hex<'a>(&'a [u8; 16]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A file, or a part of one, that is opened for reading.
pub(crate) struct Source {
    pub path: PathBuf,
    pub part: Option<Part>,
    pub file_size: u64,
    pub bytes: LocalRange,
}

impl Source {
    /// Opens a regular file at a canonical path.
    ///
    /// # Errors
    /// `Unsafe` for what is no regular file, `Corrupt` if the part ends beyond the file; otherwise what the host
    /// reports.
    pub(crate) fn open(path: &Path, part: Option<Part>) -> Result<Self, ImageError> {
        let doing = || format!("opening {}", path.display());
        let metadata = std::fs::metadata(path).map_err(|e| ImageError::io(doing(), e))?;
        // Before it is opened: opening a fifo waits for its other end.
        if !metadata.is_file() {
            return Err(ImageError::dangerous(format!("{} is not a regular file", path.display()))
                .with_hint("copy the disk into a file first"));
        }
        if path.to_str().is_none() {
            return Err(ImageError::unsupported(
                "the path is not UTF-8, so neither QEMU nor the state can be told of it",
            )
            .with_hint("rename the file or its directory"));
        }
        let bytes = match part {
            None => LocalRange::open(path),
            Some(part) => LocalRange::open_part(path, part.offset, part.length),
        };
        let bytes = bytes.map_err(|e| ImageError::io(doing(), e))?;
        Ok(Self { path: path.to_path_buf(), part, file_size: metadata.len(), bytes })
    }

    /// The whole of what is opened, as a part of its file.
    pub(crate) fn extent(&self) -> Part {
        self.part.unwrap_or(Part { offset: 0, length: self.bytes.size() })
    }
}

/// Reads the image at `source`: finds the format by looking, checks that it is whole.
///
/// # Errors
/// Every way in which an image can be damaged, unsafe or not read.
pub(crate) fn read(
    source: &Source,
    declared: Option<DiskFormat>,
    gate: &OpenGate,
) -> Result<Link, ImageError> {
    let magic = probe::probe(&source.bytes).map_err(|e| ImageError::io("looking at the first bytes", e))?;
    let format = probe::settle(magic, declared, &source.path)?;
    let link = match format {
        DiskFormat::Raw => raw(source)?,
        DiskFormat::Vmdk => vmdk::open(source, magic, gate)?,
        DiskFormat::Qcow2 => qcow2::open(source)?,
        DiskFormat::Vhd => vhd::open(source)?,
        DiskFormat::Vhdx => vhdx::open(source)?,
        DiskFormat::Vdi | DiskFormat::Parallels | DiskFormat::Qed | DiskFormat::Qcow | DiskFormat::Dmg => {
            foreign::open(source, format)?
        }
    };
    check_size(link.image.size)?;
    Ok(link)
}

/// What a child of the image at `path` must demand.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_id(
    path: &Path,
    declared: Option<DiskFormat>,
    gate: &OpenGate,
) -> Result<Option<LinkId>, ImageError> {
    Ok(read(&Source::open(path, None)?, declared, gate)?.id)
}

fn raw(source: &Source) -> Result<Link, ImageError> {
    let part = source.extent();
    let flat = FlatBytes { path: source.path.clone(), part };
    let image = Image { flat: Some(flat), ..Image::new(source, DiskFormat::Raw, part.length) };
    Ok(Link { image, parent: None, id: None })
}

/// Refuses a virtual size that no disk has.
///
/// # Errors
/// `Corrupt` for no bytes or half a sector, `Unsupported` for more than is read.
pub(crate) fn check_size(size: u64) -> Result<(), ImageError> {
    if size == 0 {
        return Err(ImageError::corrupt("the disk is empty: it has no bytes at all"));
    }
    if size > MAX_SIZE {
        return Err(ImageError::unsupported(format!(
            "a disk of {size} bytes; the largest that is read has {MAX_SIZE}"
        )));
    }
    if !size.is_multiple_of(SECTOR) {
        return Err(ImageError::corrupt(format!(
            "{size} bytes are no whole number of {SECTOR}-byte sectors"
        ))
        .with_hint(
            "the file is truncated or no disk; fetch it again and compare its size with the original's",
        ));
    }
    Ok(())
}
