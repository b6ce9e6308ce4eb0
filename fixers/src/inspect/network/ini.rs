//! Sections of `KEY=VALUE` lines, as systemd.syntax(7) and NetworkManager's keyfiles have them.

/// A section; files may have several of one name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Section {
    /// Name between the brackets.
    pub(super) name: String,
    /// Keys and values, in order; a key may come more than once.
    pub(super) entries: Vec<(String, String)>,
}

/// The sections of a file, in order. Lines outside of a section and lines without `=` are passed over.
pub(super) fn parse(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            sections.push(Section { name: name.to_owned(), entries: Vec::new() });
        } else if let (Some(section), Some((key, value))) = (sections.last_mut(), line.split_once('=')) {
            section.entries.push((key.trim().to_owned(), value.trim().to_owned()));
        }
    }
    sections
}

/// All values of a key in all sections of one of the names, in order.
pub(super) fn values<'a>(
    sections: &'a [Section],
    names: &'a [&str],
    key: &'a str,
) -> impl Iterator<Item = &'a str> {
    sections
        .iter()
        .filter(move |s| names.contains(&s.name.as_str()))
        .flat_map(|s| &s.entries)
        .filter(move |(k, _)| k == key)
        .map(|(_, value)| value.as_str())
}
