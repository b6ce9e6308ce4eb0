//! Compressed clusters: those that do not shrink first, as they are, in whole clusters; then the others, packed.

use std::cell::RefCell;
use std::io;

use libdeflater::{CompressionLvl, Compressor};

use super::cut;
use crate::image::copy::Compression;
use crate::image::copy::chunk::{CLUSTER, Record};

/// Level of zstd. Level 3, which QEMU takes, makes images of this kind 2 % smaller and takes twice as long.
const ZSTD_LEVEL: i32 = 1;

/// Level of deflate, of 12.
const DEFLATE_LEVEL: i32 = 6;

thread_local! {
    static DEFLATE: RefCell<Option<Compressor>> = const { RefCell::new(None) };
    static ZSTD: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
}

/// Where a cluster of a compressed chunk lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stored {
    /// Number within the chunk.
    pub cluster: u32,
    /// In the file, in bytes.
    pub at: u64,
    /// In bytes; [`CLUSTER`] for one that is stored as it is.
    pub len: u32,
}

/// Where the clusters of a compressed chunk lie.
pub(super) fn stored(record: &Record) -> Vec<Stored> {
    let whole = |len: u32| u64::from(len) == CLUSTER;
    let pairs = || record.occupied().zip(record.lengths.iter().copied());
    let mut at = record.base;
    let mut all = Vec::with_capacity(record.lengths.len());
    for plain in [true, false] {
        for (cluster, len) in pairs().filter(|(_, len)| whole(*len) == plain) {
            all.push(Stored { cluster, at, len });
            at = at.saturating_add(u64::from(len));
        }
    }
    all
}

/// Fills `record.lengths` and gives the bytes of the chunk as they are to be written.
pub(super) fn pack(record: &mut Record, bytes: &[u8], how: Compression) -> io::Result<Vec<u8>> {
    let (mut plain, mut packed) = (Vec::new(), Vec::new());
    let mut buffer = vec![0; CLUSTER as usize];
    let mut lengths = Vec::with_capacity(record.clusters.count_ones() as usize);
    for cluster in record.occupied() {
        let from = cut(bytes, cluster, 1)?;
        match compress(from, &mut buffer, how)? {
            Some(len) => {
                packed.extend_from_slice(buffer.get(..len).unwrap_or_default());
                lengths.push(len as u32);
            }
            None => {
                plain.extend_from_slice(from);
                lengths.push(CLUSTER as u32);
            }
        }
    }
    record.lengths = lengths;
    plain.append(&mut packed);
    Ok(plain)
}

/// Length of the compressed cluster in `to`; `None` where it does not shrink.
fn compress(from: &[u8], to: &mut [u8], how: Compression) -> io::Result<Option<usize>> {
    // A cluster that is not smaller is stored as it is.
    let room = to.len().saturating_sub(1);
    let to = to.get_mut(..room).unwrap_or_default();
    let len = match how {
        Compression::Zlib => DEFLATE.with_borrow_mut(|compressor| {
            let level = || Compressor::new(CompressionLvl::new(DEFLATE_LEVEL).unwrap_or_default());
            compressor.get_or_insert_with(level).deflate_compress(from, to).ok()
        }),
        Compression::Zstd => ZSTD.with_borrow_mut(|compressor| -> io::Result<Option<usize>> {
            let compressor = match compressor {
                Some(there) => there,
                None => compressor.insert(zstd::bulk::Compressor::new(ZSTD_LEVEL)?),
            };
            // The one failure of a working compressor is that there is no room.
            Ok(compressor.compress_to_buffer(from, to).ok())
        })?,
    };
    Ok(len.filter(|len| *len > 0))
}
