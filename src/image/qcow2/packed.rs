//! Compressed clusters: QEMU docs/interop/qcow2.rst, "Compressed Clusters Descriptor". The descriptor counts whole
//! sectors, so other bytes may follow the compressed ones. The output is a cluster, never more.

use std::cell::RefCell;
use std::io;

use libdeflater::{DecompressionError, Decompressor};
use zstd::bulk;
use zstd::zstd_safe::{find_frame_compressed_size, get_error_name};

use super::header::Compression;

thread_local! {
    // Each has tables of some 10 to 100 KiB, which take longer to set up than a small cluster takes to unpack.
    static DEFLATE: RefCell<Decompressor> = RefCell::new(Decompressor::new());
    static ZSTD: RefCell<bulk::Decompressor<'static>> = RefCell::default();
}

/// Unpacks what begins with `packed` into `cluster`, which it must fill.
///
/// # Errors
/// `InvalidData` with why it does not.
pub(super) fn unpack(compression: Compression, packed: &[u8], cluster: &mut [u8]) -> io::Result<()> {
    let filled = match compression {
        Compression::Deflate => inflate(packed, cluster)?,
        Compression::Zstd => unzstd(packed, cluster)?,
    };
    if filled == cluster.len() {
        return Ok(());
    }
    Err(invalid(format!("{filled} bytes come out instead of {}", cluster.len())))
}

fn inflate(packed: &[u8], cluster: &mut [u8]) -> io::Result<usize> {
    let run = |d: &RefCell<Decompressor>| d.borrow_mut().deflate_decompress(packed, cluster);
    DEFLATE.with(run).map_err(|e| match e {
        DecompressionError::BadData => invalid("the deflate stream is damaged"),
        DecompressionError::InsufficientSpace => invalid("the deflate stream holds more than a cluster"),
    })
}

/// Frame by frame, as QEMU goes on after one that ends before the cluster does. Each is unpacked in one go, with the
/// cluster itself as its window, so that a hostile frame cannot ask for more.
fn unzstd(packed: &[u8], cluster: &mut [u8]) -> io::Result<usize> {
    let broken = |why: &dyn std::fmt::Display| invalid(format!("the zstd frame is damaged: {why}"));
    let (mut rest, mut filled) = (packed, 0);
    while filled < cluster.len() {
        // What follows the frame in its last sector is none of it; its length is not known otherwise.
        let length = find_frame_compressed_size(rest).map_err(|e| broken(&get_error_name(e)))?;
        let (frame, after) = rest.split_at_checked(length).ok_or_else(|| broken(&"it is cut"))?;
        let space = cluster.get_mut(filled..).unwrap_or_default();
        let run =
            |d: &RefCell<bulk::Decompressor<'static>>| d.borrow_mut().decompress_to_buffer(frame, space);
        filled += ZSTD.with(run).map_err(|e| broken(&e))?;
        rest = after;
    }
    Ok(filled)
}

fn invalid(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}
