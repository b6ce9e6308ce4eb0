//! Makes images that QEMU does not write.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use h2k_transports::range::LocalRange;

use super::*;

/// Sets the flag of a differencing disk.
pub(in crate::image) fn set_has_parent(path: &Path) {
    let reader = LocalRange::open(path).unwrap();
    let metadata = Metadata::read(&reader).unwrap();
    let entries = metadata.table[32..].chunks_exact(32);
    let entry = entries.map(Fields).find(|entry| entry.array(0) == Some(FILE_PARAMETERS)).unwrap();
    let at = metadata.at + u64::from(entry.u32_le(16).unwrap()) + 4;
    write(path, at, &HAS_PARENT.to_le_bytes());
}

/// Makes both headers say that the log is not empty.
pub(in crate::image) fn set_log_guid(path: &Path) {
    for at in HEADERS {
        let mut header = get(&LocalRange::open(path).unwrap(), at, HEADER_BYTES).unwrap();
        header[48..64].fill(0x5a);
        header[4..8].fill(0);
        let crc = crc32c(header.iter().copied());
        header[4..8].copy_from_slice(&crc.to_le_bytes());
        write(path, at, &header);
    }
}

fn write(path: &Path, at: u64, bytes: &[u8]) {
    File::options().write(true).open(path).unwrap().write_all_at(bytes, at).unwrap();
}
