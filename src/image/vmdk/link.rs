//! A VMDK as a link of a chain: every extent there, as long as the descriptor demands, and of a kind that is read.

use h2k_transports::{DiskFormat, RangeRead};

use super::cowd::CowdHeader;
use super::descriptor::{self, Access, Descriptor, ExtentLine, ExtentType, MAX_DESCRIPTOR_BYTES, NO_PARENT};
use super::sesparse::SeSparseHeader;
use super::sparse::SparseHeader;
use crate::image::bytes::{SECTOR, read_vec};
use crate::image::error::ImageError;
use crate::image::gate::OpenGate;
use crate::image::link::{FlatBytes, Image, ImageFile, Link, LinkId, Parent, Part, Source};
use crate::image::probe::{self, Magic};
use crate::image::truncated::Reach;

/// Reads the VMDK at `source` and checks that it is whole.
///
/// # Errors
/// Every way in which a VMDK can be damaged, unsafe or not read.
pub(crate) fn open(source: &Source, magic: Magic, gate: &OpenGate) -> Result<Link, ImageError> {
    match magic {
        Magic::VmdkDescriptor => with_descriptor(source, gate),
        Magic::VmdkCowd => {
            let header = CowdHeader::read(&source.bytes)?;
            header.verify(&source.bytes)?;
            Ok(orphan(source, "vmfsSparse extent alone", u64::from(header.capacity)))
        }
        Magic::VmdkSeSparse => {
            let header = SeSparseHeader::read(&source.bytes)?;
            header.verify(&source.bytes)?;
            Ok(orphan(source, "seSparse extent alone", header.capacity))
        }
        _ => monolithic(source),
    }
}

/// An ESX extent that was given without its descriptor. It holds a whole disk, or the changes to an unknown one.
fn orphan(source: &Source, subformat: &str, sectors: u64) -> Link {
    let image = Image {
        subformat: Some(subformat.to_owned()),
        orphan: true,
        ..Image::new(source, DiskFormat::Vmdk, sectors * SECTOR)
    };
    Link { image, parent: None, id: None }
}

/// One sparse file with an embedded descriptor: monolithicSparse and streamOptimized.
fn monolithic(source: &Source) -> Result<Link, ImageError> {
    let header = SparseHeader::read(&source.bytes)?;
    header.verify(&source.bytes)?;
    // An extent of a split disk has no descriptor, or room for one that is empty.
    let text =
        header.embedded_descriptor(&source.bytes)?.filter(|text| !text.is_empty() && !text.starts_with('\0'));
    let text = text.ok_or_else(|| extent_alone(source))?;
    let descriptor = parse(&text)?;
    let described = descriptor.sectors();
    if !descriptor.extents.is_empty() && described != header.capacity {
        return Err(ImageError::corrupt(format!(
            "the embedded descriptor describes {described} sectors, but the file holds {}",
            header.capacity
        )));
    }
    let image = Image {
        subformat: Some(descriptor.create_type.clone()),
        wwn: descriptor.uuid.clone(),
        ..Image::new(source, DiskFormat::Vmdk, header.capacity * SECTOR)
    };
    Ok(Link { image, parent: parent(&descriptor)?, id: Some(LinkId::Cid(descriptor.cid)) })
}

/// A descriptor with its extents in other files.
fn with_descriptor(source: &Source, gate: &OpenGate) -> Result<Link, ImageError> {
    if source.part.is_some() {
        return Err(ImageError::unsupported(
            "a VMDK descriptor inside an archive; its extents would be beside it there",
        )
        .with_hint("unpack the archive and give the descriptor"));
    }
    let descriptor = descriptor_of(source)?;
    if descriptor.extents.is_empty() {
        return Err(ImageError::corrupt("the descriptor names no extents"));
    }
    let parent = parent(&descriptor)?;
    let mut image = Image {
        subformat: Some(descriptor.create_type.clone()),
        wwn: descriptor.uuid.clone(),
        ..Image::new(source, DiskFormat::Vmdk, descriptor.sectors() * SECTOR)
    };
    for line in &descriptor.extents {
        image.files.extend(extent(source, line, gate)?);
    }
    image.flat = in_one_piece(&image, &descriptor).filter(|_| parent.is_none());
    Ok(Link { image, parent, id: Some(LinkId::Cid(descriptor.cid)) })
}

/// The descriptor that fills a file.
///
/// # Errors
/// `Corrupt` if it is none; `Io` if the medium fails.
pub(super) fn descriptor_of(source: &Source) -> Result<Descriptor, ImageError> {
    let length = usize::try_from(source.bytes.size()).ok().filter(|len| *len <= MAX_DESCRIPTOR_BYTES);
    let length = length.ok_or_else(|| ImageError::corrupt("the descriptor is larger than any descriptor"))?;
    let bytes =
        read_vec(&source.bytes, 0, length).map_err(|e| ImageError::io("reading the descriptor", e))?;
    parse(&String::from_utf8_lossy(&bytes))
}

fn parse(text: &str) -> Result<Descriptor, ImageError> {
    descriptor::parse(text).map_err(ImageError::corrupt)
}

fn parent(descriptor: &Descriptor) -> Result<Option<Parent>, ImageError> {
    match (&descriptor.parent_hint, descriptor.parent_cid) {
        (None, NO_PARENT) => Ok(None),
        (None, _) => Err(ImageError::corrupt("the disk is a snapshot, but does not name its parent")),
        (Some(name), NO_PARENT) => {
            Err(ImageError::corrupt(format!("the disk names the parent {name:?}, but not its parentCID")))
        }
        (Some(name), cid) => Ok(Some(Parent {
            names: vec![decoded(name)?.to_owned()],
            format: Some(DiskFormat::Vmdk),
            id: Some(LinkId::Cid(cid)),
            or_id: None,
        })),
    }
}

/// A name out of a descriptor in UTF-8; another encoding leaves replacement characters.
fn decoded(name: &str) -> Result<&str, ImageError> {
    if !name.contains(char::REPLACEMENT_CHARACTER) {
        return Ok(name);
    }
    Err(ImageError::unsupported(format!(
        "the descriptor names the file {name:?} in another encoding than UTF-8"
    ))
    .with_hint(
        "convert a copy of the descriptor (`iconv -f WINDOWS-1252 -t UTF-8`) and the file names with it",
    ))
}

/// Checks the file of an extent; a ZERO extent has none.
fn extent(descriptor: &Source, line: &ExtentLine, gate: &OpenGate) -> Result<Option<ImageFile>, ImageError> {
    check_kind(line)?;
    let name = match (&line.file, &line.kind) {
        (None, ExtentType::Zero) => return Ok(None),
        (None, _) => {
            return Err(ImageError::corrupt(format!("the extent in line {} names no file", line.line)));
        }
        (Some(name), _) => decoded(name)?,
    };
    let path = gate
        .admit(&descriptor.path, name)
        .map_err(|e| e.context(format!("looking for the extent {name:?}")))?;
    let check = || {
        let source = Source::open(&path, None)?;
        check_extent(&source, line)?;
        Ok(source)
    };
    let source: Source =
        check().map_err(|e: ImageError| e.context(format!("checking the extent {}", path.display())))?;
    Ok(Some(ImageFile { path: source.path, size: source.file_size }))
}

/// Refuses what has no bytes in a file. How the others are read is up to their bytes, not to `createType`.
fn check_kind(extent: &ExtentLine) -> Result<(), ImageError> {
    let line = extent.line;
    match &extent.kind {
        ExtentType::Other(kind) => Err(ImageError::unsupported(format!(
            "the extent in line {line} of the descriptor is of type {kind}; its data is on a device of the source's host"
        ))
        .with_hint("clone the disk on the source: `vmkfstools -i SOURCE.vmdk COPY.vmdk`")),
        // Nobody may read it, so that it is not known what the guest sees there.
        kind if extent.access == Access::None && *kind != ExtentType::Zero => Err(ImageError::unsupported(
            format!("the extent in line {line} of the descriptor is NOACCESS"),
        )
        .with_hint("if the extent is readable, write RW in a copy of the descriptor")),
        ExtentType::Sparse | ExtentType::VmfsSparse | ExtentType::SeSparse
            if extent.offset.is_some_and(|offset| offset > 0) =>
        {
            // "Offset … is specified only for flat extents"; nothing says what it would mean here.
            Err(ImageError::unsupported(format!(
                "the extent in line {line} of the descriptor is sparse and has an offset"
            )))
        }
        _ => Ok(()),
    }
}

fn check_extent(source: &Source, line: &ExtentLine) -> Result<(), ImageError> {
    let sectors = match line.kind {
        ExtentType::Flat | ExtentType::Vmfs => {
            let mut reach = Reach::default();
            let end =
                line.offset.unwrap_or(0).checked_add(line.sectors).and_then(|end| end.checked_mul(SECTOR));
            reach.extend(end);
            return reach.check(source.file_size);
        }
        ExtentType::Sparse | ExtentType::VmfsSparse => sparse_capacity(source)?,
        ExtentType::SeSparse => {
            let header = SeSparseHeader::read(&source.bytes)?;
            header.verify(&source.bytes)?;
            header.capacity
        }
        ExtentType::Zero | ExtentType::Other(_) => return Ok(()),
    };
    // QEMU goes by the extent's header; where the two disagree, all that follows would be shifted.
    if sectors == line.sectors {
        return Ok(());
    }
    Err(ImageError::corrupt(format!(
        "the extent holds {sectors} sectors, but the descriptor gives it {}",
        line.sectors
    )))
}

/// Capacity in sectors of a hosted sparse or a COWD extent; QEMU takes both for SPARSE and for VMFSSPARSE.
fn sparse_capacity(source: &Source) -> Result<u64, ImageError> {
    match probe::probe(&source.bytes).map_err(|e| ImageError::io("looking at the first bytes", e))? {
        Magic::VmdkSparse => {
            let header = SparseHeader::read(&source.bytes)?;
            if header.from_footer {
                return Err(ImageError::unsupported("a stream-optimized extent beside others"));
            }
            header.verify(&source.bytes)?;
            Ok(header.capacity)
        }
        Magic::VmdkCowd => {
            let header = CowdHeader::read(&source.bytes)?;
            header.verify(&source.bytes)?;
            Ok(u64::from(header.capacity))
        }
        _ => Err(ImageError::corrupt("the extent does not begin with a sparse header")
            .with_hint("it is truncated or damaged; fetch it again")),
    }
}

/// The guest's bytes, where the disk is a single flat extent.
fn in_one_piece(image: &Image, descriptor: &Descriptor) -> Option<FlatBytes> {
    let ([line], [_, file]) = (descriptor.extents.as_slice(), image.files.as_slice()) else { return None };
    let flat = matches!(line.kind, ExtentType::Flat | ExtentType::Vmfs) && line.access == Access::ReadWrite;
    let offset = line.offset.unwrap_or(0).checked_mul(SECTOR)?;
    flat.then(|| FlatBytes { path: file.path.clone(), part: Part { offset, length: image.size } })
}

fn extent_alone(source: &Source) -> ImageError {
    ImageError::unsupported(format!("{} is an extent of a disk, not the disk", source.path.display()))
        .with_hint(
            "give the small descriptor file (NAME.vmdk) that names it, with all of its extents beside it",
        )
}
