//! A qcow2 overlay over a disk that is served by NBD: what FIX writes to. The source itself is never written, and QEMU
//! sees raw bytes of it, whatever its format.

use std::fs;
use std::path::Path;

use super::chain::ImageChain;
use super::error::ImageError;
use crate::exec::Exec;

/// Creates a qcow2 overlay at `overlay` over the chain, which is served as the NBD export at `uri`.
///
/// # Errors
/// `Unsafe` if `overlay` is one of the chain's own files; `Tool` if `qemu-img` fails.
pub fn create_overlay(chain: &ImageChain, uri: &str, overlay: &Path) -> Result<(), ImageError> {
    spare_the_source(chain, overlay)?;
    // -u: the backing need not be opened for its size, which is known.
    let create = Exec::new("qemu-img").args(["create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", uri]);
    let made = create.arg(overlay).args([chain.size().to_string()]).run();
    made.map_err(|e| ImageError::tool(format!("creating the overlay {}", overlay.display()), e))?;
    Ok(())
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
