//! A disk's images, from the active one down to its last parent, each checked before anything reads it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use h2k_transports::{DiskFormat, DiskLocation, SourceDisk};
use serde::{Deserialize, Serialize};

use super::error::ImageError;
use super::gate::{OpenGate, canonical};
use super::link::{self, Image, Link, Part, Source};

/// Most images of a chain. vSphere takes 32 snapshots of a disk, libvirt's documentation warns from 200 on; a loop
/// is found before.
pub const MAX_DEPTH: usize = 64;

/// The images of a disk, the active one first, each followed by its parent. It has been checked: all files are
/// there, as long as they must be, and of one generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageChain {
    images: Vec<Image>,
}

/// A file that is to be read as the next image.
struct Wanted {
    path: PathBuf,
    part: Option<Part>,
    format: Option<DiskFormat>,
    /// The content id that the child demands.
    cid: Option<u32>,
}

impl ImageChain {
    /// Follows a disk's chain. Only headers and tables are read; every file that an image names passes `gate`.
    ///
    /// # Errors
    /// What is missing, damaged, unsafe or not read, with the file that it concerns.
    pub fn resolve(disk: &SourceDisk, gate: &OpenGate) -> Result<Self, ImageError> {
        let mut images: Vec<Image> = Vec::new();
        let mut next = Some(active(disk)?);
        while let Some(wanted) = next {
            if images.iter().any(|image| image.path == wanted.path) {
                return Err(ImageError::corrupt(format!("{} is its own parent", wanted.path.display())));
            }
            if images.len() >= MAX_DEPTH {
                return Err(ImageError::unsupported(format!("a chain of more than {MAX_DEPTH} images"))
                    .with_hint("consolidate the snapshots on the hypervisor"));
            }
            let link =
                read(&wanted, gate).map_err(|e| e.context(format!("reading {}", wanted.path.display())))?;
            check_generation(&wanted, &link, images.last())?;
            next = parent_of(&link, gate)?;
            images.push(link.image);
        }
        Ok(Self { images })
    }

    /// The images, the active one first.
    pub fn images(&self) -> &[Image] {
        &self.images
    }

    /// The active image.
    ///
    /// # Errors
    /// `Corrupt` for a stored chain without images, which `resolve` never makes.
    pub fn active(&self) -> Result<&Image, ImageError> {
        self.images.first().ok_or_else(|| ImageError::corrupt("a chain without images was stored"))
    }

    /// Virtual size in bytes: that of the active image.
    pub fn size(&self) -> u64 {
        self.images.first().map_or(0, |image| image.size)
    }

    /// Every file that the disk consists of, each once, sorted.
    pub fn files(&self) -> Vec<PathBuf> {
        let files = self.images.iter().flat_map(|image| &image.files);
        files.map(|file| file.path.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

fn active(disk: &SourceDisk) -> Result<Wanted, ImageError> {
    let (path, part) = match &disk.location {
        DiskLocation::File { path } => (path, None),
        DiskLocation::Range { path, offset, length } => {
            (path, Some(Part { offset: *offset, length: *length }))
        }
    };
    Ok(Wanted { path: canonical(path)?, part, format: disk.format, cid: None })
}

fn read(wanted: &Wanted, gate: &OpenGate) -> Result<Link, ImageError> {
    let source = Source::open(&wanted.path, wanted.part)?;
    link::read(&source, wanted.format, gate)
}

/// A snapshot holds what changed since its parent had a certain content. On any other content it is garbage.
fn check_generation(wanted: &Wanted, link: &Link, child: Option<&Image>) -> Result<(), ImageError> {
    let (Some(demanded), Some(child)) = (wanted.cid, child) else { return Ok(()) };
    let child = child.path.display();
    let parent = wanted.path.display();
    match link.cid {
        Some(cid) if cid == demanded => Ok(()),
        Some(cid) => Err(ImageError::corrupt(format!(
            "{child} was made when the CID of its parent was {demanded:08x}, but {parent} has the CID {cid:08x}"
        ))
        .with_hint("the parent was changed after the snapshot, or is another disk; use the parent of the same backup")),
        None => Err(ImageError::corrupt(format!("{child} needs a VMDK as its parent, which {parent} is not"))),
    }
}

fn parent_of(link: &Link, gate: &OpenGate) -> Result<Option<Wanted>, ImageError> {
    let Some(parent) = &link.parent else { return Ok(None) };
    let path =
        gate.admit(&link.image.path, &parent.name).map_err(|e| e.context("looking for the parent image"))?;
    Ok(Some(Wanted { path, part: None, format: parent.format, cid: parent.cid }))
}
