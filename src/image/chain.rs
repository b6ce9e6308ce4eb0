//! A disk's images, from the active one down to its last parent, each checked before anything reads it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use h2k_transports::{DiskFormat, DiskLocation, SourceDisk};
use serde::{Deserialize, Serialize};

use super::error::ImageError;
use super::gate::{OpenGate, canonical, last_component};
use super::link::{self, Image, Link, LinkId, Parent, Part, Source};
use super::nbd;

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
    /// What the child demands.
    id: Option<LinkId>,
    /// What it takes instead.
    or_id: Option<LinkId>,
}

impl ImageChain {
    /// Follows a disk's chain. Only headers and tables are read; every file that an image names passes `gate`.
    ///
    /// # Errors
    /// What is missing, damaged, unsafe or not read, with the file that it concerns.
    pub fn resolve(disk: &SourceDisk, gate: &OpenGate) -> Result<Self, ImageError> {
        Self::resolve_at(&disk.location, disk.format, gate)
    }

    /// As [`ImageChain::resolve`], of a disk of which only its place, and perhaps its format, is known.
    ///
    /// # Errors
    /// As [`ImageChain::resolve`].
    pub fn resolve_at(
        location: &DiskLocation,
        format: Option<DiskFormat>,
        gate: &OpenGate,
    ) -> Result<Self, ImageError> {
        let mut images: Vec<Image> = Vec::new();
        let mut next = match location {
            DiskLocation::File { path } => Some(active(path, None, format)?),
            DiskLocation::Range { path, offset, length } => {
                Some(active(path, Some(Part { offset: *offset, length: *length }), format)?)
            }
            // What NBD exports is raw: there is nothing to follow.
            DiskLocation::Nbd { uri } => return Ok(Self { images: vec![nbd::image(uri)?] }),
        };
        while let Some(wanted) = next {
            if images.iter().any(|image| image.path == wanted.path && image.part == wanted.part) {
                return Err(ImageError::corrupt(format!("{} is its own parent", wanted.path.display())));
            }
            if images.len() >= MAX_DEPTH {
                return Err(ImageError::unsupported(format!("a chain of more than {MAX_DEPTH} images"))
                    .with_hint("consolidate the snapshots on the hypervisor"));
            }
            let link = read_wanted(&wanted, gate)?;
            check_generation(&wanted, &link, images.last())?;
            next = match &link.parent {
                Some(parent) => Some(find_parent(&link, parent, gate)?),
                None => None,
            };
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

    /// World-wide name that a guest which is shown any sees: that of the newest image that tells one, for a snapshot of
    /// a disk is the same disk.
    pub fn wwn(&self) -> Option<&str> {
        self.images.iter().find_map(|image| image.wwn.as_deref())
    }

    /// Every file that the disk consists of, each once, sorted. An NBD export stands among them by its URI.
    pub fn files(&self) -> Vec<PathBuf> {
        let files = self.images.iter().flat_map(|image| &image.files);
        files.map(|file| file.path.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

fn active(path: &Path, part: Option<Part>, format: Option<DiskFormat>) -> Result<Wanted, ImageError> {
    Ok(Wanted { path: canonical(path)?, part, format, id: None, or_id: None })
}

fn read_wanted(wanted: &Wanted, gate: &OpenGate) -> Result<Link, ImageError> {
    let read = || link::read(&Source::open(&wanted.path, wanted.part)?, wanted.format, gate);
    read().map_err(|e| e.context(format!("reading {}", wanted.path.display())))
}

/// A snapshot holds what changed since its parent had a certain content. On any other content it is garbage.
fn check_generation(wanted: &Wanted, link: &Link, child: Option<&Image>) -> Result<(), ImageError> {
    let (Some(demanded), Some(child)) = (wanted.id, child) else { return Ok(()) };
    let child = child.path.display();
    let parent = wanted.path.display();
    match link.id {
        Some(id) if id == demanded || Some(id) == wanted.or_id => Ok(()),
        Some(id) => Err(ImageError::corrupt(format!(
            "{child} was made when its parent had the {demanded}, but {parent} has the {id}"
        ))
        .with_hint("the parent was changed after the snapshot, or is another disk; use the parent of the same backup")),
        None => Err(ImageError::corrupt(format!("{child} needs a parent with the {demanded}, which {parent} is not"))),
    }
}

/// The parent among the files that the user named, or where the image says that it is, or, with what the image says
/// meant for another host, a file of that name.
fn find_parent(link: &Link, parent: &Parent, gate: &OpenGate) -> Result<Wanted, ImageError> {
    let child = &link.image.path;
    let wanted =
        |path| Wanted { path, part: None, format: parent.format, id: parent.id, or_id: parent.or_id };
    let named = |path: &PathBuf| {
        let called = path.file_name();
        parent
            .names
            .iter()
            .any(|name| last_component(name).is_some_and(|last| Some(OsStr::new(last)) == called))
    };
    let fits = |path: &PathBuf| match parent.id {
        Some(id) => link::read_id(path, parent.format, gate)
            .is_ok_and(|found| found == Some(id) || found.is_some() && found == parent.or_id),
        None => named(path),
    };
    if let Some(path) = gate.named_files().iter().find(|path| *path != child && fits(path)) {
        return Ok(wanted(path.clone()));
    }
    let mut first = None;
    for name in &parent.names {
        match gate.admit(child, name) {
            Ok(path) => return Ok(wanted(path)),
            Err(e) => first = first.or(Some(e)),
        }
    }
    // In the image's own directory only where the format tells whether it is the one.
    let own = parent.id.is_some();
    let there = parent.names.iter().flat_map(|name| gate.of_that_name(name, own));
    let candidates: Vec<PathBuf> = there.filter(|path| path != child).collect();
    // One that does not fit is refused with what is wrong with it.
    if let Some(path) = candidates.iter().find(|path| fits(path)).or(candidates.first()) {
        return Ok(wanted(path.clone()));
    }
    let error = first.unwrap_or_else(|| ImageError::corrupt("the image does not name its parent"));
    Err(error.context("looking for the parent image"))
}
