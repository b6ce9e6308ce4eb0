//! Makes VHDXs that QEMU does not write: differencing disks, logs that were not applied.

use super::format::{BAT, HEADER_BYTES, HEADERS, METADATA, REGION_TABLES, TABLE_BYTES};
use super::locator::VHDX_PARENT;
use super::metadata::*;
use super::{Guid, MIB, crc};

/// Where log, metadata and BAT stand, 1 MiB each; blocks follow.
pub const LOG: u64 = MIB;
pub const METADATA_AT: u64 = 2 * MIB;
pub const TABLE: u64 = 3 * MIB;
/// `DataWriteGuid` of all images, unless it is changed.
pub const DATA_WRITE: Guid = *b"data write guid.";
pub const LOG_GUID: Guid = *b"the log's guid..";

/// A VHDX in memory.
#[derive(Clone)]
pub struct Forge {
    pub bytes: Vec<u8>,
    block: u64,
    sector: u64,
}

/// A change that a log entry describes.
pub enum Change {
    Zero { at: u64, length: u64 },
    Data { at: u64, sector: Vec<u8> },
}

impl Forge {
    /// A disk without blocks; with the pairs of a parent locator, a differencing one.
    pub fn new(size: u64, block: u64, sector: u32, locator: Option<&[(&str, &str)]>) -> Self {
        let mut forge = Self { bytes: vec![0; 4 << 20], block, sector: u64::from(sector) };
        forge.write(0, b"vhdxfile");
        forge.write(REGION_TABLES[0] + 8, &2u32.to_le_bytes());
        for (n, (id, at)) in [(BAT, TABLE), (METADATA, METADATA_AT)].into_iter().enumerate() {
            let entry =
                [&id[..], &at.to_le_bytes(), &(MIB as u32).to_le_bytes(), &1u32.to_le_bytes()].concat();
            forge.write(REGION_TABLES[0] + 16 + n as u64 * 32, &entry);
        }
        let flags = u32::from(locator.is_some()) << 1;
        let parameters = [(block as u32).to_le_bytes(), flags.to_le_bytes()].concat();
        let mut items = vec![
            (FILE_PARAMETERS, parameters, 4u32),
            (VIRTUAL_DISK_SIZE, size.to_le_bytes().to_vec(), 6),
            (VIRTUAL_DISK_ID, b"virtual disk id.".to_vec(), 6),
            (LOGICAL_SECTOR_SIZE, sector.to_le_bytes().to_vec(), 6),
            (PHYSICAL_SECTOR_SIZE, 4096u32.to_le_bytes().to_vec(), 6),
        ];
        items.extend(locator.map(|pairs| (PARENT_LOCATOR, encode_locator(pairs), 4)));
        forge.write(METADATA_AT, b"metadata");
        forge.write(METADATA_AT + 10, &(items.len() as u16).to_le_bytes());
        let mut at = TABLE_BYTES as u32;
        for (n, (id, bytes, flags)) in items.into_iter().enumerate() {
            let entry = [at, bytes.len() as u32, flags].map(u32::to_le_bytes).concat();
            forge.write(METADATA_AT + 32 + n as u64 * 32, &[&id[..], &entry].concat());
            forge.write(METADATA_AT + u64::from(at), &bytes);
            at += bytes.len() as u32;
        }
        forge.seal(None, DATA_WRITE);
        forge
    }

    /// An image of any maker; only its structures can be changed.
    pub fn load(bytes: Vec<u8>) -> Self {
        Self { bytes, block: MIB, sector: 512 }
    }

    /// Where a region begins: the BAT for 0, the metadata for 1.
    pub fn region(&self, which: usize) -> u64 {
        let regions = super::Regions::read(&crate::image::bytes::memory::Memory(self.bytes.clone())).unwrap();
        [regions.bat, regions.metadata][which].offset
    }

    /// Gives both headers as they are another log.
    pub fn seal_headers(&mut self, log: Option<Guid>) {
        for at in HEADERS {
            let mut header = self.bytes[at as usize..at as usize + HEADER_BYTES].to_vec();
            header[48..64].copy_from_slice(&log.unwrap_or_default());
            seal(&mut header);
            self.write(at, &header);
        }
    }

    pub fn write(&mut self, at: u64, bytes: &[u8]) {
        let at = at as usize;
        if self.bytes.len() < at + bytes.len() {
            self.bytes.resize(at + bytes.len(), 0);
        }
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Writes both headers, the second being current, and both region tables, from the first.
    pub fn seal(&mut self, log: Option<Guid>, data_write: Guid) {
        for (n, at) in HEADERS.into_iter().enumerate() {
            let mut header = vec![0; HEADER_BYTES];
            header[..4].copy_from_slice(b"head");
            header[8..16].copy_from_slice(&(n as u64 + 1).to_le_bytes());
            header[32..48].copy_from_slice(&data_write);
            header[48..64].copy_from_slice(&log.unwrap_or_default());
            header[66] = 1;
            header[68..72].copy_from_slice(&(MIB as u32).to_le_bytes());
            header[72..80].copy_from_slice(&LOG.to_le_bytes());
            seal(&mut header);
            self.write(at, &header);
        }
        let start = REGION_TABLES[0] as usize;
        let mut table = self.bytes[start..start + TABLE_BYTES].to_vec();
        table[..4].copy_from_slice(b"regi");
        seal(&mut table);
        REGION_TABLES.into_iter().for_each(|at| self.write(at, &table));
    }

    fn ratio(&self) -> u64 {
        (self.sector << 23) / self.block
    }

    /// Where the entry of a payload block stands in the file.
    pub fn entry_at(&self, block: u64) -> u64 {
        TABLE + (block + block / self.ratio()) * 8
    }

    /// Sets the entry of a payload block.
    pub fn set_entry(&mut self, block: u64, state: u64, at: u64) {
        self.write(self.entry_at(block), &(at | state).to_le_bytes());
    }

    /// Appends a payload block whose sectors hold what `byte` says of each.
    pub fn add(&mut self, block: u64, state: u64, byte: impl Fn(u64) -> u8) -> u64 {
        let at = (self.bytes.len() as u64).next_multiple_of(MIB);
        let sector = self.sector;
        let bytes: Vec<u8> = (0..self.block).map(|n| byte(n / sector)).collect();
        self.write(at, &bytes);
        self.set_entry(block, state, at);
        at
    }

    /// Sets which sectors of a payload block are here, with a sector bitmap block if there is none yet.
    pub fn set_bitmap(&mut self, block: u64, here: impl Fn(u64) -> bool) {
        let entry = TABLE + (block / self.ratio() * (self.ratio() + 1) + self.ratio()) * 8;
        let mut at = u64::from_le_bytes(self.bytes[entry as usize..entry as usize + 8].try_into().unwrap());
        if at == 0 {
            at = (self.bytes.len() as u64).next_multiple_of(MIB);
            self.write(at, &[0; MIB as usize]);
            self.write(entry, &(at | 6).to_le_bytes());
        }
        let sectors = self.block / self.sector;
        let first = block % self.ratio() * sectors;
        for sector in (0..sectors).filter(|sector| here(*sector)) {
            let bit = first + sector;
            self.bytes[((at & !7) + bit / 8) as usize] |= 1 << (bit % 8);
        }
    }

    /// The 4 KiB of the file that hold the byte at `at`, and where they begin.
    pub fn sector_of(&self, at: u64) -> (u64, Vec<u8>) {
        let start = at / 4096 * 4096;
        (start, self.bytes[start as usize..start as usize + 4096].to_vec())
    }

    /// Writes a log entry at a sector of the log, around its end if need be. Where the next one stands.
    pub fn log(&mut self, sector: u64, sequence: u64, tail: u64, changes: &[Change]) -> u64 {
        let size = self.bytes.len() as u64;
        self.log_with(sector, sequence, tail, changes, (size, size))
    }

    /// As [`Forge::log`], with FlushedFileOffset and LastFileOffset.
    pub fn log_with(
        &mut self,
        sector: u64,
        sequence: u64,
        tail: u64,
        changes: &[Change],
        sizes: (u64, u64),
    ) -> u64 {
        let entry = encode_entry(sequence, tail, changes, sizes);
        for (n, piece) in entry.chunks(4096).enumerate() {
            self.write(LOG + (sector + n as u64) % 256 * 4096, piece);
        }
        (sector + entry.len() as u64 / 4096) % 256
    }
}

fn encode_entry(sequence: u64, tail: u64, changes: &[Change], sizes: (u64, u64)) -> Vec<u8> {
    let data = changes.iter().filter(|change| matches!(change, Change::Data { .. })).count();
    let head = (64 + changes.len() * 32).next_multiple_of(4096);
    let mut entry = vec![0; head];
    entry[..4].copy_from_slice(b"loge");
    entry[8..12].copy_from_slice(&((head + data * 4096) as u32).to_le_bytes());
    entry[12..16].copy_from_slice(&((tail * 4096) as u32).to_le_bytes());
    entry[16..24].copy_from_slice(&sequence.to_le_bytes());
    entry[24..28].copy_from_slice(&(changes.len() as u32).to_le_bytes());
    entry[32..48].copy_from_slice(&LOG_GUID);
    entry[48..56].copy_from_slice(&sizes.0.to_le_bytes());
    entry[56..64].copy_from_slice(&sizes.1.to_le_bytes());
    for (n, change) in changes.iter().enumerate() {
        let (first, at) = match change {
            Change::Zero { at, length } => ([b"zero\0\0\0\0", &length.to_le_bytes()[..]].concat(), at),
            Change::Data { at, sector } => ([b"desc", &sector[4092..], &sector[..8]].concat(), at),
        };
        let descriptor = [&first[..], &at.to_le_bytes(), &sequence.to_le_bytes()].concat();
        entry[64 + n * 32..96 + n * 32].copy_from_slice(&descriptor);
    }
    for change in changes {
        if let Change::Data { sector, .. } = change {
            entry.extend(b"data");
            entry.extend(((sequence >> 32) as u32).to_le_bytes());
            entry.extend(&sector[8..4092]);
            entry.extend((sequence as u32).to_le_bytes());
        }
    }
    seal(&mut entry);
    entry
}

/// Puts the checksum of a structure right.
pub fn seal(bytes: &mut [u8]) {
    let sum = crc::of_structure(bytes).to_le_bytes();
    bytes[4..8].copy_from_slice(&sum);
}

/// A parent locator item.
pub fn encode_locator(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut out = VHDX_PARENT.to_vec();
    out.extend([0, 0]);
    out.extend((pairs.len() as u16).to_le_bytes());
    let mut texts = Vec::new();
    let start = 20 + pairs.len() * 12;
    for (key, value) in pairs {
        let key: Vec<u8> = key.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let value: Vec<u8> = value.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let at = start + texts.len();
        out.extend((at as u32).to_le_bytes());
        out.extend(((at + key.len()) as u32).to_le_bytes());
        out.extend((key.len() as u16).to_le_bytes());
        out.extend((value.len() as u16).to_le_bytes());
        texts.extend(key);
        texts.extend(value);
    }
    out.extend(texts);
    out
}

/// A GUID that stands on disk, as a locator spells it.
pub fn spell(g: &Guid) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let turned = |range: std::ops::Range<usize>| hex(&g[range].iter().rev().copied().collect::<Vec<_>>());
    format!("{{{}-{}-{}-{}-{}}}", turned(0..4), turned(4..6), turned(6..8), hex(&g[8..10]), hex(&g[10..]))
}
