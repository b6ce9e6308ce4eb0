//! Level 2 and level 1 tables, refcounts and the header: written when all data is there.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use super::compress::stored;
use super::first_cluster;
use super::refcounts::{self, Blocks};
use crate::image::copy::chunk::{CLUSTER, Record};

/// Bits of the cluster size.
const CLUSTER_BITS: u32 = 16;

/// Entries of a level 2 table.
const L2_ENTRIES: u64 = CLUSTER / 8;

/// Level 1 and 2: the cluster's refcount is exactly one ("Bit 63").
const COPIED: u64 = 1 << 63;
/// Level 2: the cluster is compressed ("Bit 62").
const COMPRESSED: u64 = 1 << 62;
/// Level 2, compressed: bits of the offset, "x = 62 - (cluster_bits - 8)".
const OFFSET_BITS: u32 = 62 - (CLUSTER_BITS - 8);

/// Incompatible feature: the compression type is in the header.
const FEATURE_COMPRESSION: u64 = 1 << 3;

/// Bytes of the header: version 3 with the compression type.
const HEADER_BYTES: u32 = 112;

/// Writes everything but the data, from `data_end` on, and the header last. Returns the bytes written.
pub(super) fn write(
    file: &File,
    size: u64,
    records: &[Record],
    data_end: u64,
    zstd: bool,
) -> io::Result<u64> {
    let mut at = data_end;
    let mut l1 = vec![0u64; usize::try_from(size.div_ceil(L2_ENTRIES * CLUSTER)).map_err(io::Error::other)?];
    for group in records.chunk_by(|a, b| first_cluster(a) / L2_ENTRIES == first_cluster(b) / L2_ENTRIES) {
        let Some(number) = group.first().map(|record| first_cluster(record) / L2_ENTRIES) else { continue };
        if group.iter().all(|record| record.clusters == 0) {
            continue;
        }
        file.write_all_at(&bytes(&l2_table(group)), at)?;
        let place = usize::try_from(number).ok().and_then(|n| l1.get_mut(n));
        *place.ok_or_else(|| io::Error::other("a chunk lies beyond the disk"))? = at | COPIED;
        at += CLUSTER;
    }
    let l1_at = at;
    file.write_all_at(&bytes(&l1), at)?;
    at = (at + l1.len() as u64 * 8).next_multiple_of(CLUSTER);
    let (blocks, table) = refcounts::needed(at / CLUSTER);
    let (blocks_at, table_at) = (at, at + blocks * CLUSTER);
    let end = table_at + table * CLUSTER;
    let mut counts = Blocks::new(records, data_end / CLUSTER, end / CLUSTER);
    for n in 0..blocks {
        file.write_all_at(&counts.block(n)?, blocks_at + n * CLUSTER)?;
    }
    let entries: Vec<u64> = (0..blocks).map(|n| blocks_at + n * CLUSTER).collect();
    file.write_all_at(&bytes(&entries), table_at)?;
    file.set_len(end)?;
    // Until here it is no qcow2; from here on it is a whole one.
    file.sync_data()?;
    let header =
        Header { size, l1_entries: l1.len() as u32, l1_at, table_at, table_clusters: table as u32, zstd };
    file.write_all_at(&header.bytes()?, 0)?;
    Ok(end - data_end + CLUSTER)
}

fn bytes(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn l2_table(group: &[Record]) -> Vec<u64> {
    let mut table = vec![0; L2_ENTRIES as usize];
    for record in group {
        let first = first_cluster(record) % L2_ENTRIES;
        let mut set = |cluster: u32, entry: u64| {
            let place = usize::try_from(first + u64::from(cluster)).ok().and_then(|n| table.get_mut(n));
            if let Some(place) = place {
                *place = entry;
            }
        };
        if record.lengths.is_empty() {
            record
                .occupied()
                .zip(0u64..)
                .for_each(|(cluster, n)| set(cluster, (record.base + n * CLUSTER) | COPIED));
        }
        for piece in stored(record) {
            if u64::from(piece.len) == CLUSTER {
                set(piece.cluster, piece.at | COPIED);
            } else {
                // "Number of additional 512-byte sectors used for the compressed data".
                let last = (piece.at + u64::from(piece.len)).saturating_sub(1);
                let sectors = last / 512 - piece.at / 512;
                set(piece.cluster, COMPRESSED | sectors << OFFSET_BITS | piece.at);
            }
        }
    }
    table
}

struct Header {
    size: u64,
    l1_entries: u32,
    l1_at: u64,
    table_at: u64,
    table_clusters: u32,
    zstd: bool,
}

impl Header {
    /// The fields in the order of the specification ("Header").
    fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut header = Vec::with_capacity(CLUSTER as usize);
        header.write_all(b"QFI\xfb")?;
        put32(&mut header, &[3])?;
        // No backing file.
        put64(&mut header, &[0])?;
        put32(&mut header, &[0, CLUSTER_BITS])?;
        put64(&mut header, &[self.size])?;
        // Not encrypted.
        put32(&mut header, &[0, self.l1_entries])?;
        put64(&mut header, &[self.l1_at, self.table_at])?;
        // No snapshots.
        put32(&mut header, &[self.table_clusters, 0])?;
        put64(&mut header, &[0])?;
        // Incompatible, compatible and autoclear features.
        put64(&mut header, &[if self.zstd { FEATURE_COMPRESSION } else { 0 }, 0, 0])?;
        // Refcounts of 2^4 bits.
        put32(&mut header, &[4, HEADER_BYTES])?;
        header.write_all(&[u8::from(self.zstd), 0, 0, 0, 0, 0, 0, 0])?;
        // End of the header extensions, and nothing up to the cluster's end.
        header.resize(CLUSTER as usize, 0);
        Ok(header)
    }
}

fn put32(to: &mut Vec<u8>, words: &[u32]) -> io::Result<()> {
    words.iter().try_for_each(|word| to.write_all(&word.to_be_bytes()))
}

fn put64(to: &mut Vec<u8>, words: &[u64]) -> io::Result<()> {
    words.iter().try_for_each(|word| to.write_all(&word.to_be_bytes()))
}
