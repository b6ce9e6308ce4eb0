//! Whether images that QEMU reads are whole. The first byte chooses the format.
//!
//! Invariants: looking never panics, takes no more memory than a table, and ends.
#![no_main]

use h2k::image::foreign::check_whole;
use h2k_transports::DiskFormat;
use libfuzzer_sys::fuzz_target;

#[path = "../memory.rs"]
mod memory;

use memory::Memory;

fuzz_target!(|data: &[u8]| {
    let Some((choice, data)) = data.split_first() else { return };
    let format = match choice % 5 {
        0 => DiskFormat::Vdi,
        1 => DiskFormat::Parallels,
        2 => DiskFormat::Qed,
        3 => DiskFormat::Qcow,
        _ => DiskFormat::Dmg,
    };
    let _ = check_whole(&Memory(data.to_vec()), format);
});
