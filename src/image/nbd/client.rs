//! The client's side of the transmission (proto.md, "Transmission"): one request at a time.

use std::io::{self, Read, Write};
use std::ops::Range;

use super::chunks::{Asked, Extents, Outcome, read_reply, status_reply};
use super::handshake::{Export, negotiate};
use super::proto::*;
use crate::image::extent_list::ExtentList;
use crate::image::{Extent, ExtentKind, check_range};

/// Bytes that one block status asks of. Its length has 32 bits; a power of two is aligned to every block size.
const MAX_STATUS: u64 = 1 << 31;

/// Most extents that are told of one range; what follows is data, which is always true.
const MAX_EXTENTS: usize = 1 << 20;

/// A session with an NBD server. Dropping it says goodbye.
#[derive(Debug)]
pub struct Client<S: Read + Write> {
    stream: S,
    export: Export,
    cookie: u64,
    /// A reply was not read to its end: what follows on the wire means nothing any more.
    broken: bool,
}

impl<S: Read + Write> Client<S> {
    /// Negotiates on a fresh connection and takes the export `name` (empty: the default one).
    ///
    /// # Errors
    /// `InvalidData` if the server breaks the protocol, `ConnectionRefused` if it refuses; otherwise what the socket
    /// reports.
    pub fn connect(mut stream: S, name: &str) -> io::Result<Self> {
        let export = negotiate(&mut stream, name)?;
        Ok(Self { stream, export, cookie: 0, broken: false })
    }

    /// Size of the export in bytes.
    pub fn size(&self) -> u64 {
        self.export.size
    }

    /// Whether the server says that several connections see the same bytes.
    pub fn multi_conn(&self) -> bool {
        self.export.multi_conn
    }

    pub(super) fn stream(&self) -> &S {
        &self.stream
    }

    /// Whether the connection can be used further: the last error, if any, was the server's answer.
    pub fn is_usable(&self) -> bool {
        !self.broken
    }

    /// Fills `buf` from the byte `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` if the range ends beyond the export; the server's error; what the socket reports. After a
    /// broken connection all further reads fail.
    pub fn read_at(&mut self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        check_range(offset, buf.len() as u64, self.export.size)?;
        let (mut buf, mut offset) = (buf, offset);
        while !buf.is_empty() {
            // A piece that ends with its blocks, so that few of them are read twice.
            let (start, length) = self.blocks_around(offset, buf.len() as u64);
            let skip = (offset - start) as usize;
            // At least one byte: a piece reaches beyond the block that `offset` is in the middle of.
            let wanted = buf.len().min(length as usize - skip);
            let (piece, rest) = buf.split_at_mut(wanted);
            if skip == 0 && piece.len() == length as usize {
                self.read_blocks(piece, start)?;
            } else {
                let mut blocks = vec![0; length as usize];
                self.read_blocks(&mut blocks, start)?;
                let found = blocks.get(skip..skip + wanted).ok_or(io::ErrorKind::UnexpectedEof)?;
                piece.copy_from_slice(found);
            }
            offset += wanted as u64;
            buf = rest;
        }
        Ok(())
    }

    /// What is where in a range, as the server tells it: extents in order, without gaps, cut to the range. All is
    /// data on servers that do not tell.
    ///
    /// # Errors
    /// As [`Client::read_at`].
    pub fn extents(&mut self, range: Range<u64>) -> io::Result<Vec<Extent>> {
        check_range(range.start, range.end.saturating_sub(range.start), self.export.size)?;
        let mut list = ExtentList::new(range.clone());
        let mut count = 0usize;
        while let Some(context) = self.export.allocation.filter(|_| count < MAX_EXTENTS) {
            let from = list.end();
            if from >= range.end {
                break;
            }
            // A block status is of whole blocks.
            let mut at = from / u64::from(self.export.min_block) * u64::from(self.export.min_block);
            let Some(found) = self.status(context, at, range.end)? else { break };
            count = count.saturating_add(found.len());
            for (length, state) in found {
                at = at.saturating_add(u64::from(length));
                list.push_to(at, kind_of(state));
            }
            if list.end() <= from {
                return Err(violated("a block status that ends before the range that was asked for"));
            }
        }
        list.push_to(range.end, ExtentKind::Data);
        Ok(list.finish())
    }

    /// One block status of the blocks from `start` to around `to`. `None` if the server cannot.
    fn status(&mut self, context: u32, start: u64, to: u64) -> io::Result<Option<Extents>> {
        let min = u64::from(self.export.min_block);
        let end = to.checked_next_multiple_of(min).unwrap_or(u64::MAX).min(self.export.size);
        let length = end.saturating_sub(start).min(MAX_STATUS) as u32;
        let found = self
            .exchange(CMD_BLOCK_STATUS, start, length, |stream, asked| status_reply(stream, asked, context));
        match found {
            Ok(extents) => Ok(Some(extents)),
            // It has promised and cannot after all; then all is data.
            Err(e)
                if self.is_usable()
                    && matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
            {
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    /// The whole blocks around the beginning of a range within the export, at most one request's worth.
    fn blocks_around(&self, offset: u64, length: u64) -> (u64, u32) {
        let min = u64::from(self.export.min_block);
        let start = offset / min * min;
        // `check_range` has shown that the sum does not overflow.
        let end = (offset + length).min(start.saturating_add(u64::from(self.export.max_block)));
        // The end of an export need not be the end of a block.
        let end = end.checked_next_multiple_of(min).unwrap_or(u64::MAX).min(self.export.size);
        let length = (end - start).min(u64::from(self.export.max_block));
        (start, length as u32)
    }

    fn read_blocks(&mut self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        // A piece is at most `max_block` bytes.
        let length = buf.len() as u32;
        self.exchange(CMD_READ, offset, length, |stream, asked| read_reply(stream, asked, buf))
    }

    /// One request and its reply.
    fn exchange<T>(
        &mut self,
        command: u16,
        offset: u64,
        length: u32,
        reply: impl FnOnce(&mut S, &Asked) -> Outcome<T>,
    ) -> io::Result<T> {
        if self.broken {
            return Err(io::Error::new(
                io::ErrorKind::NotConnected,
                "the connection to the NBD server broke before",
            ));
        }
        self.broken = true;
        self.cookie = self.cookie.wrapping_add(1);
        self.send(command, offset, length)?;
        let asked = Asked { cookie: self.cookie, offset, structured: self.export.structured };
        let outcome = reply(&mut self.stream, &asked)?;
        self.broken = false;
        outcome
    }

    fn send(&mut self, command: u16, offset: u64, length: u32) -> io::Result<()> {
        let mut message = Vec::with_capacity(28);
        message.extend_from_slice(&REQUEST.to_be_bytes());
        message.extend_from_slice(&0u16.to_be_bytes());
        message.extend_from_slice(&command.to_be_bytes());
        message.extend_from_slice(&self.cookie.to_be_bytes());
        message.extend_from_slice(&offset.to_be_bytes());
        message.extend_from_slice(&length.to_be_bytes());
        self.stream.write_all(&message)
    }
}

/// proto.md, "Metadata querying": a hole that is not said to be zero may read as anything.
fn kind_of(state: u32) -> ExtentKind {
    if state & STATE_ZERO != 0 { ExtentKind::Zero } else { ExtentKind::Data }
}

impl<S: Read + Write> Drop for Client<S> {
    fn drop(&mut self) {
        // A server that is gone needs no goodbye.
        let _gone = self.send(CMD_DISC, 0, 0);
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
