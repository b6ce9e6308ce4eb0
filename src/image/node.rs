//! A chain as a tree of QEMU block nodes: every driver, file and parent explicit, so that QEMU neither probes a
//! format nor follows a name that an image gives (qemu-block-drivers(7); QAPI `BlockdevOptions`).

use std::path::Path;

use h2k_transports::{DiskFormat, NbdServer, NbdUri};
use serde_json::{Value, json};

use super::bytes::SECTOR;
use super::chain::ImageChain;
use super::error::ImageError;
use super::link::{Image, Part};
use super::nbd;

/// A node tree, and what QEMU calls its format where it stands behind an overlay.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Block device options.
    pub options: Value,
    /// QEMU's name of the outermost driver.
    pub driver: &'static str,
}

impl Node {
    /// The node of a whole chain.
    ///
    /// # Errors
    /// `Unsupported` for a path that is not UTF-8, which JSON cannot hold.
    pub fn of(chain: &ImageChain) -> Result<Self, ImageError> {
        let mut node: Option<Node> = None;
        for (depth, image) in chain.images().iter().enumerate().rev() {
            // A VMDK snapshot demands a VMDK below it, whose CID QEMU compares; a flat one may not pass as raw there.
            let below_vmdk = depth > 0 && image.format == DiskFormat::Vmdk;
            node = Some(single(image, node, below_vmdk)?);
        }
        node.ok_or_else(|| ImageError::corrupt("a chain without images was stored"))
    }

    /// The node of one image without its parent.
    ///
    /// # Errors
    /// As [`Node::of`].
    pub fn alone(image: &Image) -> Result<Self, ImageError> {
        single(image, None, false)
    }

    /// The `json:` pseudo file name.
    pub fn file_name(&self) -> String {
        format!("json:{}", self.options)
    }
}

fn single(image: &Image, backing: Option<Node>, below_vmdk: bool) -> Result<Node, ImageError> {
    if let Some(uri) = &image.nbd {
        return Ok(Node { options: json!({ "driver": "raw", "file": export_of(uri)? }), driver: "raw" });
    }
    if let Some(flat) = image.flat.as_ref().filter(|_| backing.is_none() && !below_vmdk) {
        let whole = image.files.iter().any(|f| f.path == flat.path && f.size == flat.part.length);
        let part = Some(flat.part).filter(|part| !whole || part.offset != 0);
        let mut options = part_of(&flat.path, part)?;
        if part.is_none() {
            options = json!({ "driver": "raw", "file": options });
        }
        return Ok(Node { options, driver: "raw" });
    }
    let driver = driver(image.format);
    let mut options = json!({ "driver": driver, "file": file_of(image)? });
    match image.format {
        // Without the key QEMU would follow the parent's name that stands in the image, even in a comment of it.
        DiskFormat::Vmdk | DiskFormat::Qcow2 | DiskFormat::Qed | DiskFormat::Qcow => {
            options["backing"] = backing.map_or(Value::Null, |node| node.options)
        }
        // QEMU takes the size from the geometry, which rounds down, unless it knows the program that wrote the file.
        DiskFormat::Vhd => options["force_size_calc"] = json!("current_size"),
        DiskFormat::Vhdx | DiskFormat::Raw | DiskFormat::Vdi | DiskFormat::Parallels | DiskFormat::Dmg => {}
    }
    Ok(Node { options, driver })
}

fn file_of(image: &Image) -> Result<Value, ImageError> {
    part_of(&image.path, image.part)
}

/// An NBD export (QAPI `BlockdevOptionsNbd`).
fn export_of(uri: &str) -> Result<Value, ImageError> {
    let NbdUri { server, export } = nbd::parse(uri)?;
    let server = match server {
        NbdServer::Unix(socket) => json!({ "type": "unix", "path": socket }),
        NbdServer::Tcp { host, port } => json!({ "type": "inet", "host": host, "port": port.to_string() }),
    };
    Ok(json!({ "driver": "nbd", "server": server, "export": export }))
}

/// A file, or a part of one.
fn part_of(path: &Path, part: Option<Part>) -> Result<Value, ImageError> {
    let name = path.to_str().ok_or_else(|| {
        ImageError::unsupported(format!(
            "QEMU cannot be told the path {}, which is not UTF-8",
            path.display()
        ))
        .with_hint("rename the file or its directory")
    })?;
    let file = json!({ "driver": "file", "filename": name });
    Ok(match part {
        None => file,
        Some(Part { offset, length }) => {
            // QEMU takes whole sectors only. A qcow2 need not end with one; the archive's padding does.
            let size = length.checked_next_multiple_of(SECTOR).unwrap_or(length);
            json!({ "driver": "raw", "offset": offset, "size": size, "file": file })
        }
    })
}

/// QEMU's name of the driver of a format.
pub(super) fn driver(format: DiskFormat) -> &'static str {
    match format {
        DiskFormat::Vmdk => "vmdk",
        DiskFormat::Vhd => "vpc",
        DiskFormat::Vhdx => "vhdx",
        DiskFormat::Qcow2 => "qcow2",
        DiskFormat::Raw => "raw",
        DiskFormat::Vdi => "vdi",
        DiskFormat::Parallels => "parallels",
        DiskFormat::Qed => "qed",
        DiskFormat::Qcow => "qcow",
        DiskFormat::Dmg => "dmg",
    }
}
