//! One line of a dictionary file, as bytes.

/// What a line holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// Nothing, or a comment.
    Empty,
    /// A name and its value with escapes undone.
    Pair {
        /// Name as written.
        name: &'a [u8],
        /// Value.
        value: Vec<u8>,
    },
    /// Something else.
    Malformed,
}

/// Takes a line (without its line feed) apart.
pub(super) fn split_line(line: &[u8]) -> Line<'_> {
    // VMware writes CR LF on Windows hosts and reads it there in text mode.
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = skip_blanks(line);
    if line.is_empty() || line.starts_with(b"#") {
        return Line::Empty;
    }
    let (name, rest) = split_where(line, |b| is_blank(b) || b == b'#' || b == b'=');
    let Some(rest) = skip_blanks(rest).strip_prefix(b"=") else { return Line::Malformed };
    if name.is_empty() {
        return Line::Malformed;
    }
    let rest = skip_blanks(rest);
    let (value, rest) = match rest.strip_prefix(b"\"") {
        Some(quoted) => match split_where(quoted, |b| b == b'"') {
            (_, []) => return Line::Malformed,
            (value, rest) => (value, rest.strip_prefix(b"\"").unwrap_or(rest)),
        },
        None => split_where(rest, |b| is_blank(b) || b == b'#'),
    };
    let rest = skip_blanks(rest);
    if !rest.is_empty() && !rest.starts_with(b"#") {
        return Line::Malformed;
    }
    Line::Pair { name, value: unescaped(value) }
}

/// Undoes `|XX`. A pipe that no two hexadecimal digits follow stands for itself.
fn unescaped(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((first, tail)) = rest.split_first() {
        let escaped = match (first, tail) {
            (b'|', [high, low, tail @ ..]) => hex(*high).zip(hex(*low)).map(|(h, l)| (h << 4 | l, tail)),
            _ => None,
        };
        let (byte, tail) = escaped.unwrap_or((*first, tail));
        out.push(byte);
        rest = tail;
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn skip_blanks(bytes: &[u8]) -> &[u8] {
    let blanks = bytes.iter().take_while(|b| is_blank(**b)).count();
    bytes.get(blanks..).unwrap_or_default()
}

/// `bytes` up to the first one that `stop` takes, and the rest from there.
fn split_where(bytes: &[u8], stop: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|b| stop(*b)).unwrap_or(bytes.len());
    bytes.split_at_checked(end).unwrap_or((bytes, &[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair<'a>(name: &'a str, value: &str) -> Line<'a> {
        Line::Pair { name: name.as_bytes(), value: value.as_bytes().to_vec() }
    }

    #[test]
    fn well_formed_lines() {
        for (line, want) in [
            ("a = \"b\"", pair("a", "b")),
            ("  a=\"b c\"  # d", pair("a", "b c")),
            ("a = b", pair("a", "b")),
            ("a = b#c", pair("a", "b")),
            ("a =", pair("a", "")),
            ("a = \"\"", pair("a", "")),
            ("a = \"x # y\"\r", pair("a", "x # y")),
            (".encoding = \"UTF-8\"", pair(".encoding", "UTF-8")),
            ("a = \"say |22hi|22 |7C\"", pair("a", "say \"hi\" |")),
            ("a = \"50| |zz |4\"", pair("a", "50| |zz |4")),
            ("#!/usr/bin/vmware", Line::Empty),
            ("\t", Line::Empty),
            ("", Line::Empty),
        ] {
            assert_eq!(split_line(line.as_bytes()), want, "{line:?}");
        }
    }

    #[test]
    fn malformed_lines() {
        for line in ["a", "= b", "a b = c", "a = \"b", "a = \"b\" c", "a = b c", "a # = b"] {
            assert_eq!(split_line(line.as_bytes()), Line::Malformed, "{line:?}");
        }
    }
}
