//! ifupdown: `/etc/network/interfaces`, interfaces(5), in Debian's, busybox' and ifupdown-ng's dialects.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::guest::{self, Guest};

use super::{Stack, names, text};

/// The file that all others are named in.
const MAIN: &str = "/etc/network/interfaces";

/// Files named in the configuration are read below this directory only.
const ROOT: &str = "/etc/network/";

/// Files that are read: `source` lines may name more than anybody ever wrote, and each other.
const MAX_FILES: usize = 256;

/// Options that make an interface something else than a NIC.
const VIRTUAL: &[&str] = &[
    "bond-members",
    "bond-miimon",
    "bond-mode",
    "bond-slaves",
    "bridge-ports",
    "slaves",
    "tunnel-mode",
    "vlan-id",
    "vlan-raw-device",
    "wireguard-config-path",
];

/// Options that name the ports of a bond or a bridge.
const PORTS: &[&str] = &["bond-members", "bond-slaves", "bridge-ports", "slaves"];

/// Methods of interfaces that are no NICs.
const VIRTUAL_METHODS: &[&str] = &["can", "loopback", "ppp", "tunnel", "wvdial"];

/// What a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stanza {
    Iface { name: String, words: Vec<String>, options: Vec<(String, String)> },
    Source(String),
    SourceDirectory(String),
}

/// Reads the stack.
///
/// # Errors
/// The guest could not be read.
pub(super) fn read(guest: &dyn Guest) -> Result<Stack> {
    let mut stack = Stack::default();
    let mut todo = vec![MAIN.to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(path) = todo.pop() {
        if seen.len() >= MAX_FILES || !seen.insert(path.clone()) {
            continue;
        }
        let Some(content) = text::config(guest, &path)? else { continue };
        stack.present = true;
        for stanza in parse(&content) {
            match stanza {
                Stanza::Iface { name, words, options } => add(&mut stack, &name, &words, &options, &path),
                Stanza::Source(pattern) => todo.extend(matches(guest, &path, &pattern)?),
                Stanza::SourceDirectory(dir) => todo.extend(directory(guest, &path, &dir)?),
            }
        }
    }
    // Which file came first is an accident of the stack above.
    stack.interfaces.sort_by(|a, b| (&a.file, &a.name).cmp(&(&b.file, &b.name)));
    Ok(stack)
}

/// Lines with those that end in a backslash joined to the next, without comments.
fn logical_lines(content: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut open = false;
    for line in content.lines() {
        if !open && line.trim_start().starts_with('#') {
            continue;
        }
        let (part, continued) = line.strip_suffix('\\').map_or((line, false), |l| (l, true));
        match lines.last_mut().filter(|_| open) {
            Some(last) => last.push_str(part),
            None => lines.push(part.to_owned()),
        }
        open = continued;
    }
    lines
}

fn parse(content: &str) -> Vec<Stanza> {
    let mut stanzas = Vec::new();
    // Options belong to an `iface` stanza only; those of `mapping` and others are passed over.
    let mut open = false;
    for line in logical_lines(content) {
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { continue };
        let rest = words.collect::<Vec<_>>().join(" ");
        match first {
            "iface" => {
                let mut words = rest.split(' ').map(str::to_owned);
                let name = words.next().unwrap_or_default();
                stanzas.push(Stanza::Iface { name, words: words.collect(), options: Vec::new() });
                open = true;
            }
            keyword if is_keyword(keyword) => {
                open = false;
                match keyword {
                    "source" => stanzas.push(Stanza::Source(rest)),
                    "source-directory" => stanzas.push(Stanza::SourceDirectory(rest)),
                    _ => {}
                }
            }
            option => {
                if let (true, Some(Stanza::Iface { options, .. })) = (open, stanzas.last_mut()) {
                    options.push((option.replace('_', "-"), rest));
                }
            }
        }
    }
    stanzas
}

fn is_keyword(word: &str) -> bool {
    const WORDS: &[&str] = &[
        "auto",
        "mapping",
        "no-auto-down",
        "no-scripts",
        "rename",
        "source",
        "source-directory",
        "template",
    ];
    WORDS.contains(&word) || word.starts_with("allow-")
}

fn add(stack: &mut Stack, name: &str, words: &[String], options: &[(String, String)], file: &str) {
    let has = |word: &str| words.iter().any(|w| w == word);
    let name = names::without_alias(name);
    for (key, value) in options {
        // Besides names there may be the words none, all and regex.
        let listed = value.split_whitespace().filter(|n| !is_word(n));
        match key.as_str() {
            "vlan-raw-device" => stack.below(listed, file),
            "bond-master" => stack.ports([name], file),
            key if PORTS.contains(&key) => stack.ports(listed, file),
            _ => {}
        }
    }
    if let Some((below, _)) = name.split_once('.') {
        stack.below([below], file);
    }
    let is_virtual =
        options.iter().any(|(k, _)| VIRTUAL.contains(&k.as_str())) || VIRTUAL_METHODS.iter().any(|m| has(m));
    if is_virtual || !names::is_physical(name) {
        // A second stanza may tell what the first one did not.
        stack.interfaces.retain(|i| i.name != name || !is_virtual);
        return;
    }
    let netmask = options.iter().find(|(k, _)| k == "netmask").map(|(_, v)| v.as_str());
    stack.add(name, file, |interface| {
        interface.dhcp |= has("dhcp");
        for (key, value) in options {
            match key.as_str() {
                "address" => interface.addresses.extend(names::address(value, netmask)),
                // ifupdown-ng's.
                "use" => interface.dhcp |= value == "dhcp",
                _ => {}
            }
        }
    });
}

/// Words that stand among the ports of a bridge or a bond (bridge-utils-interfaces(5)).
fn is_word(port: &str) -> bool {
    ["none", "all", "regex", "noregex"].contains(&port) || port.contains(['(', '|', '^', '$', '.'])
}

/// Files that a `source` line names. A pattern's stars are expanded in its last component.
fn matches(guest: &dyn Guest, file: &str, pattern: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for pattern in pattern.split_whitespace() {
        let Some(path) = below_root(file, pattern) else { continue };
        let (dir, last) = path.rsplit_once('/').unwrap_or(("", &path));
        if !last.contains('*') {
            found.push(path);
            continue;
        }
        found.extend(
            text::names(guest, dir, "")?.iter().filter(|n| fits(n, last)).map(|n| guest::join(dir, n)),
        );
    }
    Ok(found)
}

/// Files of a `source-directory`: names of letters, digits, dashes and underscores only (interfaces(5)).
fn directory(guest: &dyn Guest, file: &str, dir: &str) -> Result<Vec<String>> {
    let Some(dir) = below_root(file, dir) else { return Ok(Vec::new()) };
    let plain = |n: &String| n.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    Ok(text::names(guest, &dir, "")?.iter().filter(|n| plain(n)).map(|n| guest::join(&dir, n)).collect())
}

/// A path of the configuration as an absolute one, if it stays below /etc/network.
fn below_root(file: &str, path: &str) -> Option<String> {
    let path = if path.starts_with('/') { path.to_owned() } else { guest::join(guest::parent(file), path) };
    let inside = path.starts_with(ROOT) && !path.split('/').any(|c| c == "..");
    inside.then(|| path.trim_end_matches('/').to_owned())
}

/// Whether a file's name fits a pattern with stars; a star does not stand for a leading dot, as in a shell.
fn fits(name: &str, pattern: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match rest.find(part).and_then(|at| rest.get(at.saturating_add(part.len())..)) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}
