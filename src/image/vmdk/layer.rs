//! A VMDK as a layer of a chain: what this image alone holds, and where it leaves the word to its parent.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::descriptor::{Descriptor, ExtentLine, ExtentType};
use super::link::descriptor_of;
use super::shared::Shared;
use super::spans::Spans;
use super::{cowd, sesparse, sparse};
use crate::image::bytes::SECTOR;
use crate::image::error::{ImageError, ImageErrorKind};
use crate::image::link::{FlatBytes, Image, ImageFile, Part, Source};
use crate::image::probe::{self, Magic};
use crate::image::{DiskReader, Extent, ExtentKind, RawReader, check_range};

/// Opens the image alone; its parents are not touched.
///
/// # Errors
/// `Corrupt` if the image is not what it was when its chain was resolved; otherwise what resolving it reports.
pub(crate) fn layer(image: &Image) -> Result<Box<dyn DiskReader>, ImageError> {
    let reader = open(image).map_err(|e| e.context(format!("reading {}", image.path.display())))?;
    if reader.size() != image.size {
        return Err(changed(&image.path));
    }
    Ok(reader)
}

fn open(image: &Image) -> Result<Box<dyn DiskReader>, ImageError> {
    let source = Source::open(&image.path, image.part)?;
    if let Some(own) = image.files.first() {
        check_size(&source, own)?;
    }
    match magic_of(&source)? {
        Magic::VmdkDescriptor => Ok(Box::new(described(image, &descriptor_of(&source)?)?)),
        Magic::VmdkSparse => sparse::open(Arc::new(source.bytes)),
        Magic::VmdkCowd if image.orphan => cowd::open(Arc::new(source.bytes)),
        Magic::VmdkSeSparse if image.orphan => sesparse::open(Arc::new(source.bytes)),
        _ => Err(changed(&image.path)),
    }
}

/// The extents of a descriptor. All are looked at now, and opened again when they are needed.
fn described(image: &Image, descriptor: &Descriptor) -> Result<Spans, ImageError> {
    let mut files = image.files.iter().skip(1);
    let mut parts = Vec::new();
    for line in &descriptor.extents {
        let named = |name: &String| files.next().filter(|file| is_named(image, name, file));
        let file = line.file.as_ref().map(named);
        let file = file.map(|file| file.ok_or_else(|| changed(&image.path))).transpose()?;
        parts.push(ExtentPart::of(line, file)?);
    }
    let shared = Shared::default();
    if files.next().is_some() {
        return Err(changed(&image.path));
    }
    for (number, part) in (0..).zip(&parts) {
        if part.open(shared.for_extent(number))?.size() != part.size {
            return Err(changed(&image.path));
        }
    }
    let sizes: Vec<_> = parts.iter().map(|part| part.size).collect();
    let opener = move |number: usize| match parts.get(number) {
        Some(part) => part.open(shared.for_extent(number as u64)).map_err(as_io),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    };
    Ok(Spans::new(sizes.into_iter(), Box::new(opener)))
}

/// Whether the gate has found `file` under this name.
fn is_named(image: &Image, name: &str, file: &ImageFile) -> bool {
    let directory = image.path.parent().unwrap_or(Path::new("/"));
    std::fs::canonicalize(directory.join(name)).is_ok_and(|path| path == file.path)
}

/// An extent that can be opened.
struct ExtentPart {
    /// Guest bytes.
    size: u64,
    bytes: Bytes,
}

enum Bytes {
    Zero,
    /// The file, and where in it the extent begins in bytes.
    Flat(ImageFile, u64),
    /// A hosted sparse or a COWD extent, whatever its line says, as in the check of the chain.
    Sparse(ImageFile),
    SeSparse(ImageFile),
}

impl ExtentPart {
    fn of(line: &ExtentLine, file: Option<&ImageFile>) -> Result<Self, ImageError> {
        let bytes = match (&line.kind, file.cloned()) {
            (ExtentType::Zero, _) => Bytes::Zero,
            (ExtentType::Flat | ExtentType::Vmfs, Some(file)) => {
                Bytes::Flat(file, line.offset.unwrap_or(0).saturating_mul(SECTOR))
            }
            (ExtentType::Sparse | ExtentType::VmfsSparse, Some(file)) => Bytes::Sparse(file),
            (ExtentType::SeSparse, Some(file)) => Bytes::SeSparse(file),
            (ExtentType::Other(_), _) | (_, None) => {
                return Err(ImageError::unsupported(format!(
                    "the extent in line {} of the descriptor cannot be read",
                    line.line
                )));
            }
        };
        Ok(Self { size: line.sectors.saturating_mul(SECTOR), bytes })
    }

    fn open(&self, shared: Shared) -> Result<Arc<dyn DiskReader>, ImageError> {
        match &self.bytes {
            Bytes::Zero => Ok(Arc::new(Zeros(self.size))),
            Bytes::Flat(file, offset) => {
                let part = Part { offset: *offset, length: self.size };
                let path = whole(file)?.path;
                Ok(Arc::new(RawReader::open(&FlatBytes { path, part })?))
            }
            Bytes::Sparse(file) => {
                let source = whole(file)?;
                match magic_of(&source)? {
                    Magic::VmdkSparse => Ok(Arc::new(sparse::open_in(Arc::new(source.bytes), shared)?)),
                    Magic::VmdkCowd => Ok(Arc::new(cowd::open_in(Arc::new(source.bytes), shared)?)),
                    _ => Err(changed(&file.path)),
                }
            }
            Bytes::SeSparse(file) => Ok(Arc::new(sesparse::open_in(Arc::new(whole(file)?.bytes), shared)?)),
        }
    }
}

/// Opens a file that must have the size that it had.
fn whole(file: &ImageFile) -> Result<Source, ImageError> {
    let source = Source::open(&file.path, None)?;
    check_size(&source, file)?;
    Ok(source)
}

fn check_size(source: &Source, file: &ImageFile) -> Result<(), ImageError> {
    if source.path == file.path && source.file_size == file.size { Ok(()) } else { Err(changed(&file.path)) }
}

fn magic_of(source: &Source) -> Result<Magic, ImageError> {
    probe::probe(&source.bytes).map_err(|e| ImageError::io("looking at the first bytes", e))
}

fn changed(path: &Path) -> ImageError {
    ImageError::corrupt(format!("{} has changed since it was checked", path.display()))
        .with_hint("nothing may write to the source while it is read: shut the VM down")
}

fn as_io(error: ImageError) -> io::Error {
    let kind = match error.kind() {
        ImageErrorKind::NotFound => io::ErrorKind::NotFound,
        ImageErrorKind::Corrupt | ImageErrorKind::Unsafe | ImageErrorKind::Unsupported => {
            io::ErrorKind::InvalidData
        }
        ImageErrorKind::Io | ImageErrorKind::Tool => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

/// A ZERO extent.
struct Zeros(u64);

impl DiskReader for Zeros {
    fn size(&self) -> u64 {
        self.0
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        check_range(offset, buf.len() as u64, self.0)?;
        buf.fill(0);
        Ok(())
    }

    fn extents(&self, range: Range<u64>) -> io::Result<Vec<Extent>> {
        let len = range.end.saturating_sub(range.start);
        check_range(range.start, len, self.0)?;
        let all = Extent { start: range.start, len, kind: ExtentKind::Zero };
        Ok(Some(all).filter(|extent| extent.len > 0).into_iter().collect())
    }
}
