//! Which label a path has: `file_contexts` of a policy, as selabel_file(5) and libselinux' label_file.c read it.

use regex_lite::RegexBuilder;

use crate::error::Result;
use crate::guest::{FileKind, Guest};
use crate::linux::text::TextFile;

/// Largest program of one expression, in bytes. Those of policies have a few kilobytes.
const MAX_EXPRESSION: usize = 1 << 20;
/// Label of paths that have none.
const NONE: &str = "<<none>>";

/// A line of `file_contexts`.
struct Spec {
    expression: String,
    /// Literal beginning of every path that it fits.
    stem: String,
    kind: Option<FileKind>,
    label: String,
    exact: bool,
}

/// All lines of a policy.
pub(super) struct Contexts {
    specs: Vec<Spec>,
    /// Directories that are labelled as others are.
    aliases: Vec<(String, String)>,
}

/// What a policy says of a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Its label.
    Label(String),
    /// No label.
    None,
    /// That cannot be told.
    Unknown,
}

impl Contexts {
    /// Reads the files of `policy`; `None` if there are none.
    ///
    /// # Errors
    /// The guest could not be read.
    pub fn read(guest: &dyn Guest, policy: &str) -> Result<Option<Self>> {
        let base = format!("/etc/selinux/{policy}/contexts/files/file_contexts");
        let Some(main) = TextFile::read(guest, &base)? else { return Ok(None) };
        let more = |ending: &str| -> Result<String> {
            Ok(TextFile::read(guest, &format!("{base}{ending}"))?.map(|f| f.text).unwrap_or_default())
        };
        let texts = [main.text, more(".homedirs")?, more(".local")?];
        let mut specs: Vec<Spec> = texts.iter().flat_map(|text| text.lines()).filter_map(spec).collect();
        // sort_specs of label_file.c: expressions without special characters have the last word.
        specs.sort_by_key(|spec| spec.exact);
        let mut aliases = Vec::new();
        for text in [more(".subs")?, more(".subs_dist")?] {
            for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
                let mut words = line.split_whitespace();
                if let (Some(from), Some(to)) = (words.next(), words.next()) {
                    aliases
                        .push((from.trim_end_matches('/').to_owned(), to.trim_end_matches('/').to_owned()));
                }
            }
        }
        Ok(Some(Self { specs, aliases }))
    }

    /// The label of a path: the last expression that fits.
    pub fn find(&self, path: &str, kind: FileKind) -> Found {
        let path = self.aliased(path);
        let candidates = self.specs.iter().rev().filter(|s| s.kind.is_none_or(|k| k == kind));
        for spec in candidates.filter(|s| path.starts_with(&s.stem)) {
            let anchored = format!("^(?:{})$", spec.expression);
            // pcre's dot, like label_file.c uses it, fits a newline too.
            let built =
                RegexBuilder::new(&anchored).dot_matches_new_line(true).size_limit(MAX_EXPRESSION).build();
            match built {
                Ok(expression) if expression.is_match(&path) => {
                    return if spec.label == NONE { Found::None } else { Found::Label(spec.label.clone()) };
                }
                Ok(_) => {}
                Err(_) => return Found::Unknown,
            }
        }
        Found::None
    }

    fn aliased(&self, path: &str) -> String {
        for (from, to) in &self.aliases {
            if let Some(rest) = path.strip_prefix(from.as_str())
                && (rest.is_empty() || rest.starts_with('/'))
            {
                return format!("{to}{rest}");
            }
        }
        path.to_owned()
    }
}

/// `EXPRESSION [-TYPE] LABEL`.
fn spec(line: &str) -> Option<Spec> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (expression, kind, label) = match words.as_slice() {
        [first, ..] if first.starts_with('#') => return None,
        [expression, label] => (*expression, None, *label),
        [expression, kind, label] => (*expression, Some(kind_of(kind)), *label),
        _ => return None,
    };
    let (stem, exact) = stem(expression);
    Some(Spec { expression: expression.to_owned(), stem, kind, label: label.to_owned(), exact })
}

fn kind_of(kind: &str) -> FileKind {
    match kind {
        "--" => FileKind::File,
        "-d" => FileKind::Directory,
        "-l" => FileKind::Symlink,
        _ => FileKind::Other,
    }
}

/// The literal beginning of an expression, and whether all of it is literal.
fn stem(expression: &str) -> (String, bool) {
    let mut stem = String::new();
    let mut chars = expression.chars().peekable();
    while let Some(c) = chars.next() {
        let literal = match c {
            '\\' => match chars.next() {
                Some(escaped) if !escaped.is_ascii_alphanumeric() => escaped,
                _ => return (top(expression, stem), false),
            },
            '.' | '^' | '$' | '?' | '*' | '+' | '|' | '[' | '(' | '{' => {
                return (top(expression, stem), false);
            }
            _ => c,
        };
        // A character with a count behind it may be left out.
        if chars.peek().is_some_and(|next| "?*{".contains(*next)) {
            return (top(expression, stem), false);
        }
        stem.push(literal);
    }
    (stem, true)
}

/// An expression of alternatives at its top has no common beginning.
fn top(expression: &str, stem: String) -> String {
    let mut depth = 0_i32;
    for c in expression.chars() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '|' if depth <= 0 => return String::new(),
            _ => {}
        }
    }
    stem
}
