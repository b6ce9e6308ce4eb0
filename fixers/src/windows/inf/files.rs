//! `CopyFiles`, `DestinationDirs`, `SourceDisksFiles` and `SourceDisksNames` (Microsoft's pages of these names).

use super::error::Fault;
use super::lexer::Section;
use super::number::{integer, word};
use super::place::{Directory, Place};
use super::resolver::{Failure, Resolver};
use super::types::CopyFile;

impl Resolver<'_> {
    /// What the CopyFiles directives of a section copy.
    pub(super) fn copy_files(&mut self, section: &Section) -> Result<Vec<CopyFile>, Failure> {
        let mut files = Vec::new();
        let sections = self.sections;
        for (name, line) in self.named(section, "CopyFiles") {
            if let Some(file) = name.strip_prefix('@') {
                self.keep(line)?;
                let (directory, below) = self.destination("DefaultDestDir", &section.name, line)?;
                files.push(self.copied(file, "", directory, &below, 0, line));
                continue;
            }
            let list = sections.find(&name).ok_or_else(|| (line, Fault::Missing(name.clone())))?;
            self.visit(list)?;
            if list.lines.is_empty() {
                continue;
            }
            let (directory, below) = self.destination(&name, &name, line)?;
            for line in &list.lines {
                self.keep(line.number)?;
                let flags = word("a flag of CopyFiles", &self.text(line.value(3)));
                let flags = flags.map_err(|fault| (line.number, fault))?;
                let (to, from) = (self.text(line.value(0)), self.text(line.value(1)));
                files.push(self.copied(&to, &from, directory, &below, flags, line.number));
            }
        }
        Ok(files)
    }

    /// Files that `[SourceDisksFiles]` lists: name, directory, line.
    pub(super) fn listed_files(&self) -> Vec<(String, String, u32)> {
        let mut listed: Vec<_> = self
            .sources
            .values()
            .map(|line| {
                let name = self.text(line.key.as_deref().unwrap_or_else(|| line.value(0)));
                (name.clone(), self.source_dir(&name), line.number)
            })
            .collect();
        listed.sort_by_key(|(_, _, line)| *line);
        listed
    }

    fn copied(
        &self,
        to: &str,
        from: &str,
        directory: Directory,
        below: &str,
        flags: u32,
        line: u32,
    ) -> CopyFile {
        let source = if from.is_empty() { to } else { from };
        // The name may have directories of its own.
        let (own, name) = to.rsplit_once('\\').unwrap_or(("", to));
        let below = [below, own].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\\");
        CopyFile {
            source: source.to_owned(),
            source_dir: self.source_dir(source),
            place: Place { directory, below, name: name.to_owned() },
            flags,
            line,
        }
    }

    /// Directory of a section's files: its own entry, else `DefaultDestDir`.
    fn destination(&self, list: &str, section: &str, line: u32) -> Result<(Directory, String), Failure> {
        let own = self.destinations.get(&list.to_lowercase());
        let entry = own.or_else(|| self.destinations.get("defaultdestdir"));
        let entry = entry.ok_or_else(|| (line, Fault::NoDestination(section.to_owned())))?;
        let id = integer("a directory's number", &self.text(entry.value(0)));
        let id = id.map_err(|fault| (entry.number, fault))?;
        Ok((Directory::of(id), self.text(entry.value(1)).trim_matches('\\').to_owned()))
    }

    /// Where a file lies below the INF file: the disk's path, and the file's own.
    fn source_dir(&self, name: &str) -> String {
        let Some(entry) = self.sources.get(&name.to_lowercase()).filter(|line| line.key.is_some()) else {
            return String::new();
        };
        let id = integer("a disk's number", &self.text(entry.value(0))).ok();
        let disk = id.and_then(|id| self.disks.get(&id)).map(|line| self.text(line.value(3)));
        let parts = [disk.unwrap_or_default(), self.text(entry.value(1))];
        let parts = parts.iter().flat_map(|path| path.split(['\\', '/']));
        parts.filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("/")
    }
}
