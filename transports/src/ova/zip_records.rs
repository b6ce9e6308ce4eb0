//! The records of a zip archive, from bytes. All numbers are little-endian.

/// Size of a local file header without its name and extra field.
pub(super) const LOCAL_HEADER_BYTES: u64 = 30;

const END_BYTES: usize = 22;
const ZIP64_LOCATOR_BYTES: usize = 20;

/// Where the central directory is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct End {
    /// Number of entries.
    pub entries: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Its offset in bytes.
    pub offset: u64,
}

/// A member, as the central directory has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CentralEntry {
    /// Name, lossy where it is not UTF-8.
    pub name: String,
    /// Compression method.
    pub method: u16,
    /// Encrypted.
    pub encrypted: bool,
    /// CRC-32 of the uncompressed data.
    pub crc32: u32,
    /// Compressed size in bytes.
    pub compressed: u64,
    /// Uncompressed size in bytes.
    pub size: u64,
    /// Offset of its local header in bytes.
    pub header_offset: u64,
    /// Unix mode, if the archive was made on Unix.
    pub unix_mode: Option<u32>,
}

/// The end record (4.3.16) or, where there is one, zip64's (4.3.14), in the last bytes of an archive, of
/// which the first is at `window_start`.
pub(super) fn parse_end(window: &[u8], window_start: u64) -> Option<End> {
    let last_start = window.len().checked_sub(END_BYTES)?;
    let is_end = |at: &usize| {
        let record = window.get(*at..).unwrap_or_default();
        // The comment reaches to the end of the file, or this is no end record but bytes of a comment.
        let comment = u16_at(record, 20).map(usize::from);
        record.starts_with(b"PK\x05\x06") && comment == record.len().checked_sub(END_BYTES)
    };
    let at = (0..=last_start).rev().find(is_end)?;
    zip64_end(window, window_start, at).or_else(|| {
        let record = window.get(at..)?;
        Some(End {
            entries: u64::from(u16_at(record, 10)?),
            size: u64::from(u32_at(record, 12)?),
            offset: u64::from(u32_at(record, 16)?),
        })
    })
}

/// zip64's end record, which the locator (4.3.15) right before the end record leads to.
fn zip64_end(window: &[u8], window_start: u64, end: usize) -> Option<End> {
    let locator = window.get(end.checked_sub(ZIP64_LOCATOR_BYTES)?..end)?;
    if !locator.starts_with(b"PK\x06\x07") {
        return None;
    }
    let at = usize::try_from(u64_at(locator, 8)?.checked_sub(window_start)?).ok()?;
    let record = window.get(at..)?;
    if !record.starts_with(b"PK\x06\x06") {
        return None;
    }
    Some(End { entries: u64_at(record, 32)?, size: u64_at(record, 40)?, offset: u64_at(record, 48)? })
}

/// The first entry of a central directory (4.3.12), and the rest of the directory.
pub(super) fn parse_central(directory: &[u8]) -> Option<(CentralEntry, &[u8])> {
    if !directory.starts_with(b"PK\x01\x02") {
        return None;
    }
    let length = |at| u16_at(directory, at).map(usize::from);
    let (name_length, extra_length, comment_length) = (length(28)?, length(30)?, length(32)?);
    let name = directory.get(46..46 + name_length)?;
    let extra = directory.get(46 + name_length..46 + name_length + extra_length)?;
    let rest = directory.get(46 + name_length + extra_length + comment_length..)?;
    let made_on_unix = u16_at(directory, 4)? >> 8 == 3;
    let short = |at| u32_at(directory, at).map(u64::from);
    let mut entry = CentralEntry {
        name: String::from_utf8_lossy(name).into_owned(),
        encrypted: u16_at(directory, 8)? & 1 != 0,
        method: u16_at(directory, 10)?,
        crc32: u32_at(directory, 16)?,
        compressed: short(20)?,
        size: short(24)?,
        header_offset: short(42)?,
        unix_mode: u32_at(directory, 38).filter(|_| made_on_unix).map(|attributes| attributes >> 16),
    };
    apply_zip64(&mut entry, extra)?;
    Some((entry, rest))
}

/// The zip64 extra field (4.5.3): 64-bit values for those of the header that are 0xffffffff, in this order.
fn apply_zip64(entry: &mut CentralEntry, extra: &[u8]) -> Option<()> {
    let mut fields = extra;
    while let (Some(id), Some(length)) = (u16_at(fields, 0), u16_at(fields, 2)) {
        let end = 4 + usize::from(length);
        let Some(data) = fields.get(4..end) else { break };
        fields = fields.get(end..).unwrap_or_default();
        if id != 1 {
            continue;
        }
        let mut at = 0;
        for value in [&mut entry.size, &mut entry.compressed, &mut entry.header_offset] {
            if *value == u64::from(u32::MAX) {
                *value = u64_at(data, at)?;
                at += 8;
            }
        }
    }
    Some(())
}

/// Offset of a member's data from its local header (4.3.7).
pub(super) fn local_data_offset(header: &[u8]) -> Option<u64> {
    if !header.starts_with(b"PK\x03\x04") {
        return None;
    }
    Some(LOCAL_HEADER_BYTES + u64::from(u16_at(header, 26)?) + u64::from(u16_at(header, 28)?))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_end_record_with_a_comment_is_found() {
        let mut window = b"PK\x05\x06 not this one, it is too short to be one".to_vec();
        window.extend_from_slice(b"PK\x05\x06\0\0\0\0\x03\0\x03\0\x0a\0\0\0\x64\0\0\0\x02\0hi");
        assert_eq!(parse_end(&window, 0), Some(End { entries: 3, size: 10, offset: 100 }));
    }

    #[test]
    fn zip64_values_replace_the_saturated_ones() {
        let mut entry = CentralEntry {
            name: String::new(),
            method: 0,
            encrypted: false,
            crc32: 0,
            compressed: 7,
            size: u64::from(u32::MAX),
            header_offset: u64::from(u32::MAX),
            unix_mode: None,
        };
        let mut extra = vec![9, 9, 1, 0, 0xaa, 1, 0, 16, 0];
        extra.extend_from_slice(&(1u64 << 40).to_le_bytes());
        extra.extend_from_slice(&(1u64 << 41).to_le_bytes());
        apply_zip64(&mut entry, &extra).unwrap();
        assert_eq!((entry.size, entry.compressed, entry.header_offset), (1 << 40, 7, 1 << 41));
    }

    proptest! {
        #[test]
        fn records_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), start in any::<u64>()) {
            let _ = parse_end(&bytes, start);
            let _ = parse_central(&bytes);
            let _ = local_data_offset(&bytes);
            let mut central = b"PK\x01\x02".to_vec();
            central.extend_from_slice(&bytes);
            let _ = parse_central(&central);
        }
    }
}
