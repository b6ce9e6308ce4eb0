//! An NTFS as a power cut leaves it: its journal says that somebody has it open.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes of a page of the journal, and of a sector.
const PAGE: usize = 4096;
const SECTOR: usize = 512;
/// Number of the file record of `$LogFile`, and of the attribute with its content (`$DATA`).
const LOG_FILE: u64 = 2;
const DATA: u32 = 0x80;
/// Where the restart page's parts begin: update sequence, restart area, and in it the list of clients.
const SEQUENCE: usize = 0x1e;
const AREA: usize = 0x30;
const CLIENTS: usize = 0x30;
/// Bytes of a client's record.
const CLIENT: usize = 0xa0;
/// "None", of a client's number.
const NONE: u16 = 0xffff;

/// Writes a restart page into the journal of an image of a file system, as NTFS has it while it is mounted: one client, and
/// no flag that the volume is clean.
pub fn leave_in_use(image: &Path) {
    let file = fs::File::options().read(true).write(true).open(image).unwrap();
    let (offset, size) = log_file(&file);
    file.write_all_at(&restart_page(size), offset).unwrap();
}

fn log_file(file: &fs::File) -> (u64, u64) {
    let at = |offset: u64, bytes: usize| {
        let mut buffer = vec![0; bytes];
        file.read_exact_at(&mut buffer, offset).unwrap();
        buffer
    };
    let boot = at(0, SECTOR);
    let cluster = u64::from(number(&boot, 0x0b, 2) as u16) * u64::from(boot[0x0d]);
    // A negative number of clusters is the power of two of a record's bytes.
    let record = 1_u64 << u8::try_from(-i16::from(boot[0x40].cast_signed())).unwrap();
    let record = at(number(&boot, 0x30, 8) * cluster + LOG_FILE * record, usize::try_from(record).unwrap());
    let mut attribute = usize::try_from(number(&record, 0x14, 2)).unwrap();
    while number(&record, attribute, 4) != u64::from(DATA) {
        attribute += usize::try_from(number(&record, attribute + 4, 4)).unwrap();
    }
    let size = number(&record, attribute + 0x30, 8);
    let run = attribute + usize::try_from(number(&record, attribute + 0x20, 2)).unwrap();
    let (length, place) = (usize::from(record[run] & 15), usize::from(record[run] >> 4));
    (number(&record, run + 1 + length, place) * cluster, size)
}

fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    bytes[at..at + length].iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte))
}

fn restart_page(size: u64) -> Vec<u8> {
    let mut page = vec![0; PAGE];
    let mut put = |at: usize, bytes: &[u8]| page[at..at + bytes.len()].copy_from_slice(bytes);
    let short = |number: usize| u16::try_from(number).unwrap().to_le_bytes();
    let sectors = PAGE / SECTOR;
    put(0, b"RSTR");
    put(4, &short(SEQUENCE));
    put(6, &short(sectors + 1));
    put(16, &u32::try_from(PAGE).unwrap().to_le_bytes());
    put(20, &u32::try_from(PAGE).unwrap().to_le_bytes());
    put(24, &short(AREA));
    put(26, &short(1));
    put(28, &short(1));
    // One client, none free, the first in use.
    put(AREA + 8, &short(1));
    put(AREA + 10, &NONE.to_le_bytes());
    put(AREA + 16, &(67 - (64 - size.leading_zeros())).to_le_bytes());
    put(AREA + 20, &short(CLIENTS + CLIENT));
    put(AREA + 22, &short(CLIENTS));
    put(AREA + 24, &size.to_le_bytes());
    put(AREA + 36, &short(0x30));
    put(AREA + 38, &short(0x40));
    let client = AREA + CLIENTS;
    put(client + 16, &NONE.to_le_bytes());
    put(client + 18, &NONE.to_le_bytes());
    put(client + 28, &8_u32.to_le_bytes());
    put(client + 32, b"N\0T\0F\0S\0");
    // The last word of each sector stands in the update sequence, and the sequence's number in its place.
    put(SEQUENCE, &short(1));
    for sector in 1..=sectors {
        put(sector * SECTOR - 2, &short(1));
    }
    page
}
