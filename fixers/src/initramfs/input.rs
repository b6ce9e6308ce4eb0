//! Buffered input that can look ahead, knows its offset and ends at a limit.

use std::io::{self, BufRead, ErrorKind, Read};

/// Bytes asked of the reader at a time.
const CHUNK: usize = 64 * 1024;

/// A reader with a look-ahead of any (small) length, which std's `BufReader` does not offer.
pub(super) struct Input<R> {
    inner: R,
    buffer: Vec<u8>,
    start: usize,
    offset: u64,
    limit: u64,
}

impl<R: Read> Input<R> {
    /// Input that fails once more than `limit` bytes were taken from it.
    pub(super) fn new(inner: R, limit: u64) -> Self {
        Self { inner, buffer: Vec::new(), start: 0, offset: 0, limit }
    }

    /// Bytes taken so far.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next `count` bytes without taking them; fewer only where the input ends.
    ///
    /// # Errors
    /// The reader failed, or the limit is passed.
    pub(super) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        self.check_limit()?;
        while self.available().len() < count && self.read_more()? > 0 {}
        let have = self.available();
        Ok(have.get(..count).unwrap_or(have))
    }

    /// Takes the zeros at the front of what is buffered.
    pub(super) fn skip_zeros(&mut self) {
        let zeros = self.available().iter().take_while(|b| **b == 0).count();
        self.consume(zeros);
    }

    fn available(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    fn check_limit(&self) -> io::Result<()> {
        if self.offset > self.limit {
            return Err(io::Error::other(format!("longer than the {} bytes that are read", self.limit)));
        }
        Ok(())
    }

    fn read_more(&mut self) -> io::Result<usize> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let kept = self.buffer.len();
        self.buffer.resize(kept.saturating_add(CHUNK), 0);
        let room = self.buffer.get_mut(kept..).unwrap_or_default();
        let read = loop {
            match self.inner.read(room) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let got = read.as_ref().map_or(0, |n| (*n).min(CHUNK));
        self.buffer.truncate(kept.saturating_add(got));
        read
    }
}

impl<R: Read> BufRead for Input<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.check_limit()?;
        if self.available().is_empty() {
            self.read_more()?;
        }
        Ok(self.available())
    }

    fn consume(&mut self, amount: usize) {
        let amount = amount.min(self.available().len());
        self.start = self.start.saturating_add(amount);
        self.offset = self.offset.saturating_add(amount as u64);
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let got = self.fill_buf()?.read(out)?;
        self.consume(got);
        Ok(got)
    }
}
