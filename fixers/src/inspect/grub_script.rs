//! Where GRUB's configuration leads on to: `configfile` and `source` to another configuration, `load_env -f` to a file
//! of variables (GRUB manual, "configfile", "source", "load_env", "search").
//!
//! A stub on the EFI system partition only finds the file system that holds the real configuration and reads it there.
//! The script is not run: its commands are taken one after the other, all branches alike, which is enough for what
//! distributions write.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::facts::{BlockDevice, GuestFacts, Mount};
use crate::guest::{self, FileKind, Guest};
use crate::linux::shell::{Token, tokens};

use super::text;

/// Configuration files that are followed in one guest: a stub, what it leads to, and what that reads.
const MAX_FILES: usize = 64;
/// Longest value of a variable, in bytes: doubling a variable in each line must not make it grow for ever.
const MAX_VALUE: usize = 4096;

/// What was led to, by paths in the guest.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Led {
    /// Further configuration files.
    pub(super) configurations: Vec<String>,
    /// Files of variables.
    pub(super) environments: Vec<String>,
}

/// Follows every one of these configuration files.
///
/// # Errors
/// The guest could not be read.
pub(super) fn follow(guest: &dyn Guest, facts: &GuestFacts, files: &[String]) -> Result<Led> {
    let mut led = Led::default();
    let mut todo: Vec<(String, Variables)> =
        files.iter().rev().map(|f| (f.clone(), Variables::default())).collect();
    let mut seen = files.to_vec();
    let mut left = MAX_FILES;
    while let Some((file, variables)) = todo.pop() {
        left = left.saturating_sub(1);
        if left == 0 {
            break;
        }
        let Some(text) = text::config(guest, &file)? else { continue };
        let mut script = Script { variables, leads: Vec::new() };
        script.run(&text);
        let Script { variables, leads } = script;
        for (kind, path) in leads {
            let Some(found) = first_file(guest, &places(facts, &variables, &path))? else { continue };
            match kind {
                Lead::Environment if !led.environments.contains(&found) => led.environments.push(found),
                Lead::Configuration if !seen.contains(&found) => {
                    seen.push(found.clone());
                    led.configurations.push(found.clone());
                    todo.push((found, variables.clone()));
                }
                _ => {}
            }
        }
    }
    Ok(led)
}

fn first_file(guest: &dyn Guest, paths: &[String]) -> Result<Option<String>> {
    for path in paths {
        if text::stat(guest, path)?.is_some_and(|s| s.kind == FileKind::File) {
            return Ok(Some(path.clone()));
        }
    }
    Ok(None)
}

type Variables = BTreeMap<String, String>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lead {
    Configuration,
    Environment,
}

struct Script {
    variables: Variables,
    leads: Vec<(Lead, String)>,
}

impl Script {
    fn run(&mut self, text: &str) {
        // Line by line: an apostrophe that is left open ends with its line.
        for line in text.lines() {
            let mut words: Vec<String> = Vec::new();
            for token in tokens(line, 0).0 {
                match token {
                    Token::Word(word) => words.push(self.expand(&word.text)),
                    Token::End => self.command(&std::mem::take(&mut words)),
                }
            }
            self.command(&words);
        }
    }

    fn command(&mut self, words: &[String]) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["set", assignment, ..] => self.set(assignment),
            ["search" | "search.fs_uuid" | "search.fs_label" | "search.file", rest @ ..] => {
                self.search(words.first().copied().unwrap_or_default(), rest);
            }
            ["configfile" | "source" | "." | "normal" | "extract_entries_configfile", path, ..] => {
                self.leads.push((Lead::Configuration, self.at_root(path)));
            }
            ["load_env", "-f" | "--file", path, ..] => {
                self.leads.push((Lead::Environment, self.at_root(path)));
            }
            [keyword, rest @ ..] if ["if", "then", "else", "elif", "{"].contains(keyword) => {
                let rest: Vec<String> = rest.iter().map(|w| (*w).to_owned()).collect();
                self.command(&rest);
            }
            _ => {}
        }
    }

    fn set(&mut self, assignment: &str) {
        if let Some((name, value)) = assignment.split_once('=')
            && value.len() <= MAX_VALUE
        {
            self.variables.insert(name.to_owned(), value.to_owned());
        }
    }

    /// `search --no-floppy --fs-uuid --set=root UUID`, `search -n -u UUID -s`, `search.fs_uuid UUID root hints`.
    fn search(&mut self, command: &str, words: &[&str]) {
        let mut tag = match command {
            "search.fs_uuid" => "UUID",
            "search.fs_label" => "LABEL",
            _ => "",
        };
        let mut variable = "root".to_owned();
        let mut plain: Vec<&str> = Vec::new();
        for word in words {
            match *word {
                "--fs-uuid" | "-u" => tag = "UUID",
                "--label" | "-l" | "--fs-label" => tag = "LABEL",
                word => match word.strip_prefix("--set=") {
                    Some(name) => name.clone_into(&mut variable),
                    None if word.starts_with('-') => {}
                    None => plain.push(word),
                },
            }
        }
        if let (true, Some(name)) = (command.contains('.'), plain.get(1)) {
            (*name).clone_into(&mut variable);
        }
        if let Some(value) = plain.first().filter(|v| !tag.is_empty() && v.len() <= MAX_VALUE) {
            self.variables.insert(variable, format!("{tag}={value}"));
        }
    }

    /// A path with the device that it is on, if that is known.
    fn at_root(&self, path: &str) -> String {
        match self.variables.get("root") {
            Some(root) if path.starts_with('/') => format!("({root}){path}"),
            _ => path.to_owned(),
        }
    }

    /// `$name` and `${name}` by their values.
    fn expand(&self, word: &str) -> String {
        let mut out = String::new();
        let mut rest = word;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            let (name, next) = match after.strip_prefix('{').and_then(|a| a.split_once('}')) {
                Some(braced) => braced,
                None => {
                    let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                    after.split_at_checked(end.unwrap_or(after.len())).unwrap_or((after, ""))
                }
            };
            out.push_str(self.variables.get(name).map_or("", String::as_str));
            rest = next;
            if out.len() > MAX_VALUE {
                return String::new();
            }
        }
        out.push_str(rest);
        out
    }
}

/// Where a path of GRUB's may be in the guest, the likeliest place first.
fn places(facts: &GuestFacts, variables: &Variables, path: &str) -> Vec<String> {
    // Snapshots of snapper are read-only, and boot what was.
    if path.split('/').any(|c| c == ".." || c == ".snapshots") {
        return Vec::new();
    }
    let (device, path) = match path.strip_prefix('(').and_then(|p| p.split_once(')')) {
        Some((device, path)) => (device.to_owned(), path),
        None => (variables.get("root").cloned().unwrap_or_default(), path),
    };
    let on = |test: &dyn Fn(&BlockDevice) -> bool| {
        let device = facts.block.iter().find(|b| test(b));
        device.map(|d| facts.mounts.iter().filter(|m| m.device == d.name).collect::<Vec<_>>())
    };
    let mounts = match device.split_once('=') {
        Some(("UUID", uuid)) => on(&|b| b.uuid.eq_ignore_ascii_case(uuid)),
        Some(("LABEL", label)) => on(&|b| b.label == label),
        _ => None,
    };
    match mounts {
        Some(mounts) => mounts.iter().filter_map(|mount| inside(mount, path)).collect(),
        // GRUB's own name of a device: its file systems are those with a /boot.
        None => vec![path.to_owned(), guest::join("/boot", path.trim_start_matches('/'))],
    }
}

/// The path in the guest of `path` on a mounted file system. GRUB sees a btrfs file system from its top.
fn inside(mount: &Mount, path: &str) -> Option<String> {
    let subvolume = mount.mountable.strip_prefix("btrfsvol:").and_then(|m| m.strip_prefix(&mount.device));
    let rest = match subvolume.and_then(|s| path.strip_prefix(s)) {
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    };
    rest.starts_with('/').then(|| guest::join(&mount.mountpoint, rest.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryGuest;

    fn facts() -> GuestFacts {
        let device = |name: &str, uuid: &str| BlockDevice {
            name: name.to_owned(),
            uuid: uuid.to_owned(),
            ..BlockDevice::default()
        };
        let mount = |mountpoint: &str, device: &str, mountable: &str| Mount {
            mountpoint: mountpoint.to_owned(),
            device: device.to_owned(),
            mountable: mountable.to_owned(),
            ..Mount::default()
        };
        GuestFacts {
            block: vec![
                device("/dev/sda1", "AB-CD"),
                device("/dev/sda2", "b007"),
                device("/dev/sda3", "4007"),
            ],
            mounts: vec![
                mount("/", "/dev/sda3", "btrfsvol:/dev/sda3/@"),
                mount("/boot", "/dev/sda2", "/dev/sda2"),
                mount("/boot/efi", "/dev/sda1", "/dev/sda1"),
            ],
            ..GuestFacts::default()
        }
    }

    fn led(stub: &str, files: &[&str]) -> Led {
        let guest = files.iter().fold(MemoryGuest::new(), |g, path| g.file(path, ""));
        let guest = guest.file("/boot/efi/EFI/x/grub.cfg", stub);
        follow(&guest, &facts(), &["/boot/efi/EFI/x/grub.cfg".to_owned()]).unwrap()
    }

    #[test]
    fn stubs_of_distributions_are_followed() {
        for (stub, real) in [
            // Debian, Ubuntu
            (
                "search.fs_uuid b007 root hd0,gpt2\nset prefix=($root)'/grub'\nconfigfile $prefix/grub.cfg\n",
                "/boot/grub/grub.cfg",
            ),
            // Ubuntu on btrfs
            (
                "search.fs_uuid 4007 root \nset prefix=($root)'/@/boot/grub'\nconfigfile $prefix/grub.cfg\n",
                "/boot/grub/grub.cfg",
            ),
            // RHEL 9
            (
                "search --no-floppy --root-dev-only --fs-uuid --set=dev B007\nset prefix=($dev)/grub2\nexport $prefix\nconfigfile $prefix/grub.cfg\n",
                "/boot/grub2/grub.cfg",
            ),
            // SUSE
            (
                "set btrfs_relative_path=\"yes\"\nsearch --fs-uuid --set=root 4007\nset prefix=(${root})/boot/grub2\nsource \"${prefix}/grub.cfg\"\n",
                "/boot/grub2/grub.cfg",
            ),
            // Photon
            ("search -n -u 4007 -s\nconfigfile /boot/grub2/grub.cfg\n", "/boot/grub2/grub.cfg"),
            ("if [ -e x ]; then configfile (hd0,gpt2)/grub2/grub.cfg; fi\n", "/boot/grub2/grub.cfg"),
        ] {
            assert_eq!(led(stub, &[real]).configurations, [real], "{stub}");
            assert_eq!(led(stub, &[]), Led::default());
        }
    }

    #[test]
    fn variables_that_are_loaded() {
        let found = led("load_env -f /boot/photon.cfg\nload_env\n", &["/boot/photon.cfg"]);
        assert_eq!(found.environments, ["/boot/photon.cfg"]);
    }

    #[test]
    fn nothing_is_followed_for_ever_or_out_of_the_root() {
        let guest = MemoryGuest::new()
            .file("/a", "configfile /b\n")
            .file(
                "/b",
                "configfile /a\nsource /b\nconfigfile /../../etc/shadow\nsource /.snapshots/1/snapshot/boot/grub2/x.cfg\n",
            )
            .file("/.snapshots/1/snapshot/boot/grub2/x.cfg", "")
            .file("/etc/shadow", "");
        let found = follow(&guest, &facts(), &["/a".to_owned()]).unwrap();
        assert_eq!(found.configurations, ["/b"]);
        let bomb = format!("set a=xxxxxxxx\n{}configfile $a\n", "set a=$a$a$a$a\n".repeat(100));
        assert_eq!(led(&bomb, &[]), Led::default());
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "([a-z$(){}=/'\" \n.-]|configfile |search --set=|set |\\PC){0,80}") {
            led(&text, &["/boot/grub/grub.cfg"]);
        }
    }
}
