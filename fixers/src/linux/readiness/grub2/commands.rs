//! GRUB's commands, as far as they decide what is started. A command that h2k does not know succeeds and does nothing.

use crate::error::Result;
use crate::facts::BlockDevice;
use crate::linux::readiness::crypttab::Opened;
use crate::linux::readiness::devices::Found;
use crate::linux::readiness::paths::{Place, Volume};
use crate::linux::readiness::script::{Node, parse};
use crate::linux::readiness::{Seen, bls};
use crate::linux::text::TextFile;

use super::{Grub, Item, MAX_STEPS};

/// In place of GRUB's name of a device: the mount point of the file system.
pub(super) const MOUNTED: &str = "mounted:";
/// In place of GRUB's name of a device: what its file system was searched by.
const SEARCHED: &str = "searched:";

impl<'a> Grub<'_, 'a> {
    /// Runs a script; whether its last command succeeded.
    pub(super) fn run(&mut self, nodes: &[Node]) -> Result<bool> {
        let mut status = true;
        for node in nodes {
            if self.next.is_some() {
                break;
            }
            status = match node {
                Node::Command(words) => self.command(words)?,
                Node::If(branches, otherwise) => self.branch(branches, otherwise)?,
                Node::Block(head, body) => self.block(head, body)?,
            };
        }
        Ok(status)
    }

    fn branch(&mut self, branches: &[(Vec<Node>, Vec<Node>)], otherwise: &[Node]) -> Result<bool> {
        for (condition, body) in branches {
            if self.run(condition)? {
                return self.run(body);
            }
        }
        self.run(otherwise)
    }

    fn block(&mut self, head: &[String], body: &[Node]) -> Result<bool> {
        let words: Vec<String> = head.iter().map(|w| self.expand(w)).collect();
        let title = words.get(1).cloned().unwrap_or_default();
        let id = words.iter().skip_while(|w| *w != "--id").nth(1).cloned();
        let id = id.or_else(|| words.iter().find_map(|w| w.strip_prefix("--id=").map(str::to_owned)));
        let (id, body) = (id.unwrap_or_default(), body.to_vec());
        match words.first().map(String::as_str) {
            Some("menuentry") => self.items.push(Item::Entry { title, id, body }),
            Some("submenu") => self.items.push(Item::Submenu { title, id, body }),
            Some(_) => {}
            None => return self.run(&body),
        }
        Ok(true)
    }

    fn command(&mut self, words: &[String]) -> Result<bool> {
        let words: Vec<String> = words.iter().map(|w| self.expand(w)).collect();
        let Some((name, arguments)) = words.split_first() else { return Ok(true) };
        match name.as_str() {
            "set" => arguments.first().map(|a| self.assign(a)).unwrap_or_default(),
            "unset" => drop(arguments.first().map(|a| self.env.remove(a))),
            "[" | "test" => return self.test(arguments.strip_suffix(&["]".to_owned()]).unwrap_or(arguments)),
            "search" => return Ok(self.search(arguments)),
            "search.fs_uuid" | "search.fs_label" => {
                let kind = if name == "search.fs_uuid" { "UUID" } else { "LABEL" };
                let [value, rest @ ..] = arguments else { return Ok(true) };
                let variable = rest.first().map_or("root", String::as_str);
                return Ok(self.searched(kind, value, variable));
            }
            "load_env" => self.load_env(arguments)?,
            "configfile" | "normal" => self.next = arguments.first().cloned(),
            "source" | "." => self.source(arguments)?,
            "blscfg" => self.blscfg()?,
            "linux" | "linux16" | "linuxefi" => {
                let [path, rest @ ..] = arguments else { return Ok(true) };
                self.load.kernel = Some(self.place(path)?);
                self.load.arguments = rest.join(" ");
            }
            "initrd" | "initrd16" | "initrdefi" => {
                for path in arguments.iter().filter(|p| !p.is_empty() && !p.starts_with("--")) {
                    let place = self.place(path)?;
                    self.load.initramfs.push(place);
                }
            }
            "false" | "fwsetup" | "keystatus" => return Ok(false),
            _ if name.contains('=') && !name.starts_with('=') => self.assign(name),
            _ => {}
        }
        Ok(true)
    }

    fn assign(&mut self, text: &str) {
        if let Some((name, value)) = text.split_once('=') {
            self.env.insert(name.to_owned(), value.to_owned());
        }
    }

    /// A word with its variables replaced. A variable that is not set is empty.
    pub(super) fn expand(&mut self, word: &str) -> String {
        let mut out = String::new();
        let mut rest = word;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            let braced = after.strip_prefix('{').and_then(|a| a.split_once('}'));
            let plain = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            let (name, behind) = match braced {
                Some((name, behind)) => (name, behind),
                None => after.split_at(plain),
            };
            let value = if name.starts_with("feature_") { "y" } else { self.env.get(name).map_or("", |v| v) };
            match self.left.checked_sub(value.len()) {
                Some(left) => {
                    self.left = left;
                    out.push_str(value);
                }
                None => self.left = 0,
            }
            rest = behind;
        }
        out.push_str(rest);
        out
    }

    fn test(&self, words: &[String]) -> Result<bool> {
        if let Some(at) = words.iter().position(|w| w == "-o") {
            let (left, right) = words.split_at(at);
            return Ok(self.test(left)? || self.test(right.get(1..).unwrap_or_default())?);
        }
        if let Some(at) = words.iter().position(|w| w == "-a") {
            let (left, right) = words.split_at(at);
            return Ok(self.test(left)? && self.test(right.get(1..).unwrap_or_default())?);
        }
        let texts: Vec<&str> = words.iter().map(String::as_str).collect();
        Ok(match texts.as_slice() {
            ["!", ..] => !self.test(words.get(1..).unwrap_or_default())?,
            [] => false,
            [one] | ["-n", one] => !one.is_empty(),
            ["-z", one] => one.is_empty(),
            ["-f" | "-e" | "-d", path] => {
                let (volume, path) = self.split(path);
                self.seen.is_on(&volume, path)?
            }
            ["-s", path] => matches!(self.place(path)?, Place::There(_)),
            [left, "=" | "==" | "-eq", right] => left == right,
            [left, "!=" | "-ne", right] => left != right,
            _ => true,
        })
    }

    /// `search [--fs-uuid|--label|--file] [--set[=]VARIABLE] [--hint…] NAME`.
    fn search(&mut self, arguments: &[String]) -> bool {
        let (mut kind, mut variable, mut names) = ("FILE", None, Vec::new());
        let mut words = arguments.iter().map(String::as_str).peekable();
        while let Some(word) = words.next() {
            match word {
                "--fs-uuid" | "-u" => kind = "UUID",
                "--label" | "--fs-label" | "-l" => kind = "LABEL",
                "--set" | "-s" => variable = words.next_if(|w| !w.starts_with('-')),
                "--hint" | "-h" => drop(words.next()),
                _ if word.starts_with("--set=") => variable = word.strip_prefix("--set="),
                _ if word.starts_with('-') => {}
                _ => names.push(word),
            }
        }
        // `--set` may stand alone before the name.
        let (name, variable) = match (names.first(), variable) {
            (Some(name), variable) => (*name, variable.unwrap_or("root")),
            (None, Some(name)) => (name, "root"),
            (None, None) => return false,
        };
        if kind == "FILE" {
            self.env.insert(variable.to_owned(), String::new());
            return true;
        }
        let (name, variable) = (name.to_owned(), variable.to_owned());
        self.searched(kind, &name, &variable)
    }

    fn searched(&mut self, kind: &str, value: &str, variable: &str) -> bool {
        let spec = format!("{kind}={value}");
        if let Found::Missing(_) = self.seen.device(&spec, &Opened::default()) {
            if !self.lost.contains(&spec) {
                self.lost.push(spec);
            }
            return false;
        }
        self.env.insert(variable.to_owned(), format!("{SEARCHED}{spec}"));
        true
    }

    /// GRUB's environment block, beside its configuration unless it is named.
    fn load_env(&mut self, arguments: &[String]) -> Result<()> {
        let named = arguments.iter().skip_while(|a| !matches!(a.as_str(), "-f" | "--file")).nth(1).cloned();
        let path = named.unwrap_or_else(|| self.expand("$prefix/grubenv"));
        let Place::There(path) = self.place(&path)? else { return Ok(()) };
        let Some(file) = TextFile::read(self.seen.guest, &path)? else { return Ok(()) };
        for line in file.text.lines().filter(|l| !l.starts_with('#')) {
            self.assign(line);
        }
        Ok(())
    }

    fn source(&mut self, arguments: &[String]) -> Result<()> {
        let Some(path) = arguments.first() else { return Ok(()) };
        let Place::There(path) = self.place(path)? else { return Ok(()) };
        if self.depth >= MAX_STEPS {
            return Ok(());
        }
        if let Some(file) = TextFile::read(self.seen.guest, &path)? {
            self.depth += 1;
            self.run(&parse(&file.text))?;
            self.depth -= 1;
        }
        Ok(())
    }

    /// Fedora's and Red Hat's command: an entry of the menu for each boot entry.
    fn blscfg(&mut self) -> Result<()> {
        for dir in ["/boot/loader/entries", "/boot/efi/loader/entries", "/efi/loader/entries"] {
            let found = bls::entries(self.seen, &[dir.to_owned()])?;
            if !found.is_empty() {
                self.items.extend(found.into_iter().map(|e| Item::Bls(Box::new(e))));
                break;
            }
        }
        Ok(())
    }

    /// The file system of a path, and the path on it.
    pub(super) fn split<'p>(&self, path: &'p str) -> (Volume<'a>, &'p str) {
        match path.strip_prefix('(').and_then(|p| p.split_once(')')) {
            Some((device, path)) => (volume(self.seen, device), path),
            None => (volume(self.seen, self.env.get("root").map_or("", |r| r)), path),
        }
    }
}

/// The file system on a device by GRUB's name (GRUB manual, "Device syntax").
fn volume<'a>(seen: &Seen<'a>, device: &str) -> Volume<'a> {
    let none = Opened::default();
    if let Some(mountpoint) = device.strip_prefix(MOUNTED) {
        let mount = seen.facts.mounts.iter().find(|m| m.mountpoint == mountpoint);
        let on = |b: &&BlockDevice| mount.is_some_and(|m| m.device == b.name);
        return seen.facts.block.iter().find(on).map_or_else(|| seen.any_volume(), |b| seen.volume(b));
    }
    if let Some(spec) = device.strip_prefix(SEARCHED) {
        return seen.volume_of(seen.device(spec, &none));
    }
    if let Some(name) = device.strip_prefix("lvm/") {
        return seen.volume_of(seen.device(&format!("/dev/mapper/{name}"), &none));
    }
    let numbered = device.strip_prefix("hd").and_then(|rest| {
        let (disk, partition) = rest.split_once(',').unwrap_or((rest, ""));
        let partition = partition.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        Some((disk.parse::<usize>().ok()?, partition.parse::<u32>().ok()))
    });
    match numbered {
        Some((disk, partition)) => seen.by_order(disk, partition),
        None => seen.any_volume(),
    }
}
