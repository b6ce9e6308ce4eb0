//! Archives for tests, made in-process.
#![allow(clippy::unwrap_used)]
#![cfg_attr(not(test), allow(dead_code))]

use std::io::Write;

use super::compress::Compression;

/// Mode of a regular file.
pub(crate) const FILE: u32 = 0o100_644;

/// One newc entry.
pub(crate) fn entry(name: &str, mode: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = b"070701".to_vec();
    let size = u32::try_from(body.len()).unwrap();
    let name_size = u32::try_from(name.len() + 1).unwrap();
    for field in [7, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0] {
        write!(bytes, "{field:08X}").unwrap();
    }
    bytes.extend(name.as_bytes());
    bytes.push(0);
    pad(&mut bytes, 4);
    bytes.extend(body);
    pad(&mut bytes, 4);
    bytes
}

/// An archive of regular files with its trailer.
pub(crate) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes: Vec<u8> = files.iter().flat_map(|(name, body)| entry(name, FILE, body)).collect();
    bytes.extend(entry("TRAILER!!!", 0, b""));
    bytes
}

/// An archive of a kernel's modules as initramfs-tools lays them out.
pub(crate) fn modules(kernel: &str, names: &[&str]) -> Vec<u8> {
    let paths: Vec<String> =
        names.iter().map(|n| format!("usr/lib/modules/{kernel}/kernel/drivers/x/{n}.ko")).collect();
    let files: Vec<(&str, &[u8])> = paths.iter().map(|p| (p.as_str(), b"\x7fELF".as_slice())).collect();
    archive(&files)
}

/// Fills up with zeros to a multiple of `to`.
pub(crate) fn pad(bytes: &mut Vec<u8>, to: usize) {
    bytes.resize(bytes.len().next_multiple_of(to), 0);
}

/// Packs bytes.
pub(crate) fn pack(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    use liblzma::stream::{LzmaOptions, Stream};
    match compression {
        Compression::None => bytes.to_vec(),
        Compression::Gzip => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(bytes).unwrap();
            out.finish().unwrap()
        }
        Compression::Bzip2 => {
            let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            out.write_all(bytes).unwrap();
            out.finish().unwrap()
        }
        Compression::Lzma | Compression::Xz => {
            let stream = match compression {
                Compression::Xz => Stream::new_easy_encoder(0, liblzma::stream::Check::Crc32),
                _ => Stream::new_lzma_encoder(&LzmaOptions::new_preset(0).unwrap()),
            };
            let mut out = liblzma::write::XzEncoder::new_stream(Vec::new(), stream.unwrap());
            out.write_all(bytes).unwrap();
            out.finish().unwrap()
        }
        Compression::Lz4 => lz4_legacy(bytes),
        Compression::Lz4Frame => {
            let mut out = lz4_flex::frame::FrameEncoder::new(Vec::new());
            out.write_all(bytes).unwrap();
            out.finish().unwrap()
        }
        Compression::Zstd => zstd::stream::encode_all(bytes, 1).unwrap(),
        Compression::Lzo => panic!("no encoder"),
    }
}

fn lz4_legacy(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x02, 0x21, 0x4c, 0x18];
    for block in bytes.chunks(8 * 1024 * 1024) {
        let packed = lz4_flex::block::compress(block);
        out.extend(u32::try_from(packed.len()).unwrap().to_le_bytes());
        out.extend(packed);
    }
    out
}
