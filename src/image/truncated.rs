//! The one sentence about a file that ends before the image does.

use super::error::ImageError;

/// How far an image reaches into its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Reach {
    /// End of the last byte that the image refers to, in bytes from the start.
    pub end: u64,
    /// Whether tables that lie beyond the file's end may refer to more.
    pub at_least: bool,
}

impl Reach {
    /// Also reaches to `end`; `None` is beyond all files.
    pub(crate) fn extend(&mut self, end: Option<u64>) {
        self.end = self.end.max(end.unwrap_or(u64::MAX));
    }

    /// Whether a file of `size` bytes holds all of it.
    ///
    /// # Errors
    /// `Corrupt` with the number of bytes that are missing.
    pub(crate) fn check(self, size: u64) -> Result<(), ImageError> {
        let missing = self.end.saturating_sub(size);
        if missing == 0 {
            return Ok(());
        }
        let at_least = if self.at_least { "at least " } else { "" };
        Err(ImageError::corrupt(format!(
            "truncated: the file has {size} bytes, the image needs {at_least}{}, so {at_least}{missing} bytes are missing",
            self.end
        ))
        .with_hint("the copy is not complete: fetch the file again and compare its size with the original's"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_bytes_are_counted() {
        let mut reach = Reach::default();
        reach.extend(Some(1000));
        reach.extend(Some(10));
        reach.check(1000).unwrap();
        let error = reach.check(900).unwrap_err().to_string();
        assert!(error.ends_with("needs 1000, so 100 bytes are missing"), "{error}");
        reach.at_least = true;
        assert!(reach.check(0).unwrap_err().to_string().contains("at least 1000 bytes are missing"));
        reach.extend(None);
        assert!(reach.check(u64::MAX - 1).is_err());
    }
}
