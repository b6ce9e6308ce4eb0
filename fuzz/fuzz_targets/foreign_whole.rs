//! Whether images that QEMU reads are whole. The first byte chooses the format.
//!
//! Invariants: looking never panics, takes no more memory than a table, and ends.
#![no_main]

use std::io;

use h2k::image::foreign::check_whole;
use h2k_transports::{DiskFormat, RangeRead};
use libfuzzer_sys::fuzz_target;

struct Memory<'a>(&'a [u8]);

impl RangeRead for Memory<'_> {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let end = start.checked_add(buf.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buf.copy_from_slice(self.0.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, data)) = data.split_first() else { return };
    let format = match choice % 5 {
        0 => DiskFormat::Vdi,
        1 => DiskFormat::Parallels,
        2 => DiskFormat::Qed,
        3 => DiskFormat::Qcow,
        _ => DiskFormat::Dmg,
    };
    let _ = check_whole(&Memory(data), format);
});
