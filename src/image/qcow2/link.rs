//! A qcow2 image as a link of a chain.

use h2k_transports::DiskFormat;

use super::header::Qcow2Header;
use crate::image::error::ImageError;
use crate::image::link::{Image, Link, Parent, Source};

/// Reads the image at `source` and checks that it is whole.
///
/// # Errors
/// As [`Qcow2Header::read`] and [`Qcow2Header::verify`] say.
pub(crate) fn open(source: &Source) -> Result<Link, ImageError> {
    let header = Qcow2Header::read(&source.bytes)?;
    header.verify(&source.bytes)?;
    let image = Image {
        subformat: Some(format!("version {}", header.version)),
        notes: notes(&header),
        ..Image::new(source, DiskFormat::Qcow2, header.size)
    };
    let format = header.backing_format.as_deref().map(format_of).transpose()?.flatten();
    let parent = header.backing.map(|name| Parent { names: vec![name], format, id: None, or_id: None });
    Ok(Link { image, parent, id: None })
}

fn notes(header: &Qcow2Header) -> Vec<String> {
    match header.snapshots {
        0 => Vec::new(),
        1 => vec!["1 internal snapshot is not carried over".to_owned()],
        count => vec![format!("{count} internal snapshots are not carried over")],
    }
}

/// The format that QEMU calls `name`. What is no disk image (a protocol, a filter) is refused.
fn format_of(name: &str) -> Result<Option<DiskFormat>, ImageError> {
    match name {
        "qcow2" => Ok(Some(DiskFormat::Qcow2)),
        "raw" => Ok(Some(DiskFormat::Raw)),
        "vmdk" => Ok(Some(DiskFormat::Vmdk)),
        "vpc" => Ok(Some(DiskFormat::Vhd)),
        "vhdx" => Ok(Some(DiskFormat::Vhdx)),
        "vdi" => Ok(Some(DiskFormat::Vdi)),
        "parallels" => Ok(Some(DiskFormat::Parallels)),
        "qed" => Ok(Some(DiskFormat::Qed)),
        "qcow" => Ok(Some(DiskFormat::Qcow)),
        "dmg" => Ok(Some(DiskFormat::Dmg)),
        "" => Ok(None),
        other => Err(ImageError::unsupported(format!("a backing file of the format {other:?}"))),
    }
}
