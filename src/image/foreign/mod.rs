//! Formats that only QEMU reads here: VirtualBox VDI, Parallels, QED, qcow (version 1) and Apple DMG. Each is one file
//! without a parent. Whether that file is whole is looked at first, since QEMU reads zeros beyond the end of a file.

mod two_level;
mod whole;

pub use whole::check_whole;

use std::io;
use std::time::Duration;

use h2k_transports::DiskFormat;
use serde::Deserialize;

use super::error::ImageError;
use super::link::{Image, Link, Source};
use super::node::Node;
use super::probe::name;
use super::{DiskReader, QemuReader};
use crate::exec::Exec;

/// How long QEMU may take to look at a header and its tables.
const INFO_LIMIT: Duration = Duration::from_secs(120);

/// What `qemu-img info` says of an image.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Info {
    virtual_size: u64,
    backing_filename: Option<String>,
    #[serde(default)]
    encrypted: bool,
    /// The nodes that it consists of; QEMU names the image's own file "file".
    #[serde(default)]
    children: Vec<Child>,
}

#[derive(Debug, Deserialize)]
struct Child {
    name: String,
}

/// Reads the image at `source`: checks that it is whole, and asks QEMU for its size.
///
/// # Errors
/// `Corrupt` if it is truncated or damaged, `Unsupported` if it is encrypted or has a parent, `Unsafe` if its bytes
/// are in another file, `Tool` if QEMU does not read it.
pub(super) fn open(source: &Source, format: DiskFormat) -> Result<Link, ImageError> {
    check_whole(&source.bytes, format)?;
    let mut image = Image::new(source, format, 0);
    let info = ask(&image)?;
    if let Some(parent) = info.backing_filename {
        return Err(ImageError::unsupported(format!(
            "a {} image with the parent {parent:?}, which is not followed",
            name(format)
        ))
        .with_hint("make one file of both first: `qemu-img convert -O qcow2`"));
    }
    if info.encrypted {
        return Err(ImageError::unsupported(format!("the {} image is encrypted", name(format))));
    }
    if let Some(other) = info.children.iter().find(|child| child.name != "file") {
        return Err(ImageError::dangerous(format!(
            "the {} image keeps its {} in another file, which is not opened",
            name(format),
            other.name
        )));
    }
    image.size = info.virtual_size;
    Ok(Link { image, parent: None, id: None })
}

/// The image alone as a layer.
///
/// # Errors
/// As [`QemuReader::open`].
pub(crate) fn layer(image: &Image) -> Result<Box<dyn DiskReader>, ImageError> {
    Ok(Box::new(QemuReader::open_image(image)?))
}

/// The driver and the file are told, so that QEMU neither guesses a format nor takes a part of the path for a
/// protocol.
fn ask(image: &Image) -> Result<Info, ImageError> {
    let doing = || format!("asking QEMU about the {} image", name(image.format));
    let exec = Exec::new("qemu-img").args(["info", "--output=json"]).arg(Node::alone(image)?.file_name());
    let output = exec.timeout(INFO_LIMIT).run().map_err(|e| ImageError::tool(doing(), e))?;
    serde_json::from_slice(&output.stdout).map_err(|e| ImageError::io(doing(), io::Error::other(e)))
}
