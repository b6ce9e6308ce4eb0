//! A qcow2 overlay over a chain: what FIX writes to. The chain itself is never written.

use std::fs;
use std::path::Path;

use h2k_transports::range::LocalRange;

use super::chain::ImageChain;
use super::error::ImageError;
use super::node::Node;
use super::qcow2::header::{MAX_BACKING_NAME, Qcow2Header};
use super::qemu;
use crate::exec::Exec;

/// Creates a qcow2 overlay at `overlay` whose backing is the whole chain. An overlay that is there is replaced.
///
/// # Errors
/// `Unsafe` if `overlay` is one of the chain's own files, `Tool` if `qemu-img` fails, `Unsupported` if the chain
/// cannot be described to QEMU, `Corrupt` if QEMU sees a disk of another size than the chain has.
pub fn create_overlay(chain: &ImageChain, overlay: &Path) -> Result<(), ImageError> {
    let doing = format!("creating the overlay {}", overlay.display());
    spare_the_source(chain, overlay)?;
    let (backing, format) = backing(chain)?;
    let create =
        Exec::new("qemu-img").args(["create", "-q", "-f", "qcow2", "-b"]).arg(backing).args(["-F", format]);
    create.arg(overlay).run().map_err(|e| ImageError::tool(&doing, e))?;
    check_size(chain, overlay).map_err(|e| {
        // What cannot be removed is replaced by the next attempt.
        let _left_behind = fs::remove_file(overlay);
        e.context(doing)
    })
}

fn spare_the_source(chain: &ImageChain, overlay: &Path) -> Result<(), ImageError> {
    match fs::canonicalize(overlay) {
        Ok(path) if chain.files().contains(&path) => {
            Err(ImageError::dangerous(format!("{} is a part of the source", overlay.display())))
        }
        // Nothing is there, or nothing that QEMU could write to either.
        _ => Ok(()),
    }
}

/// The backing file's name and format. A qcow2 header has room for 1023 bytes; where all parents do not fit in, they
/// are left to the images, if QEMU is seen to follow them to the very files that were checked.
fn backing(chain: &ImageChain) -> Result<(String, &'static str), ImageError> {
    let node = Node::of(chain)?;
    let fits = |name: &str| name.len() <= MAX_BACKING_NAME as usize;
    let name = node.file_name();
    if fits(&name) {
        return Ok((name, node.driver));
    }
    let node = Node::active_only(chain)?;
    let name = node.file_name();
    if !fits(&name) {
        return Err(ImageError::unsupported("the path of the image is too long to be kept in an overlay")
            .with_hint("move the disk to a directory with a shorter name"));
    }
    qemu::confirm_chain(chain, &node)?;
    Ok((name, node.driver))
}

/// QEMU gave the overlay the size that it saw in the chain.
fn check_size(chain: &ImageChain, overlay: &Path) -> Result<(), ImageError> {
    let bytes = LocalRange::open(overlay).map_err(|e| ImageError::io("opening the overlay", e))?;
    let seen = Qcow2Header::read(&bytes)?.size;
    if seen == chain.size() { Ok(()) } else { Err(qemu::size_differs(chain, seen)) }
}
