//! Writes qcow2 images in memory, as QEMU would and as it never would.

use std::io;
use std::sync::Arc;

use libdeflater::{CompressionLvl, Compressor};

use super::Qcow2Reader;
use crate::image::bytes::memory::Memory;
use crate::image::{DiskReader, ImageError};

/// An image in memory. Its level 2 tables lie behind level 1, its data behind them.
#[derive(Clone)]
pub(super) struct Forge {
    pub(super) bytes: Vec<u8>,
    pub(super) cluster: usize,
    pub(super) words: usize,
    pub(super) l2: usize,
    pub(super) bits: u32,
}

impl Forge {
    pub(super) fn new(bits: u32, clusters: usize, extended: bool, zstd: bool) -> Self {
        let cluster = 1 << bits;
        let words = 1 + usize::from(extended);
        let tables = clusters.div_ceil(cluster / 8 / words);
        let l2 = cluster + (tables * 8).next_multiple_of(cluster);
        let mut forge = Self { bytes: vec![0; l2 + tables * cluster], cluster, words, l2, bits };
        forge.bytes[..4].copy_from_slice(b"QFI\xfb");
        for (at, value) in [(4, 3), (20, bits), (36, tables as u32), (100, 112), (104, u32::from(zstd) << 24)]
        {
            forge.bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
        }
        forge.word(24, (clusters * cluster) as u64);
        forge.word(40, cluster as u64);
        forge.word(72, u64::from(extended) << 4 | u64::from(zstd) << 3);
        for n in 0..tables {
            forge.word(cluster + n * 8, 1 << 63 | (l2 + n * cluster) as u64);
        }
        forge
    }

    pub(super) fn word(&mut self, at: usize, value: u64) {
        self.bytes[at..at + 8].copy_from_slice(&value.to_be_bytes());
    }

    pub(super) fn set(&mut self, cluster: usize, entry: u64, bitmap: u64) {
        let at = self.l2 + cluster * 8 * self.words;
        self.word(at, entry);
        if self.words == 2 {
            self.word(at + 8, bitmap);
        }
    }

    /// A standard cluster.
    pub(super) fn data(&mut self, cluster: usize, byte: u8, bitmap: u64) {
        let at = self.bytes.len().next_multiple_of(self.cluster);
        self.bytes.resize(at, 0);
        self.bytes.resize(at + self.cluster, byte);
        self.set(cluster, 1 << 63 | at as u64, bitmap);
    }

    /// A compressed cluster at the file's end, whatever its alignment; `slack` bytes of 0xff follow it.
    pub(super) fn packed(&mut self, cluster: usize, packed: &[u8], slack: usize) {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(packed);
        self.bytes.resize(at + packed.len() + slack, 0xff);
        let sectors = (at + packed.len() - 1) / 512 - at / 512;
        self.set(cluster, 1 << 62 | (sectors as u64) << (62 - (self.bits - 8)) | at as u64, 0);
    }

    pub(super) fn open(&self) -> Result<Qcow2Reader, ImageError> {
        Qcow2Reader::open(Arc::new(Memory(self.bytes.clone())))
    }

    pub(super) fn read(&self, cluster: usize) -> io::Result<Vec<u8>> {
        let mut buf = vec![0xee; self.cluster];
        self.open().unwrap().read_at(&mut buf, (cluster * self.cluster) as u64).map(|()| buf)
    }

    pub(super) fn refusal(&self, cluster: usize) -> String {
        let error = self.read(cluster).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        // Half a cluster goes another way.
        assert!(self.open().unwrap().read_at(&mut [0], (cluster * self.cluster + 1) as u64).is_err());
        error.to_string()
    }
}

pub(super) fn deflate(data: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::new(CompressionLvl::default());
    let mut out = vec![0; compressor.deflate_compress_bound(data.len())];
    let length = compressor.deflate_compress(data, &mut out).unwrap();
    out.truncate(length);
    out
}

pub(super) fn zstd(data: &[u8]) -> Vec<u8> {
    ::zstd::bulk::compress(data, 3).unwrap()
}

/// Some of everything, in clusters of 512 bytes and two level 2 tables.
pub(super) fn small() -> Forge {
    let mut forge = Forge::new(9, 100, false, false);
    for (n, byte) in [(0, 1), (1, 2), (2, 3), (70, 4), (99, 5)] {
        forge.data(n, byte, 0);
    }
    forge.set(3, 1, 0);
    forge.packed(5, &deflate(&[6; 512]), 0);
    forge.packed(6, &deflate(&[7; 512]), 30);
    forge
}

/// Subclusters and zstd, in clusters of 16 KiB.
pub(super) fn extended() -> Forge {
    let mut forge = Forge::new(14, 4, true, true);
    forge.data(0, 1, 0x0000_ff00_0000_000f);
    forge.data(1, 2, u64::from(u32::MAX));
    forge.packed(3, &zstd(&[9; 16 << 10]), 100);
    forge
}
