//! A kernel command line as the kernel reads it.
//!
//! Documentation/admin-guide/kernel-parameters.rst and `next_arg()` of lib/cmdline.c: parameters are separated by
//! white space; double quotes protect white space and may stand around the value or around the whole parameter.

/// A parameter, with the place of its value in the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Param<'a> {
    /// What stands before `=`, or all.
    pub key: &'a str,
    /// Byte offset of the value.
    pub start: usize,
    /// The value without quotes; `None` where there is no `=`.
    pub value: Option<&'a str>,
}

/// A piece of a command line. The pieces of a command line make it up, byte for byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// White space.
    Gap(&'a str),
    /// A parameter as written.
    Token(&'a str),
}

impl<'a> Piece<'a> {
    fn text(self) -> &'a str {
        match self {
            Piece::Gap(text) | Piece::Token(text) => text,
        }
    }
}

/// Takes a command line apart.
pub(crate) fn pieces(line: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let gap = rest.find(|c| !is_space(c)).unwrap_or(rest.len());
        let (space, after) = rest.split_at(gap);
        if !space.is_empty() {
            pieces.push(Piece::Gap(space));
        }
        let mut quoted = false;
        let ends = |c: char| {
            quoted ^= c == '"';
            !quoted && is_space(c)
        };
        let (token, after) = after.split_at(after.find(ends).unwrap_or(after.len()));
        if !token.is_empty() {
            pieces.push(Piece::Token(token));
        }
        rest = after;
    }
    pieces
}

/// What the kernel's isspace() says of ASCII.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// The parameters of a command line.
pub(crate) fn params(line: &str) -> Vec<Param<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    for piece in pieces(line) {
        if let Piece::Token(token) = piece {
            found.push(param(token, at));
        }
        at += piece.text().len();
    }
    found
}

/// The parameter that `token` is, which stands at byte `offset`.
pub(crate) fn param(token: &str, offset: usize) -> Param<'_> {
    let (inner, shift) = unquote(token);
    let Some((key, value)) = inner.split_once('=') else {
        return Param { key: inner, start: offset + shift + inner.len(), value: None };
    };
    let (value, quote) = unquote(value);
    Param { key, start: offset + shift + key.len() + 1 + quote, value: Some(value) }
}

/// Text without the quotes around it, and the bytes that were taken off its front.
fn unquote(text: &str) -> (&str, usize) {
    match text.strip_prefix('"') {
        Some(inner) => (inner.strip_suffix('"').unwrap_or(inner), 1),
        None => (text, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_their_places() {
        let line = " ro root=/dev/sda1  resume=\"/dev/sda2\" \"dyndbg=file a.c +p\" quiet\n";
        let found = params(line);
        let shown: Vec<(&str, Option<&str>)> = found.iter().map(|p| (p.key, p.value)).collect();
        assert_eq!(
            shown,
            [
                ("ro", None),
                ("root", Some("/dev/sda1")),
                ("resume", Some("/dev/sda2")),
                ("dyndbg", Some("file a.c +p")),
                ("quiet", None),
            ]
        );
        for p in found {
            if let Some(value) = p.value {
                assert_eq!(line.get(p.start..p.start + value.len()), Some(value));
            }
        }
    }

    #[test]
    fn an_open_quote_ends_with_the_line() {
        assert_eq!(params("root=\"/dev/sda1 ro")[0].value, Some("/dev/sda1 ro"));
        assert_eq!(params("\"")[0], Param { key: "", start: 1, value: None });
        assert_eq!(params("root=")[0].value, Some(""));
    }

    proptest::proptest! {
        #[test]
        fn pieces_make_up_the_line(line in "([ -~\t\n]|\\PC){0,80}") {
            let joined: String = pieces(&line).into_iter().map(Piece::text).collect();
            proptest::prop_assert_eq!(&joined, &line);
            for p in params(&line) {
                if let Some(value) = p.value {
                    proptest::prop_assert_eq!(line.get(p.start..p.start + value.len()), Some(value));
                }
            }
        }
    }
}
