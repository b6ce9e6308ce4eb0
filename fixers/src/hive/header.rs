//! The base block of a hive: whether it was written as a whole.
//!
//! Source: "Windows registry file format specification" (M. Suhanov), "Base block".

use crate::bytes::u32_at;

/// Bytes of the base block that its checksum covers, and that transaction logs repeat.
pub(super) const CHECKED: usize = 508;
/// Size of the base block in bytes; the hive bins begin behind it.
pub(super) const BASE_BLOCK: usize = 4096;

const SEQUENCE_1: usize = 4;
const SEQUENCE_2: usize = 8;
const FILE_TYPE: usize = 28;
const BINS_SIZE: usize = 40;

/// What matters of a base block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Counts up when a write begins.
    pub sequence_1: u32,
    /// Is made equal when it is done.
    pub sequence_2: u32,
    /// 0 for a hive, 6 for a transaction log, 1 and 2 for logs before Windows 8.1.
    pub file_type: u32,
    /// Size of the hive bins in bytes.
    pub bins_size: u32,
    /// The checksum fits.
    pub checksum_fits: bool,
}

impl Header {
    /// Reads the base block; `None` where it is none.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.get(..4)? != b"regf" {
            return None;
        }
        Some(Self {
            sequence_1: u32_at(bytes, SEQUENCE_1)?,
            sequence_2: u32_at(bytes, SEQUENCE_2)?,
            file_type: u32_at(bytes, FILE_TYPE)?,
            bins_size: u32_at(bytes, BINS_SIZE)?,
            checksum_fits: u32_at(bytes, CHECKED)? == checksum(bytes.get(..CHECKED)?),
        })
    }

    /// Whether the hive was written as a whole.
    pub fn clean(&self) -> bool {
        self.checksum_fits && self.sequence_1 == self.sequence_2
    }
}

/// Writes sequence number and size into a base block, says that it is a hive's and whole, and brings its checksum up
/// to date.
pub(super) fn settle(bytes: &mut [u8], sequence: u32, bins_size: u32) {
    for (at, value) in
        [(SEQUENCE_1, sequence), (SEQUENCE_2, sequence), (FILE_TYPE, 0), (BINS_SIZE, bins_size)]
    {
        put(bytes, at, value);
    }
    let sum = bytes.get(..CHECKED).map_or(0, checksum);
    put(bytes, CHECKED, sum);
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&value.to_le_bytes());
    }
}

/// XOR of the words; 0 and the all-ones word are avoided.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    let words = bytes.chunks_exact(4).filter_map(|w| w.try_into().ok());
    match words.fold(0, |sum, word| sum ^ u32::from_le_bytes(word)) {
        0 => 1,
        u32::MAX => u32::MAX - 1,
        sum => sum,
    }
}
