//! Where the entries of a block mapping stand in the lines of a YAML text.

use std::ops::Range;

/// An entry of a block mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its key, without quotes.
    pub key: String,
    /// Columns before the key.
    pub indent: usize,
    /// Its lines, the first with the key; comments and blank lines behind it are not part of it.
    pub lines: Range<usize>,
}

impl Entry {
    /// The lines below the key.
    pub fn below(&self) -> Range<usize> {
        self.lines.start + 1..self.lines.end
    }
}

/// The entries of the block mapping in these lines.
pub(super) fn entries(lines: &[&str], range: Range<usize>) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    let mut own: Option<usize> = None;
    for index in range {
        let Some(line) = lines.get(index).filter(|line| !is_empty(line)) else { continue };
        let indent = indent(line);
        let own = *own.get_or_insert(indent);
        let item = line.trim_start().starts_with('-');
        match (key(line), found.last_mut()) {
            (Some(key), _) if indent == own && !item => {
                found.push(Entry { key, indent, lines: index..index + 1 });
            }
            (_, Some(last)) => last.lines.end = index + 1,
            _ => {}
        }
    }
    found
}

/// The items of the block sequence in these lines, each with its lines.
pub(super) fn items(lines: &[&str], range: Range<usize>) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut own: Option<usize> = None;
    for index in range {
        let Some(line) = lines.get(index).filter(|line| !is_empty(line)) else { continue };
        let starts = line.trim_start().starts_with('-');
        if starts && indent(line) == *own.get_or_insert(indent(line)) {
            found.push(index..index + 1);
        } else if let Some(last) = found.last_mut() {
            last.end = index + 1;
        }
    }
    found
}

/// Columns of blanks at the start.
pub(super) fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// What stands behind the key on its line, and the comment behind that.
pub(super) fn value(line: &str) -> (&str, &str) {
    let after = after_key(line).map_or("", |(_, after)| after).trim();
    if after.starts_with('#') {
        return ("", after);
    }
    match after.find(" #") {
        Some(at) => (after.get(..at).unwrap_or_default().trim(), after.get(at..).unwrap_or_default().trim()),
        None => (after, ""),
    }
}

fn is_empty(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#') || line == "---"
}

fn key(line: &str) -> Option<String> {
    after_key(line).map(|(key, _)| key.trim().trim_matches(['"', '\'']).to_owned())
}

/// Key and rest: a colon that a blank or the line's end follows. Quoted keys may hold colons, not quotes.
fn after_key(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let quoted = line.chars().next().filter(|c| ['"', '\''].contains(c));
    let from = match quoted {
        Some(quote) => line.get(1..)?.find(quote)? + 2,
        None => 0,
    };
    let colons = line.get(from..)?.match_indices(':').map(|(at, _)| from + at);
    let at = colons
        .into_iter()
        .find(|at| line.get(at + 1..).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t'])))?;
    Some((line.get(..at)?, line.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_end_where_the_next_begins() {
        let text =
            "# c\nnetwork:\n  version: 2\n\n  ethernets: # e\n    \"a:b\":\n    - x\n      # y\n\nother: 1\n";
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let top = entries(&lines, 0..lines.len());
        assert_eq!(
            top.iter().map(|e| (e.key.as_str(), e.lines.clone())).collect::<Vec<_>>(),
            [("network", 1..7), ("other", 9..10)]
        );
        let inner = entries(&lines, top[0].below());
        assert_eq!(inner.iter().map(|e| e.key.as_str()).collect::<Vec<_>>(), ["version", "ethernets"]);
        let ids = entries(&lines, inner[1].below());
        assert_eq!((ids[0].key.as_str(), ids[0].lines.clone()), ("a:b", 5..7));
        assert_eq!(value(lines[4]), ("", "# e"));
        assert_eq!(value("  a: {b: c} # d\n"), ("{b: c}", "# d"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "([ ]{0,4}|- |[a-zä]{0,3}|:|\"|#|\n|\\{|\\}){0,40}") {
            let lines: Vec<&str> = text.split_inclusive('\n').collect();
            for entry in entries(&lines, 0..lines.len()) {
                entries(&lines, entry.below());
                items(&lines, entry.below());
            }
            lines.iter().for_each(|line| { value(line); });
        }
    }
}
