//! Where QEMU's reader of descriptors (block/vmdk.c, `vmdk_parse_extents`) understands something else than the
//! specification says. It leaves out in silence what it does not know, and the disk comes out shorter.

use h2k_transports::DiskFormat;

use super::descriptor::{Access, Descriptor, ExtentLine, ExtentType};
use super::link::descriptor_of;
use crate::image::error::ImageError;
use crate::image::link::{Image, Source};
use crate::image::probe::{self, Magic};

/// `createType` of descriptors that QEMU opens.
const CREATE_TYPES: [&str; 6] =
    ["monolithicFlat", "twoGbMaxExtentFlat", "twoGbMaxExtentSparse", "vmfs", "vmfsSparse", "seSparse"];

/// Checks that QEMU reads an image as it is meant. An image whose bytes lie in one piece passes: QEMU is told where.
///
/// # Errors
/// `Unsupported` with the line that it would misread, or for an extent without its descriptor; `Io` or `Corrupt` if
/// the descriptor cannot be read.
pub(crate) fn unfit_for_qemu(image: &Image) -> Result<(), ImageError> {
    if image.format != DiskFormat::Vmdk || image.flat.is_some() {
        return Ok(());
    }
    if image.orphan {
        // It takes a lone seSparse extent for a raw disk, and looks for a descriptor inside a lone COWD extent.
        return Err(ImageError::unsupported(format!(
            "{} is an extent without its descriptor, which QEMU does not read",
            image.path.display()
        ))
        .with_hint("give the small descriptor file (NAME.vmdk) that names it"));
    }
    let source = Source::open(&image.path, image.part)?;
    let magic = probe::probe(&source.bytes).map_err(|e| ImageError::io("looking at the first bytes", e))?;
    if magic == Magic::VmdkDescriptor { check(&descriptor_of(&source)?) } else { Ok(()) }
}

fn check(descriptor: &Descriptor) -> Result<(), ImageError> {
    if !CREATE_TYPES.contains(&descriptor.create_type.as_str()) {
        return Err(unread_type(&descriptor.create_type));
    }
    descriptor.extents.iter().try_for_each(check_extent)
}

fn check_extent(extent: &ExtentLine) -> Result<(), ImageError> {
    let line = extent.line;
    if extent.after_blank {
        // scanf(3) skips the line end, so the extent counts once from the blank line and once from its own.
        return Err(ImageError::unsupported(format!(
            "a blank line stands before the extent in line {line} of the descriptor; QEMU counts such an extent twice"
        ))
        .with_hint("remove the blank line in a copy of the descriptor"));
    }
    if extent.access != Access::ReadWrite {
        return Err(ImageError::unsupported(format!(
            "the extent in line {line} of the descriptor is not RW; QEMU leaves such an extent out"
        ))
        .with_hint("if the extent is readable, write RW in a copy of the descriptor"));
    }
    match &extent.kind {
        ExtentType::Zero => Err(ImageError::unsupported(format!(
            "the extent in line {line} of the descriptor is of type ZERO; QEMU leaves such an extent out"
        ))),
        _ => Ok(()),
    }
}

fn unread_type(create_type: &str) -> ImageError {
    ImageError::unsupported(format!("a VMDK of the type {create_type:?}, which QEMU does not open"))
        .with_hint(
            "clone the disk to another type on the source: `vmkfstools -i` or `vmware-vdiskmanager -r`",
        )
}
