//! Lists of words in shell settings: `NAME="a b"`, and bash's `NAME=(a b)`, that words are added to.

use crate::linux::text::{self, Replacement};

/// A list that is assigned, and where words are added to it.
struct List<'t> {
    words: Vec<&'t str>,
    /// What is put there: the text around the new words.
    insert: fn(&str) -> String,
    at: (usize, usize),
}

/// Whether two spellings are one kernel module's.
pub(super) fn same(a: &str, b: &str) -> bool {
    a.replace('-', "_") == b.replace('-', "_")
}

/// `text` with those of `words` added to the list that `name` is assigned last which it lacks; `None` if no assignment
/// is there that can be added to.
pub(super) fn with_words(text: &str, name: &str, words: &[&str]) -> Option<String> {
    let list = last(text, name)?;
    let new: Vec<&str> =
        words.iter().copied().filter(|w| !list.words.iter().any(|have| same(have, w))).collect();
    if new.is_empty() {
        return Some(text.to_owned());
    }
    let joined = new.join(" ");
    let (start, end) = list.at;
    let text_of = |prefix: &str| format!("{prefix}{}", (list.insert)(&joined));
    let spaced = text.get(..start).is_some_and(|t| t.ends_with([' ', '\t', '\n', '(', '"', '\'', '=']));
    let replacement = Replacement { start, end, text: text_of(if spaced { "" } else { " " }) };
    Some(text::replace(text, &[replacement]))
}

/// Whether `name` is assigned in `text`, so that what earlier files assigned is lost (`=`, not `+=`).
pub(super) fn assigns(text: &str, name: &str) -> bool {
    assignments(text, name).any(|(_, replaces)| replaces)
}

/// Offsets of the values that `name` is assigned, and whether each replaces the value before.
fn assignments<'t>(text: &'t str, name: &'t str) -> impl Iterator<Item = (usize, bool)> + 't {
    text::lines(text).filter_map(move |(offset, line)| {
        let body = line.trim_start_matches([' ', '\t']);
        let rest = body.strip_prefix("export ").unwrap_or(body).strip_prefix(name)?;
        let value = rest.strip_prefix("+=").or_else(|| rest.strip_prefix('='))?;
        Some((offset + line.len() - value.len(), !rest.starts_with('+')))
    })
}

fn last<'t>(text: &'t str, name: &'t str) -> Option<List<'t>> {
    let (at, _) = assignments(text, name).last()?;
    let value = text.get(at..)?;
    let open = value.chars().next()?;
    let (close, start) = match open {
        '(' => (')', at + 1),
        '"' | '\'' => (open, at + 1),
        _ => return unquoted(value, at),
    };
    let inner = text.get(start..)?;
    let length = closing(inner, close)?;
    let content = inner.get(..length)?;
    let words = content.lines().map(|l| l.split('#').next().unwrap_or_default());
    let words = words.flat_map(str::split_whitespace).map(|w| w.trim_matches(['"', '\''])).collect();
    let end = start + length;
    Some(List { words, insert: str::to_owned, at: (end, end) })
}

/// `NAME=word`, which needs quotes once it has two.
fn unquoted(value: &str, at: usize) -> Option<List<'_>> {
    let length = value.find(|c: char| c.is_whitespace() || c == ';').unwrap_or(value.len());
    let word = value.get(..length)?;
    if !word.is_empty() {
        return None;
    }
    Some(List { words: Vec::new(), insert: |words| format!("\"{words}\""), at: (at, at) })
}

/// Where the list ends; a comment within it may hold its closing character.
fn closing(inner: &str, close: char) -> Option<usize> {
    let mut comment = false;
    for (at, c) in inner.char_indices() {
        match c {
            '\n' => comment = false,
            '#' if close == ')' => comment = true,
            c if c == close && !comment => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_into_the_list_once() {
        for (text, want) in [
            ("A=()\n", "A=(x y)\n"),
            ("A=\"\"\n", "A=\"x y\"\n"),
            ("A=\n", "A=\"x y\"\n"),
            ("# A=(no)\nA=(b x)\n", "# A=(no)\nA=(b x y)\n"),
            ("A=\"b\"\nB=\"c\"", "A=\"b x y\"\nB=\"c\""),
            ("A='b' # it's\n", "A='b x y' # it's\n"),
            ("A=(b # the first (b)\n  c\n)\n", "A=(b # the first (b)\n  c\nx y)\n"),
            ("A=(a)\nA+=(y)\n", "A=(a)\nA+=(y x)\n"),
            ("A=\"y x\"\n", "A=\"y x\"\n"),
        ] {
            let after = with_words(text, "A", &["x", "y"]).unwrap();
            assert_eq!(after, want);
            assert_eq!(with_words(&after, "A", &["x", "y"]).unwrap(), after, "not idempotent");
        }
        for none in ["", "AB=(a)\n", "A=(open\n", "A=b\n", "A=$(cmd)\n"] {
            assert_eq!(with_words(none, "A", &["x"]), None, "{none}");
        }
        assert!(same("virtio-net", "virtio_net") && assigns(" A=(x)", "A") && !assigns("A+=(x)", "A"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "(A|=|\\+|\\(|\\)|\"|'|#|ä|b|\n| ){0,30}") {
            with_words(&text, "A", &["x"]);
        }
    }
}
