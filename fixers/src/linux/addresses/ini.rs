//! Files of sections that are changed by whole lines: what is not dropped stays byte for byte.

/// A section with its lines, each with its end. What comes before the first header is a section without one.
#[derive(Debug, Default)]
pub(super) struct Section {
    header: String,
    /// Name between the brackets.
    pub name: String,
    lines: Vec<String>,
}

/// A file.
#[derive(Debug)]
pub(super) struct Ini(Vec<Section>);

impl Ini {
    pub fn parse(text: &str) -> Self {
        let mut sections = vec![Section::default()];
        for line in text.split_inclusive('\n') {
            let name = line.trim().strip_prefix('[').and_then(|l| l.strip_suffix(']'));
            if let Some(name) = name {
                let (header, name) = (line.to_owned(), name.to_owned());
                sections.push(Section { header, name, lines: Vec::new() });
            } else if let Some(section) = sections.last_mut() {
                section.lines.push(line.to_owned());
            }
        }
        Self(sections)
    }

    /// Values of a key in all sections of a name.
    pub fn values<'a>(&'a self, section: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
        let sections = self.0.iter().filter(move |s| s.name == section);
        sections.flat_map(move |s| s.values(key))
    }

    /// Whether there is a section of this name.
    pub fn has(&self, section: &str) -> bool {
        self.0.iter().any(|s| s.name == section)
    }

    /// Drops entries from the sections of a name.
    pub fn drop(&mut self, section: &str, gone: impl Fn(&str, &str) -> bool) {
        for section in self.0.iter_mut().filter(|s| s.name == section) {
            section.lines.retain(|line| !entry(line).is_some_and(|(key, value)| gone(key, value)));
        }
    }

    /// Drops sections.
    pub fn drop_sections(&mut self, gone: impl Fn(&Section) -> bool) {
        self.0.retain(|section| section.header.is_empty() || !gone(section));
    }

    /// Puts lines at the start of the first section of a name, which is made if there is none.
    pub fn insert(&mut self, section: &str, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        if !self.has(section) {
            self.append(section);
        }
        let Some(section) = self.0.iter_mut().find(|s| s.name == section) else { return };
        if !section.header.ends_with('\n') {
            section.header.push('\n');
        }
        section.lines.splice(0..0, lines.iter().map(|line| format!("{line}\n")));
    }

    fn append(&mut self, name: &str) {
        let empty = self.0.iter().all(|s| s.header.is_empty() && s.lines.is_empty());
        if let Some(last) = self.0.last_mut() {
            let end = last.lines.last_mut().unwrap_or(&mut last.header);
            if !end.is_empty() && !end.ends_with('\n') {
                end.push('\n');
            }
        }
        let header = if empty { format!("[{name}]\n") } else { format!("\n[{name}]\n") };
        self.0.push(Section { header, name: name.to_owned(), lines: Vec::new() });
    }
}

impl Section {
    /// Values of a key.
    pub fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter_map(|l| entry(l)).filter(move |(k, _)| *k == key).map(|(_, value)| value)
    }
}

impl std::fmt::Display for Ini {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for section in &self.0 {
            f.write_str(&section.header)?;
            section.lines.iter().try_for_each(|line| f.write_str(line))?;
        }
        Ok(())
    }
}

/// Key and value of a line that is no comment.
fn entry(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if line.starts_with(['#', ';']) {
        return None;
    }
    let (key, value) = line.split_once('=')?;
    Some((key.trim(), value.trim()))
}
