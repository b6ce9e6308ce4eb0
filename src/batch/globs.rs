//! The paths that a batch file's globs match. The directories are walked here: bounded, sorted, and never out of the
//! directory that a glob starts at.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};

/// Most names that one glob looks at. A store with more is named more closely.
const MAX_LOOKED: usize = 1_000_000;

/// Deepest directory that `**` goes into.
const MAX_DEPTH: usize = 32;

/// As a shell has it: `*` is within one name, and names with a dot in front are hidden.
const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// The paths that the absolute `pattern` matches, sorted.
///
/// # Errors
/// It is no pattern; a directory cannot be read; a match leads out of the directory that the pattern starts at.
pub fn matches(pattern: &str) -> Result<Vec<PathBuf>, String> {
    let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let literal = parts.iter().take_while(|part| !part.contains(['*', '?', '[']) || is_escaped(part)).count();
    // The last part is what is looked for, also where it is plain.
    let literal = literal.min(parts.len().saturating_sub(1));
    let (start, rest) = parts.split_at(literal);
    let start: PathBuf = std::iter::once("/".to_owned()).chain(start.iter().map(|p| unescaped(p))).collect();
    let rest = rest.iter().map(|part| compiled(part)).collect::<Result<Vec<_>, _>>()?;
    if !start.exists() {
        return Ok(Vec::new());
    }
    let root = fs::canonicalize(&start).map_err(|e| format!("{}: {e}", start.display()))?;
    let mut walk = Walk { root, looked: 0, found: Vec::new() };
    walk.step(&start, &rest, 0)?;
    walk.found.sort();
    walk.found.dedup();
    Ok(walk.found)
}

/// One part of a pattern.
enum Part {
    Any,
    One(Pattern),
}

fn compiled(part: &str) -> Result<Part, String> {
    match part {
        "**" => Ok(Part::Any),
        ".." => Err("a glob does not lead upwards".to_owned()),
        _ => Pattern::new(part).map(Part::One).map_err(|e| format!("{part:?} is no pattern: {}", e.msg)),
    }
}

/// Whether a part only holds `[*]` and the like: a directory's own name.
fn is_escaped(part: &str) -> bool {
    let plain = ["[[]", "[]]", "[*]", "[?]"].iter().fold(part.to_owned(), |text, c| text.replace(c, ""));
    !plain.contains(['*', '?', '[', ']'])
}

fn unescaped(part: &str) -> String {
    if !is_escaped(part) {
        return part.to_owned();
    }
    [("[[]", "\u{1}"), ("[]]", "]"), ("[*]", "*"), ("[?]", "?"), ("\u{1}", "[")]
        .iter()
        .fold(part.to_owned(), |text, (from, to)| text.replace(from, to))
}

struct Walk {
    /// Where the pattern starts, without links.
    root: PathBuf,
    looked: usize,
    found: Vec<PathBuf>,
}

impl Walk {
    fn step(&mut self, dir: &Path, parts: &[Part], depth: usize) -> Result<(), String> {
        let Some((first, rest)) = parts.split_first() else { return Ok(()) };
        if let Part::Any = first {
            self.step(dir, rest, depth)?;
        }
        for name in self.names(dir)? {
            let path = dir.join(&name);
            match first {
                // Links are not followed: they may lead round in circles.
                Part::Any => {
                    let plain = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir());
                    if plain && !name.starts_with('.') && depth < MAX_DEPTH {
                        self.step(&path, parts, depth + 1)?;
                    }
                }
                Part::One(pattern) if pattern.matches_with(&name, OPTIONS) => {
                    self.within(&path)?;
                    match rest {
                        [] => self.found.push(path),
                        _ if path.is_dir() => self.step(&path, rest, depth)?,
                        _ => {}
                    }
                }
                Part::One(_) => {}
            }
        }
        Ok(())
    }

    /// The names in a directory, sorted. A name that is no UTF-8 can stand in no batch file and matches nothing.
    fn names(&mut self, dir: &Path) -> Result<Vec<String>, String> {
        let failed = |e: io::Error| format!("reading {}: {e}", dir.display());
        let mut names = Vec::new();
        for entry in fs::read_dir(dir).map_err(failed)? {
            self.looked += 1;
            if self.looked > MAX_LOOKED {
                return Err(format!(
                    "more than {MAX_LOOKED} names are looked at: name the directory more closely"
                ));
            }
            names.extend(entry.map_err(failed)?.file_name().into_string());
        }
        names.sort();
        Ok(names)
    }

    /// # Errors
    /// A link leads out of the directory that the pattern starts at.
    fn within(&self, path: &Path) -> Result<(), String> {
        let real = fs::canonicalize(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let plain = real.components().all(|part| !matches!(part, Component::ParentDir));
        if plain && real.starts_with(&self.root) {
            return Ok(());
        }
        Err(format!(
            "{} leads out of {} through a link: name it as source",
            path.display(),
            self.root.display()
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::Builder::new().prefix("a[b]").tempdir().unwrap();
        for path in ["x/a.vmx", "x/b.vmx", "x/.hidden.vmx", "y/deep/c.vmx", "y/d.ova", "z.vmx"] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        dir
    }

    fn found(dir: &tempfile::TempDir, pattern: &str) -> Vec<String> {
        let escaped = Pattern::escape(dir.path().to_str().unwrap());
        let found = matches(&format!("{escaped}/{pattern}")).unwrap();
        let shown = |p: &PathBuf| p.strip_prefix(dir.path()).unwrap().to_str().unwrap().to_owned();
        found.iter().map(shown).collect()
    }

    #[test]
    fn patterns_match_as_in_a_shell() {
        let dir = tree();
        for (pattern, expected) in [
            ("*.vmx", vec!["z.vmx"]),
            ("*/*.vmx", vec!["x/a.vmx", "x/b.vmx"]),
            ("x/[ab].vmx", vec!["x/a.vmx", "x/b.vmx"]),
            ("x/?.vmx", vec!["x/a.vmx", "x/b.vmx"]),
            ("**/*.vmx", vec!["x/a.vmx", "x/b.vmx", "y/deep/c.vmx", "z.vmx"]),
            ("y/d.ova", vec!["y/d.ova"]),
            ("*", vec!["x", "y", "z.vmx"]),
            ("*.ova", vec![]),
            ("nowhere/*.vmx", vec![]),
        ] {
            assert_eq!(found(&dir, pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn a_link_leads_nowhere_else() {
        let dir = tree();
        symlink("x", dir.path().join("also")).unwrap();
        symlink(".", dir.path().join("y/round")).unwrap();
        assert_eq!(found(&dir, "also/a*"), ["also/a.vmx"]);
        assert_eq!(found(&dir, "y/**/c.vmx"), ["y/deep/c.vmx"]);
        symlink("/etc", dir.path().join("x/out")).unwrap();
        let escaped = Pattern::escape(dir.path().to_str().unwrap());
        let message = matches(&format!("{escaped}/*/*")).unwrap_err();
        assert!(message.contains("/out leads out of") && message.ends_with("name it as source"), "{message}");
    }
}
