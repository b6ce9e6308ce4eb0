//! Units of systemd, enabled, disabled and masked as systemctl(1) does it: by links in /etc/systemd/system.

use crate::edit::Content;
use crate::error::Result;
use crate::guest::{self, FileKind, Guest};
use crate::{Change, Edit};

use super::text::TextFile;

const DIR: &str = "/etc/systemd/system";
const MASK: &str = "/dev/null";
/// Where unit files lie, the strongest first (systemd.unit(5)).
const UNIT_DIRS: [&str; 4] =
    [DIR, "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
/// Targets and aliases that are taken of one unit: units have a handful.
const MAX_LINKS: usize = 32;

/// Units that are changed for one reason on behalf of one fixer.
pub(crate) struct Units<'a> {
    /// The guest.
    pub guest: &'a dyn Guest,
    /// Id of the fixer.
    pub fixer: &'a str,
    /// Why.
    pub reason: &'a str,
}

impl Units<'_> {
    fn edit(&self, change: Change) -> Edit {
        Edit::new(self.fixer, self.reason, change)
    }

    fn link_at(&self, path: &str) -> Result<Option<String>> {
        match self.guest.lstat(path)?.map(|stat| stat.kind) {
            Some(FileKind::Symlink) => self.guest.readlink(path).map(Some),
            _ => Ok(None),
        }
    }

    /// Whether `unit` is masked.
    ///
    /// # Errors
    /// The guest could not be read.
    pub fn is_masked(&self, unit: &str) -> Result<bool> {
        Ok(self.link_at(&guest::join(DIR, unit))?.as_deref() == Some(MASK))
    }

    /// Edits that keep `unit` from starting. A unit whose file is where the mask would be is disabled. A name that is
    /// none yields nothing: it comes from the guest.
    ///
    /// # Errors
    /// The guest could not be read.
    pub fn mask(&self, unit: &str) -> Result<Vec<Edit>> {
        if !is_unit_name(unit) {
            return Ok(Vec::new());
        }
        let path = guest::join(DIR, unit);
        let before = self.link_at(&path)?;
        if before.is_none() && self.guest.exists(&path)? {
            return self.disable(unit);
        }
        if before.as_deref() == Some(MASK) {
            return Ok(Vec::new());
        }
        Ok(vec![self.edit(Change::Symlink { path, before, target: MASK.to_owned() })])
    }

    /// Edits that remove the links which start `unit`.
    ///
    /// # Errors
    /// The guest could not be read.
    pub fn disable(&self, unit: &str) -> Result<Vec<Edit>> {
        let mut edits = Vec::new();
        for name in self.guest.list(DIR)?.unwrap_or_default() {
            let path = guest::join(DIR, &name);
            let (path, alias) = if name.ends_with(".wants") || name.ends_with(".requires") {
                (guest::join(&path, unit), false)
            } else {
                (path, true)
            };
            let Some(target) = self.link_at(&path)? else { continue };
            // A link of another name is an alias; one of its own name, to a unit file elsewhere, is the unit itself.
            let its = target.rsplit('/').next() == Some(unit) && name != unit;
            if !alias || its {
                let before = Content::Text(target);
                edits.push(self.edit(Change::Remove { path, before }));
            }
        }
        Ok(edits)
    }

    /// Edits that start `unit` at boot, as its file asks for; `None` if there is no such unit, or it asks for nothing.
    ///
    /// # Errors
    /// The guest could not be read.
    pub fn enable(&self, unit: &str) -> Result<Option<Vec<Edit>>> {
        let mut edits = Vec::new();
        let own = guest::join(DIR, unit);
        let masked = self.link_at(&own)?.filter(|target| target == MASK);
        if let Some(target) = &masked {
            let before = Content::Text(target.clone());
            edits.push(self.edit(Change::Remove { path: own, before }));
        }
        let Some((path, text)) = self.unit_file(unit, masked.is_some())? else { return Ok(None) };
        let install = install(&text);
        if install.is_empty() {
            return Ok(None);
        }
        for (directory, name) in install {
            let name = name.unwrap_or_else(|| unit.to_owned());
            let link = guest::join(&guest::join(DIR, &directory), &name);
            if is_unit_name(&name) && !self.guest.exists(&link)? {
                edits.push(self.edit(Change::Symlink { path: link, before: None, target: path.clone() }));
            }
        }
        Ok(Some(edits))
    }

    fn unit_file(&self, unit: &str, masked: bool) -> Result<Option<(String, String)>> {
        let template = unit
            .split_once('@')
            .and_then(|(stem, rest)| Some(format!("{stem}@.{}", rest.rsplit_once('.')?.1)));
        for dir in UNIT_DIRS.iter().skip(usize::from(masked)) {
            for name in [Some(unit.to_owned()), template.clone()].into_iter().flatten() {
                let path = guest::join(dir, &name);
                if let Some(file) = TextFile::read(self.guest, &path)? {
                    return Ok(Some((path, file.text)));
                }
            }
        }
        Ok(None)
    }
}

/// What `[Install]` asks for: directory below [`DIR`] and name of the link where it is not the unit's own.
fn install(text: &str) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[Install]";
        }
        let Some((key, value)) = line.split_once('=').filter(|_| inside) else { continue };
        for name in value.split_whitespace().filter(|name| is_unit_name(name)) {
            found.extend(match key.trim() {
                "WantedBy" => Some((format!("{name}.wants"), None)),
                "RequiredBy" => Some((format!("{name}.requires"), None)),
                "Alias" => Some((String::new(), Some(name.to_owned()))),
                _ => None,
            });
        }
    }
    found.truncate(MAX_LINKS);
    found
}

/// systemd.unit(5): letters, digits and `:-_.\@`, and a suffix; 255 characters.
pub(crate) fn is_unit_name(unit: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    unit.len() <= 255 && !unit.starts_with('.') && unit.contains('.') && unit.chars().all(plain)
}
