//! What a guest, a descriptor or a file name says must not steer the terminal: names may hold escape sequences.

use std::borrow::Cow;

/// One line: control characters, line ends among them, are shown as `\x1b`, `\n`, `\u{202e}`.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// Several lines: as [`line()`], with line ends and tabs kept.
pub fn page(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c == '\n' || c == '\t')
}

fn escaped(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    let bad = |c: char| (c.is_control() || turns(c)) && !keep(c);
    if !text.contains(bad) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if bad(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Characters that change the direction of what follows, or end a line without being a control character: Unicode
/// Standard Annex #9, section 2, and U+2028, U+2029.
fn turns(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_are_shown() {
        for (text, shown) in [
            ("web01", "web01"),
            ("Größe 1", "Größe 1"),
            ("\x1b[2Jgone", "\\u{1b}[2Jgone"),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("exe\u{202e}fdp", "exe\\u{202e}fdp"),
            ("\0\x7f", "\\u{0}\\u{7f}"),
        ] {
            assert_eq!(line(text), shown);
        }
        assert_eq!(page("a\n\tb\x1b\r\n"), "a\n\tb\\u{1b}\\r\n");
    }

    proptest! {
        #[test]
        fn nothing_that_steers_is_left(text in any::<String>()) {
            prop_assert!(!line(&text).contains(|c: char| c.is_control() || turns(c)));
            prop_assert!(!page(&text).contains(|c: char| c.is_control() && c != '\n' && c != '\t'));
        }
    }
}
