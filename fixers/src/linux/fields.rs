//! Lines of white-space-separated fields, as fstab(5) and crypttab(5) have them: where each field stands.

/// A field of a line: its place in the file and its text as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    /// Byte offset in the file.
    pub start: usize,
    /// As written.
    pub text: &'a str,
}

/// The fields of a line that begins at byte `offset` of its file. A comment and an empty line have none.
pub(crate) fn fields(offset: usize, line: &str) -> Vec<Field<'_>> {
    let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
    let mut found = Vec::new();
    let mut at = 0;
    for piece in line.split(blank) {
        if !piece.is_empty() {
            found.push(Field { start: offset + at, text: piece });
        }
        // Each separator is one byte.
        at += piece.len() + 1;
    }
    if found.first().is_some_and(|f| f.text.starts_with('#')) { Vec::new() } else { found }
}

/// A field without its escapes: fstab(5) writes a space as `\040`, in octal.
pub(crate) fn unescape(field: &str) -> String {
    let mut out = String::with_capacity(field.len());
    let mut rest = field;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let code = escape.get(1..4).filter(|d| d.bytes().all(|b| matches!(b, b'0'..=b'7')));
        match code.and_then(|d| u8::from_str_radix(d, 8).ok()).filter(u8::is_ascii) {
            Some(byte) => {
                out.push(char::from(byte));
                rest = escape.get(4..).unwrap_or_default();
            }
            None => {
                out.push('\\');
                rest = escape.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_know_their_places() {
        let line = "  /dev/sda1\t/  ext4\r\n";
        let found = fields(10, line);
        let texts: Vec<&str> = found.iter().map(|f| f.text).collect();
        assert_eq!(texts, ["/dev/sda1", "/", "ext4"]);
        for field in &found {
            assert_eq!(line.get(field.start - 10..).map(|l| l.starts_with(field.text)), Some(true));
        }
        assert!(fields(0, "  # /dev/sda1 / ext4\n").is_empty());
        assert!(fields(0, "\n").is_empty());
    }

    #[test]
    fn escapes() {
        for (field, want) in [
            ("/mnt/My\\040Disk", "/mnt/My Disk"),
            ("a\\011b\\134", "a\tb\\"),
            ("a\\04", "a\\04"),
            ("\\", "\\"),
            ("\\999", "\\999"),
            ("\\ä40", "\\ä40"),
        ] {
            assert_eq!(unescape(field), want);
        }
    }
}
