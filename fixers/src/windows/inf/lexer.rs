//! Sections, lines and fields of an INF file (Microsoft: "General Syntax Rules for INF Files").

use std::collections::HashMap;

use super::error::Fault;
use super::{MAX_FIELD, MAX_LINES, MAX_SECTION_NAME, MAX_SECTIONS};

/// Ends a file wherever it stands, as in the days of DOS.
const CONTROL_Z: char = '\u{1a}';

/// A line of a section, as it stands: quotes are taken off, but `%…%` are not replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Line of the file, from 1, where it begins.
    pub number: u32,
    /// What stands before `=`.
    pub key: Option<String>,
    /// What stands after it, or all of the line, at the commas.
    pub values: Vec<String>,
}

impl Line {
    /// A value; empty where the line has less.
    pub fn value(&self, index: usize) -> &str {
        self.values.get(index).map_or("", String::as_str)
    }

    /// Whether the key is this one, in any case.
    pub fn is(&self, key: &str) -> bool {
        self.key.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(key))
    }
}

/// A section with the lines of all sections of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Name, as it stands where the section first begins.
    pub name: String,
    /// Line of the file, from 1, where it first begins.
    pub line: u32,
    /// Its lines.
    pub lines: Vec<Line>,
}

impl Section {
    /// The first line with a key, in any case.
    pub fn entry(&self, key: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.is(key))
    }
}

/// All sections of a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Sections {
    list: Vec<Section>,
    index: HashMap<String, usize>,
}

impl Sections {
    /// A section by its name, in any case.
    pub(super) fn find(&self, name: &str) -> Option<&Section> {
        self.index.get(&name.trim().to_lowercase()).and_then(|at| self.list.get(*at))
    }

    /// Every section, in the file's order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Section> {
        self.list.iter()
    }

    /// The section of a name, which is made if there is none, by its number.
    fn open(&mut self, name: &str, line: u32) -> Result<usize, Fault> {
        let name = name.trim();
        let key = name.to_lowercase();
        if let Some(at) = self.index.get(&key) {
            return Ok(*at);
        }
        if self.list.len() >= MAX_SECTIONS {
            return Err(Fault::TooManySections);
        }
        self.list.push(Section { name: name.to_owned(), line, lines: Vec::new() });
        self.index.insert(key, self.list.len() - 1);
        Ok(self.list.len() - 1)
    }
}

/// Reads a file's text. What is wrong comes with its line.
pub(super) fn read(text: &str) -> Result<Sections, (u32, Fault)> {
    let mut lexer = Lexer::new(text);
    lexer.sections().map_err(|fault| (lexer.line, fault))
}

/// What a field ends with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Equals,
    Comma,
    Line,
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: u32,
    lines: usize,
}

impl Lexer {
    fn new(text: &str) -> Self {
        let mut chars = Vec::with_capacity(text.len());
        let mut after_return = false;
        for c in text.chars().take_while(|c| *c != CONTROL_Z) {
            match c {
                '\n' if after_return => {}
                '\r' => chars.push('\n'),
                '\0' => chars.push(' '),
                c => chars.push(c),
            }
            after_return = c == '\r';
        }
        Self { chars, at: 0, line: 1, lines: 0 }
    }

    fn sections(&mut self) -> Result<Sections, Fault> {
        let mut sections = Sections::default();
        let mut current = None;
        while let Some(c) = self.peek() {
            match c {
                '\n' => self.end_line(),
                c if c.is_whitespace() => self.at += 1,
                ';' => self.skip_line(),
                '[' => {
                    let line = self.line;
                    current = Some(sections.open(&self.section_name()?, line)?);
                }
                _ => {
                    let line = self.entry()?;
                    let section = current.and_then(|at: usize| sections.list.get_mut(at));
                    section.ok_or(Fault::NoSection)?.lines.push(line);
                }
            }
        }
        Ok(sections)
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn end_line(&mut self) {
        self.at += 1;
        self.line += 1;
    }

    /// To the end of the line, which is not taken.
    fn skip_line(&mut self) {
        while self.peek().is_some_and(|c| c != '\n') {
            self.at += 1;
        }
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(|c| c != '\n' && c.is_whitespace()) {
            self.at += 1;
        }
    }

    /// At `[`. The rest of the line after `]` has no meaning.
    fn section_name(&mut self) -> Result<String, Fault> {
        let rest = self.chars.get(self.at + 1..).unwrap_or_default();
        let end = rest.iter().position(|c| matches!(c, ']' | '\n')).filter(|end| rest[*end] == ']');
        let end = end.ok_or(Fault::OpenSectionName)?;
        if end > MAX_SECTION_NAME {
            return Err(Fault::LongSectionName);
        }
        let name = rest.iter().take(end).collect();
        self.at += end + 2;
        self.skip_line();
        Ok(name)
    }

    fn entry(&mut self) -> Result<Line, Fault> {
        self.lines += 1;
        if self.lines > MAX_LINES {
            return Err(Fault::TooManyLines);
        }
        let mut line = Line { number: self.line, key: None, values: Vec::new() };
        loop {
            let first = line.key.is_none() && line.values.is_empty();
            let (field, end) = self.field(first);
            if field.chars().count() > MAX_FIELD {
                return Err(Fault::LongField);
            }
            match end {
                End::Equals => line.key = Some(field),
                End::Comma | End::Line => line.values.push(field),
            }
            if end == End::Line {
                return Ok(line);
            }
        }
    }

    /// A field without the blanks around it; `first` may end at `=`.
    fn field(&mut self, first: bool) -> (String, End) {
        let mut text = String::new();
        // What lies beyond are blanks that count only if something follows.
        let mut kept = 0;
        self.skip_blanks();
        let end = loop {
            match self.peek() {
                None | Some('\n') => break End::Line,
                Some(';') => {
                    self.skip_line();
                    break End::Line;
                }
                Some(',') => break End::Comma,
                Some('=') if first => break End::Equals,
                Some('"') => self.quoted(&mut text),
                Some('\\') => {
                    if !self.continuation(&mut text, kept) {
                        kept = text.trim_end().len();
                    }
                    continue;
                }
                Some('%') => self.token(&mut text),
                Some(c) => {
                    self.at += 1;
                    text.push(c);
                    if c.is_whitespace() {
                        continue;
                    }
                }
            }
            kept = text.len();
        };
        if end != End::Line {
            self.at += 1;
        }
        text.truncate(kept);
        (text, end)
    }

    /// At `"`. Two quotes in a row are one; the line's end ends it too.
    fn quoted(&mut self, text: &mut String) {
        self.at += 1;
        while let Some(c) = self.peek().filter(|c| *c != '\n') {
            self.at += 1;
            if c == '"' {
                if self.peek() != Some('"') {
                    return;
                }
                self.at += 1;
            }
            text.push(c);
        }
    }

    /// At `\`: whether the line goes on after it. Several at the end of a line count as one, and a comment may follow.
    /// Where the line does not go on, the run of backslashes and blanks is text.
    fn continuation(&mut self, text: &mut String, kept: usize) -> bool {
        let start = self.at;
        while self.peek().is_some_and(|c| c == '\\' || (c != '\n' && c.is_whitespace())) {
            self.at += 1;
        }
        match self.peek() {
            None | Some('\n' | ';') => {
                self.skip_line();
                text.truncate(kept);
                if self.peek().is_some() {
                    self.end_line();
                }
                self.skip_blanks();
                true
            }
            Some(_) => {
                text.extend(self.chars.get(start..self.at).unwrap_or_default());
                false
            }
        }
    }

    /// At `%`: a `%name%` is one thing, whatever stands in it.
    fn token(&mut self, text: &mut String) {
        let rest = self.chars.get(self.at + 1..).unwrap_or_default();
        let end = rest.iter().position(|c| matches!(c, '%' | '\n' | '"' | ',' | '='));
        let len = end.filter(|end| rest.get(*end) == Some(&'%')).map_or(1, |end| end + 2);
        text.extend(self.chars.get(self.at..self.at + len).unwrap_or_default());
        self.at += len;
    }
}
