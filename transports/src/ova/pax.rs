//! Attributes of a pax extended header (POSIX.1-2017, pax, "pax Extended Header").

/// What is taken from the attributes of the next member.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    /// `path`: its name.
    pub path: Option<String>,
    /// `size`: its size in bytes.
    pub size: Option<u64>,
    /// GNU's `GNU.sparse.*`: its data is a map of pieces and the pieces.
    pub sparse: bool,
}

impl Attributes {
    /// Takes over the records of `data`: each is `LENGTH KEY=VALUE\n`, where LENGTH counts the whole record.
    /// What does not follow the form ends the reading.
    pub(super) fn merge(&mut self, data: &[u8]) {
        let mut rest = data;
        while let Some((record, tail)) = next_record(rest) {
            rest = tail;
            let Some(equals) = record.iter().position(|b| *b == b'=') else { continue };
            let (key, value) = record.split_at_checked(equals).unwrap_or_default();
            let value = String::from_utf8_lossy(value.get(1..).unwrap_or_default());
            match key {
                b"path" => self.path = Some(value.into_owned()),
                b"size" => self.size = value.parse().ok(),
                key if key.starts_with(b"GNU.sparse.") => self.sparse = true,
                _ => {}
            }
        }
    }
}

/// The first record without its length and line feed, and what follows it.
fn next_record(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = data.iter().position(|b| *b == b' ')?;
    let length: usize = std::str::from_utf8(data.get(..blank)?).ok()?.parse().ok()?;
    let record = data.get(blank + 1..length)?.strip_suffix(b"\n")?;
    Some((record, data.get(length..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records() {
        let mut attributes = Attributes::default();
        attributes.merge(b"12 path=a/b\n11 size=42\n20 other=a\nb=c\nddd\n");
        assert_eq!(attributes, Attributes { path: Some("a/b".to_owned()), size: Some(42), sparse: false });
        attributes.merge(b"22 GNU.sparse.major=1\n");
        assert!(attributes.sparse);
    }

    #[test]
    fn broken_records_end_the_reading() {
        for data in [
            b"".as_slice(),
            b"99 path=a\n",
            b"x path=a\n",
            b"0 \n",
            b"3 a",
            b"18446744073709551616 a=b\n",
            b"2 path=a\n",
        ] {
            let mut attributes = Attributes::default();
            attributes.merge(data);
            assert_eq!(attributes, Attributes::default(), "{data:?}");
        }
    }
}
