//! lz4's legacy format, the one that `lz4 -l` writes and the kernel reads (lz4's doc/lz4_Frame_format.md, "Legacy
//! frame"; lib/decompress_unlz4.c): a magic number, then blocks, each with its packed size before it.

use std::io::{self, BufRead, ErrorKind, Read};

/// Magic number, little-endian `02 21 4c 18`.
const MAGIC: u32 = 0x184C_2102;

/// What a block unpacks to at most (`LZ4_DEFAULT_UNCOMPRESSED_CHUNK_SIZE` of the kernel).
const BLOCK: usize = 8 * 1024 * 1024;

/// Largest packed block: lz4's bound for incompressible data, `LZ4_compressBound(BLOCK)`.
const PACKED_BLOCK: usize = BLOCK + BLOCK / 255 + 16;

/// Unpacks one legacy segment. The format has no end mark: the kernel takes the end of the input or a block size of
/// zero for it, and everything else for a block. So does this; a segment that is to follow needs zeros before it.
pub(super) struct Lz4Legacy<R> {
    input: R,
    packed: Vec<u8>,
    block: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
}

impl<R: BufRead> Lz4Legacy<R> {
    /// A decoder whose input stands at the magic number.
    pub(super) fn new(input: R) -> Self {
        Self { input, packed: Vec::new(), block: Vec::new(), start: 0, end: 0, ended: false }
    }

    /// Unpacks the next block; false at the end.
    fn next_block(&mut self) -> io::Result<bool> {
        let size = loop {
            match self.read_size()? {
                None | Some(0) => return Ok(false),
                // Another legacy segment, or the start of this one.
                Some(MAGIC) => {}
                Some(size) => break usize::try_from(size).unwrap_or(usize::MAX),
            }
        };
        if size > PACKED_BLOCK {
            return Err(invalid(format!("an lz4 block of {size} bytes; the format allows {PACKED_BLOCK}")));
        }
        self.packed.resize(size, 0);
        self.input.read_exact(&mut self.packed)?;
        self.block.resize(BLOCK, 0);
        self.end = lz4_flex::block::decompress_into(&self.packed, &mut self.block)
            .map_err(|e| invalid(format!("a broken lz4 block: {e}")))?;
        self.start = 0;
        Ok(true)
    }

    /// A block's size field; `None` where the input has ended. Fewer than four bytes are the end as well, as they
    /// are for the kernel: bootloaders pad.
    fn read_size(&mut self) -> io::Result<Option<u32>> {
        let mut field = Vec::with_capacity(4);
        self.input.by_ref().take(4).read_to_end(&mut field)?;
        Ok(<[u8; 4]>::try_from(field).ok().map(u32::from_le_bytes))
    }
}

impl<R: BufRead> Read for Lz4Legacy<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.start >= self.end {
            if self.ended || !self.next_block()? {
                self.ended = true;
                return Ok(0);
            }
        }
        let mut rest = self.block.get(self.start..self.end).unwrap_or_default();
        let got = rest.read(out)?;
        self.start = self.start.saturating_add(got);
        Ok(got)
    }
}

fn invalid(what: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}
