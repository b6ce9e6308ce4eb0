//! What a package may grow to: the guard against decompression bombs.

use std::io::{self, Read};

use thiserror::Error;

/// Most that one fetch unpacks, in bytes. 62 TiB is vSphere's largest virtual disk; no one unpacks several of
/// these.
const MAX_UNPACKED_BYTES: u64 = 64 << 40;

/// Largest growth of a compressed archive or member. Deflate reaches 1032 on zeros; xz reaches more, but then
/// the archive holds next to nothing but zeros.
const MAX_EXPANSION: u64 = 1100;

/// What may always be unpacked, in bytes: small archives of empty disks grow by any factor and harm nobody.
const ALWAYS_ALLOWED_BYTES: u64 = 4 << 30;

/// Limits of unpacking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most that one archive or member may grow to, in bytes.
    pub max_unpacked_bytes: u64,
    /// Most that it may grow to as a multiple of its packed size.
    pub max_expansion: u64,
    /// What is allowed whatever the packed size, in bytes.
    pub always_allowed_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_unpacked_bytes: MAX_UNPACKED_BYTES,
            max_expansion: MAX_EXPANSION,
            always_allowed_bytes: ALWAYS_ALLOWED_BYTES,
        }
    }
}

impl Limits {
    /// What may come out of `packed` bytes.
    fn allowed(&self, packed: u64) -> u64 {
        let by_growth = packed.saturating_mul(self.max_expansion).max(self.always_allowed_bytes);
        by_growth.min(self.max_unpacked_bytes)
    }

    /// `reader`, which decompresses `packed` bytes, up to what may come out of them and to `ceiling` bytes.
    pub(crate) fn bounded<R: Read>(&self, reader: R, packed: u64, ceiling: u64) -> Bounded<R> {
        let allowed = self.allowed(packed).min(ceiling);
        Bounded { inner: reader, allowed, left: allowed }
    }

    /// Whether `bytes` may come out of `packed` bytes.
    ///
    /// # Errors
    /// [`LimitReached`], as from a bounded reader.
    pub(crate) fn check(&self, bytes: u64, packed: u64) -> io::Result<()> {
        let allowed = self.allowed(packed);
        if bytes > allowed { Err(io::Error::other(LimitReached { allowed })) } else { Ok(()) }
    }
}

/// A decompressor that stops with [`LimitReached`].
pub(crate) struct Bounded<R> {
    inner: R,
    allowed: u64,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => {
                self.left = left;
                Ok(read)
            }
            None => Err(io::Error::other(LimitReached { allowed: self.allowed })),
        }
    }
}

/// More came out of a decompressor than is taken.
#[derive(Debug, Error)]
#[error("it unpacks to more than {allowed} bytes, the most that its packed and declared sizes allow")]
pub(crate) struct LimitReached {
    allowed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{FetchError, FetchErrorKind};

    #[test]
    fn what_is_allowed_grows_with_the_archive_up_to_the_end() {
        let limits = Limits { max_unpacked_bytes: 1000, max_expansion: 10, always_allowed_bytes: 50 };
        for (packed, allowed) in [(0, 50), (1, 50), (20, 200), (1000, 1000), (u64::MAX, 1000)] {
            assert_eq!(limits.allowed(packed), allowed);
        }
    }

    #[test]
    fn a_bounded_reader_ends_in_an_error_that_is_told_apart() {
        let limits = Limits { max_unpacked_bytes: 3, ..Limits::default() };
        let mut bytes = Vec::new();
        limits.bounded(&b"abc"[..], 1, 9).read_to_end(&mut bytes).unwrap();
        let error = limits.bounded(&b"abcd"[..], 1, 9).read_to_end(&mut bytes).unwrap_err();
        assert_eq!(FetchError::io("unpacking", error).kind(), FetchErrorKind::Unsupported);
        assert!(limits.bounded(&b"abc"[..], 1, 2).read_to_end(&mut bytes).is_err());
        assert!(limits.check(3, 1).is_ok() && limits.check(4, 1).is_err());
    }
}
