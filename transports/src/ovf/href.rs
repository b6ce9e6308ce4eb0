//! References from an OVF to the files of its package (DSP0243 1.1.0, section 7.1).

use crate::confine::normalised;
use crate::error::FetchError;

/// The names that `href` may stand for, relative to the OVF: percent-decoded, as the specification has it,
/// and as written, because producers forget to encode.
///
/// # Errors
/// `Unsupported` for a URL, `Unsafe` for a name that is absolute or leaves the package.
pub(super) fn names(href: &str) -> Result<Vec<String>, FetchError> {
    if href.contains("://") || has_scheme(href) {
        return Err(FetchError::unsupported(format!(
            "the OVF refers to {href:?}, which is not in the package"
        ))
        .with_hint("fetch that file, put it beside the .ovf and change the reference to its name"));
    }
    let mut names = Vec::new();
    for spelling in [percent_decoded(href), Some(href.to_owned())].into_iter().flatten() {
        let name = normalised(&spelling)
            .map_err(|why| FetchError::dangerous(format!("unsafe reference {href:?} in the OVF: {why}")))?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// `file:`, `data:` and their like, as far as they cannot be a file name with a colon in it.
fn has_scheme(href: &str) -> bool {
    let scheme = href.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    scheme.is_some_and(|s| matches!(s.as_str(), "file" | "http" | "https" | "ftp" | "data" | "nfs"))
}

/// `%XX` undone; `None` if nothing is encoded, or if what comes out is no UTF-8.
fn percent_decoded(href: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(href.len());
    let mut rest = href.as_bytes();
    let mut found = false;
    while let Some((first, tail)) = rest.split_first() {
        let escaped = match (first, tail) {
            (b'%', [high, low, tail @ ..]) => hex(*high).zip(hex(*low)).map(|(h, l)| (h << 4 | l, tail)),
            _ => None,
        };
        found |= escaped.is_some();
        let (byte, tail) = escaped.unwrap_or((*first, tail));
        bytes.push(byte);
        rest = tail;
    }
    String::from_utf8(bytes).ok().filter(|_| found)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::FetchErrorKind;

    #[test]
    fn encoded_names_are_tried_first() {
        assert_eq!(names("disk1.vmdk").unwrap(), ["disk1.vmdk"]);
        assert_eq!(names("my%20disk%C3%BC.vmdk").unwrap(), ["my diskü.vmdk", "my%20disk%C3%BC.vmdk"]);
        assert_eq!(names("100%.vmdk").unwrap(), ["100%.vmdk"]);
        assert_eq!(names("sub/./x:1.vmdk").unwrap(), ["sub/x:1.vmdk"]);
    }

    #[test]
    fn references_that_leave_the_package_are_refused() {
        for href in ["../x", "/etc/passwd", "%2e%2e/x", "%2Fetc/passwd", "a%00b", "C:%5Cx", ""] {
            assert_eq!(names(href).unwrap_err().kind(), FetchErrorKind::Unsafe, "{href}");
        }
        for href in ["http://x/y.vmdk", "file:x.vmdk", "HTTPS://x"] {
            assert_eq!(names(href).unwrap_err().kind(), FetchErrorKind::Unsupported, "{href}");
        }
    }
}
