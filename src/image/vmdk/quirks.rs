//! Where QEMU's reader of descriptors (block/vmdk.c, `vmdk_parse_extents`) understands something else than the
//! specification says. It leaves out in silence what it does not know, and the disk comes out shorter.

use super::descriptor::{Access, Descriptor, ExtentLine, ExtentType};
use crate::image::error::ImageError;

/// `createType` of descriptors that QEMU opens.
const CREATE_TYPES: [&str; 6] =
    ["monolithicFlat", "twoGbMaxExtentFlat", "twoGbMaxExtentSparse", "vmfs", "vmfsSparse", "seSparse"];

/// Checks that QEMU reads a descriptor as it is meant.
///
/// # Errors
/// `Unsupported` with the line that it would misread.
pub(crate) fn check(descriptor: &Descriptor) -> Result<(), ImageError> {
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
        ExtentType::Other(kind) => Err(ImageError::unsupported(format!(
            "the extent in line {line} of the descriptor is of type {kind}; its data is on a device of the source's host"
        ))
        .with_hint("clone the disk on the source: `vmkfstools -i SOURCE.vmdk COPY.vmdk`")),
        _ => Ok(()),
    }
}

fn unread_type(create_type: &str) -> ImageError {
    let error = ImageError::unsupported(format!("a VMDK of the type {create_type:?}"));
    match create_type {
        "vmfsRDM"
        | "vmfsRDMP"
        | "vmfsRaw"
        | "vmfsRawDeviceMap"
        | "vmfsPassthroughRawDeviceMap"
        | "fullDevice"
        | "partitionedDevice" => {
            error.with_hint("its data is on a device of the source's host: clone it there, `vmkfstools -i`")
        }
        _ => error.with_hint(
            "clone the disk to another type on the source: `vmkfstools -i` or `vmware-vdiskmanager -r`",
        ),
    }
}
