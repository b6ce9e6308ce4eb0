//! Which compression a segment has, and a decoder that stops exactly behind it.

use std::io::{self, BufRead, Read};

use liblzma::stream::Stream;

use super::lz4::Lz4Legacy;

/// Memory that an xz or lzma decoder may take. `xz -9` asks for 65 MiB; more than twice that is no initramfs tool.
const XZ_MEMORY: u64 = 160 * 1024 * 1024;

/// Base-2 logarithm of the largest zstd window: 128 MiB, the kernel's own limit (`ZSTD_WINDOWSIZE_MAX` in
/// lib/decompress_unzstd.c).
const ZSTD_WINDOW_LOG: u32 = 27;

/// How a segment is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, RFC 1952.
    Gzip,
    /// bzip2.
    Bzip2,
    /// lzma, the "alone" format of LZMA utils.
    Lzma,
    /// xz.
    Xz,
    /// lzop; the kernel reads it, h2k does not.
    Lzo,
    /// lz4, legacy format: the one that the kernel reads (`lz4 -l`).
    Lz4,
    /// lz4, frame format.
    Lz4Frame,
    /// zstd.
    Zstd,
}

/// Magic numbers, those of the kernel's table in lib/decompress.c first.
const MAGIC: &[(&[u8], Compression)] = &[
    (&[0x1f, 0x8b], Compression::Gzip),
    (&[0x42, 0x5a], Compression::Bzip2),
    (&[0x5d, 0x00], Compression::Lzma),
    (&[0xfd, 0x37], Compression::Xz),
    (&[0x89, 0x4c], Compression::Lzo),
    (&[0x02, 0x21], Compression::Lz4),
    (&[0x28, 0xb5], Compression::Zstd),
    (&[0x04, 0x22, 0x4d, 0x18], Compression::Lz4Frame),
];

/// Bytes that [`Compression::detect`] wants to see.
pub(super) const MAGIC_LENGTH: usize = 4;

impl Compression {
    /// Name as tools write it.
    pub fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Bzip2 => "bzip2",
            Compression::Lzma => "lzma",
            Compression::Xz => "xz",
            Compression::Lzo => "lzo",
            Compression::Lz4 => "lz4",
            Compression::Lz4Frame => "lz4-frame",
            Compression::Zstd => "zstd",
        }
    }

    /// The compression that a segment with these first bytes has, if the bytes are those of one.
    pub(super) fn detect(start: &[u8]) -> Option<Self> {
        MAGIC.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, compression)| *compression)
    }

    /// A decoder for one segment, one stream, frame or member of its format, as the kernel takes it; `None` where
    /// there is no decoder. Once it has ended the input stands behind the segment.
    ///
    /// # Errors
    /// The decoder cannot be set up.
    pub(super) fn decoder<'a, R: BufRead>(self, input: &'a mut R) -> io::Result<Option<Decoder<'a>>> {
        let decoder: Box<dyn Read + 'a> = match self {
            Compression::None => Box::new(input),
            Compression::Gzip => Box::new(flate2::bufread::GzDecoder::new(input)),
            Compression::Bzip2 => Box::new(bzip2::bufread::BzDecoder::new(input)),
            Compression::Lzma => {
                let stream = Stream::new_lzma_decoder(XZ_MEMORY)?;
                Box::new(liblzma::bufread::XzDecoder::new_stream(input, stream))
            }
            Compression::Xz => {
                let stream = Stream::new_stream_decoder(XZ_MEMORY, 0)?;
                Box::new(liblzma::bufread::XzDecoder::new_stream(input, stream))
            }
            Compression::Lzo => return Ok(None),
            Compression::Lz4 => Box::new(Lz4Legacy::new(input)),
            Compression::Lz4Frame => Box::new(lz4_flex::frame::FrameDecoder::new(input)),
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?.single_frame();
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Box::new(decoder)
            }
        };
        Ok(Some(Decoder { inner: decoder, ended: false }))
    }
}

/// A decoder that stays at its end: some of those below would begin with the next stream when asked again.
pub(super) struct Decoder<'a> {
    inner: Box<dyn Read + 'a>,
    ended: bool,
}

impl Read for Decoder<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.ended || out.is_empty() {
            return Ok(0);
        }
        let got = self.inner.read(out)?;
        self.ended = got == 0;
        Ok(got)
    }
}

/// Unpacks the one segment that `bytes` are, to `limit` bytes at most: a kernel module as distributions pack it.
///
/// # Errors
/// It is packed with nothing that is read here, is broken, or unpacks to more.
pub fn unpack(bytes: &[u8], limit: u64) -> io::Result<Vec<u8>> {
    let mut input = bytes;
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let compression = Compression::detect(bytes).ok_or_else(|| invalid("no known compression"))?;
    let decoder = compression.decoder(&mut input)?.ok_or_else(|| invalid("lzop is not read here"))?;
    let mut out = Vec::new();
    decoder.take(limit.saturating_add(1)).read_to_end(&mut out)?;
    if out.len() as u64 > limit {
        return Err(invalid("more bytes than a module has"));
    }
    Ok(out)
}
