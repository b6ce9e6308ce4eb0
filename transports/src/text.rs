//! Bytes of a description as text: byte-order marks, named encodings, small files read whole.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use encoding_rs::{BIG5, Encoding, GBK, SHIFT_JIS, UTF_8};

use crate::error::FetchError;

/// The encoding that a description calls `label`; `None` if nobody knows it.
///
/// Besides the WHATWG labels this takes the code page names that VMware writes on Windows hosts.
/// UTF-16 is refused: a label that can be read as ASCII bytes does not stand in UTF-16 text.
pub(crate) fn encoding_for(label: &str) -> Option<&'static Encoding> {
    let label = label.trim();
    match label.to_ascii_lowercase().as_str() {
        "windows-932" | "cp932" | "ms932" => return Some(SHIFT_JIS),
        "windows-936" | "cp936" => return Some(GBK),
        "windows-950" | "cp950" => return Some(BIG5),
        _ => {}
    }
    Encoding::for_label_no_replacement(label.as_bytes()).filter(|e| e.output_encoding() == *e)
}

/// `bytes` without a byte-order mark, and the encoding that the mark fixes. UTF-16 comes back as UTF-8.
pub(crate) fn without_mark(bytes: &[u8]) -> (Cow<'_, [u8]>, Option<&'static Encoding>) {
    match Encoding::for_bom(bytes) {
        Some((encoding, length)) => {
            let rest = bytes.get(length..).unwrap_or_default();
            if encoding == UTF_8 {
                return (Cow::Borrowed(rest), Some(UTF_8));
            }
            let (text, _) = encoding.decode_without_bom_handling(rest);
            (Cow::Owned(text.into_owned().into_bytes()), Some(UTF_8))
        }
        None => (Cow::Borrowed(bytes), None),
    }
}

/// The whole of a file of at most `limit` bytes.
///
/// # Errors
/// `Unsupported` if the file is larger, otherwise what the host reports.
pub(crate) fn read_small(path: &Path, limit: u64) -> Result<Vec<u8>, FetchError> {
    let doing = || format!("reading {}", path.display());
    let file = File::open(path).map_err(|e| FetchError::io(doing(), e))?;
    read_limited(file, limit, &path.display().to_string())
}

/// All bytes of `reader`, which is called `name`, if they are at most `limit`.
///
/// # Errors
/// `Unsupported` if there are more, otherwise what the reader reports.
pub(crate) fn read_limited(reader: impl Read, limit: u64, name: &str) -> Result<Vec<u8>, FetchError> {
    let mut bytes = Vec::new();
    reader
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|e| FetchError::io(format!("reading {name}"), e))?;
    if bytes.len() as u64 > limit {
        return Err(FetchError::unsupported(format!(
            "{name} is larger than the {limit} bytes that are read of such a file"
        )));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_vmware_are_known() {
        for (label, name) in [
            ("UTF-8", "UTF-8"),
            ("windows-1252", "windows-1252"),
            ("ISO-8859-1", "windows-1252"),
            ("GBK", "GBK"),
            ("windows-936", "GBK"),
            ("Shift_JIS", "Shift_JIS"),
            ("Big5", "Big5"),
            ("EUC-KR", "EUC-KR"),
        ] {
            assert_eq!(encoding_for(label).unwrap().name(), name);
        }
        for label in ["UTF-16", "UTF-16LE", "klingon", "", "iso-2022-kr"] {
            assert!(encoding_for(label).is_none(), "{label}");
        }
    }

    #[test]
    fn marks_are_taken_off() {
        assert_eq!(without_mark(b"\xEF\xBB\xBFab").0.as_ref(), b"ab");
        assert_eq!(without_mark(b"\xFF\xFEa\0b\0").0.as_ref(), b"ab");
        assert_eq!(without_mark(b"\xFE\xFF\0a\0b").0.as_ref(), b"ab");
        assert_eq!(without_mark(b"ab"), (Cow::Borrowed(b"ab".as_slice()), None));
    }

    #[test]
    fn a_larger_file_is_refused() {
        assert_eq!(read_limited(&b"abc"[..], 3, "x").unwrap(), b"abc");
        assert!(read_limited(&b"abcd"[..], 3, "x").is_err());
    }
}
