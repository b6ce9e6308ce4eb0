//! Transmission (proto.md, "Transmission"): one read at a time, answered by simple replies.

use std::io::{self, Read, Write};

use super::handshake::{Export, negotiate, take};
use super::proto::*;
use crate::image::check_range;

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

    /// The whole blocks around the beginning of a range within the export, at most one request's worth.
    fn blocks_around(&self, offset: u64, length: u64) -> (u64, u32) {
        let min = u64::from(self.export.min_block);
        let start = offset / min * min;
        // `check_range` has shown that the sum does not overflow.
        let end = (offset + length).min(start + u64::from(self.export.max_block));
        // The end of an export need not be the end of a block.
        let end = end.checked_next_multiple_of(min).unwrap_or(u64::MAX).min(self.export.size);
        let length = (end - start).min(u64::from(self.export.max_block));
        (start, length as u32)
    }

    /// One request and its reply.
    fn read_blocks(&mut self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::new(
                io::ErrorKind::NotConnected,
                "the connection to the NBD server broke before",
            ));
        }
        self.broken = true;
        self.cookie = self.cookie.wrapping_add(1);
        self.send(CMD_READ, offset, buf.len() as u32)?;
        if u32::from_be_bytes(take(&mut self.stream)?) != SIMPLE_REPLY {
            return Err(violated("no simple reply"));
        }
        let error = u32::from_be_bytes(take(&mut self.stream)?);
        if u64::from_be_bytes(take(&mut self.stream)?) != self.cookie {
            return Err(violated("a reply to no request"));
        }
        if error == 0 {
            self.stream.read_exact(buf)?;
        }
        self.broken = false;
        match i32::try_from(error) {
            Ok(0) => Ok(()),
            // "Error values" are those of Linux.
            Ok(errno) => Err(io::Error::from_raw_os_error(errno)),
            Err(_) => Err(violated(format!("error {error}"))),
        }
    }

    fn send(&mut self, command: u16, offset: u64, length: u32) -> io::Result<()> {
        let mut message = [0; 28];
        let mut rest = &mut message[..];
        rest.write_all(&REQUEST.to_be_bytes())?;
        rest.write_all(&0u16.to_be_bytes())?;
        rest.write_all(&command.to_be_bytes())?;
        rest.write_all(&self.cookie.to_be_bytes())?;
        rest.write_all(&offset.to_be_bytes())?;
        rest.write_all(&length.to_be_bytes())?;
        self.stream.write_all(&message)
    }
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
