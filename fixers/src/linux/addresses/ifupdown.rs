//! ifupdown, interfaces(5). Options are written that every implementation knows: a netmask apart from the address, and
//! further addresses by `up ip addr add`.

use std::net::IpAddr;

use super::wanted::{Family, Wanted, joined, netmask};
use super::{ID, Outcome};
use crate::error::Result;
use crate::linux::text::{TextFile, files_in};
use crate::{Edit, Guest};

const MAIN: &str = "/etc/network/interfaces";
const DIRECTORY: &str = "/etc/network/interfaces.d";

/// Options that are replaced; name servers only where there are new ones.
const ADDRESS: [&str; 6] = ["address", "netmask", "broadcast", "network", "gateway", "pointopoint"];

/// Changes the NIC's stanzas, in whatever files they are.
pub(super) fn change(guest: &dyn Guest, wanted: &Wanted) -> Result<Option<Outcome>> {
    let Some(name) = &wanted.name else { return Ok(None) };
    let mut paths = vec![MAIN.to_owned()];
    paths.extend(files_in(guest, DIRECTORY, "")?);
    let mut files = Vec::new();
    for path in paths {
        files.extend(TextFile::read(guest, &path)?);
    }
    if !files.iter().any(|file| file.text.lines().any(|line| stanza(line).is_some_and(|s| s.name == name))) {
        return Ok(None);
    }
    if files.iter().any(|file| file.text.lines().any(|line| stanza(line).is_some_and(|s| s.is_bare(name)))) {
        return Ok(Some(Outcome::Refused(format!("its stanza in {MAIN} names no family"))));
    }
    let mut texts: Vec<String> = files.iter().map(|file| file.text.clone()).collect();
    for (word, family) in [("inet", &wanted.v4), ("inet6", &wanted.v6)] {
        let Some(family) = family else { continue };
        let block = Block { name, word, family, wanted };
        let mut placed = false;
        for text in &mut texts {
            *text = block.replace(text, &mut placed);
        }
        // The file that has the NIC's other family.
        if let (false, Some(text)) = (placed, texts.iter_mut().find(|t| has(t, name))) {
            *text = block.append(text);
        }
    }
    let mut edits: Vec<Edit> = Vec::new();
    for (file, text) in files.iter().zip(&texts) {
        edits.extend(file.edit(ID, text, wanted.reason()));
    }
    edits.extend(resolver(guest, wanted)?);
    Ok(Some(Outcome::Edits(edits)))
}

/// Stanzas at the end of the main file.
pub(super) fn create(guest: &dyn Guest, wanted: &Wanted) -> Result<Outcome> {
    let (Some(name), Some(file)) = (&wanted.name, TextFile::read(guest, MAIN)?) else {
        return Ok(Outcome::Refused("ifupdown goes by names, and the NIC has none".to_owned()));
    };
    let mut text = file.text.clone();
    text.push_str(if text.is_empty() || text.ends_with('\n') { "" } else { "\n" });
    text.push_str(&format!("\nauto {name}\n"));
    for (word, family) in [("inet", &wanted.v4), ("inet6", &wanted.v6)] {
        if let Some(family) = family {
            text = Block { name, word, family, wanted }.append(&text);
        }
    }
    let mut edits: Vec<Edit> = file.edit(ID, &text, wanted.reason()).into_iter().collect();
    edits.extend(resolver(guest, wanted)?);
    Ok(Outcome::Edits(edits))
}

fn has(text: &str, name: &str) -> bool {
    text.lines().any(|line| stanza(line).is_some_and(|s| s.name == name))
}

/// The head of an `iface` stanza.
struct Stanza<'a> {
    name: &'a str,
    family: Option<&'a str>,
    /// What stands behind the method, such as `inherits`.
    rest: Vec<&'a str>,
}

impl Stanza<'_> {
    fn is_bare(&self, name: &str) -> bool {
        self.name == name && !self.family.is_some_and(|f| f.starts_with("inet"))
    }
}

fn stanza(line: &str) -> Option<Stanza<'_>> {
    let mut words = line.split_whitespace();
    if words.next()? != "iface" {
        return None;
    }
    let name = words.next()?;
    let family = words.next();
    Some(Stanza { name, family, rest: words.skip(1).collect() })
}

/// Whether a line begins a stanza of any kind.
fn begins(line: &str) -> bool {
    const WORDS: [&str; 9] = [
        "auto",
        "iface",
        "mapping",
        "no-auto-down",
        "no-scripts",
        "rename",
        "source",
        "source-directory",
        "template",
    ];
    let first = line.split_whitespace().next().unwrap_or_default();
    WORDS.contains(&first) || first.starts_with("allow-")
}

/// What one family of the NIC becomes.
struct Block<'a> {
    name: &'a str,
    word: &'a str,
    family: &'a Family,
    wanted: &'a Wanted,
}

#[derive(PartialEq)]
enum At {
    /// Other stanzas.
    Elsewhere,
    /// The stanza that gets the addresses.
    First,
    /// A further stanza of the same interface and family: only another address.
    Further,
}

impl Block<'_> {
    /// The text with the first stanza changed and further ones gone; `placed` tells whether there was one.
    fn replace(&self, text: &str, placed: &mut bool) -> String {
        let mut out = String::with_capacity(text.len());
        let mut at = At::Elsewhere;
        let mut dropping = false;
        for line in text.split_inclusive('\n') {
            // A line that ends in a backslash goes on in the next one.
            let continues = line.trim_end_matches(['\n', '\r']).ends_with('\\');
            if dropping {
                dropping = continues;
                continue;
            }
            if begins(line) {
                let own = stanza(line).filter(|s| s.name == self.name && s.family == Some(self.word));
                at = match own {
                    Some(stanza) if !*placed => {
                        *placed = true;
                        out.push_str(&self.head(&stanza.rest));
                        dropping = continues;
                        At::First
                    }
                    Some(_) => {
                        dropping = continues;
                        At::Further
                    }
                    None => {
                        out.push_str(line);
                        At::Elsewhere
                    }
                };
                continue;
            }
            let plain = line.trim().is_empty() || line.trim_start().starts_with('#');
            if at == At::Elsewhere || plain || at == At::First && !self.is_replaced(line) {
                out.push_str(line);
            } else {
                dropping = continues;
            }
        }
        out
    }

    fn append(&self, text: &str) -> String {
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        format!("{text}{end}{}", self.head(&[]))
    }

    fn is_replaced(&self, line: &str) -> bool {
        let words: Vec<&str> = line.split_whitespace().collect();
        let option = words.first().copied().unwrap_or_default().replace('_', "-");
        match words.as_slice() {
            ["up" | "post-up", "ip", "addr" | "address", "add", address, ..] => {
                self.wanted.replaces_text(address)
            }
            [_, servers @ ..] if option == "dns-nameservers" || option == "dns-nameserver" => {
                servers.iter().any(|server| self.wanted.replaces_server(server))
            }
            _ => ADDRESS.contains(&option.as_str()),
        }
    }

    /// The head of the stanza and the options of the addresses.
    fn head(&self, rest: &[&str]) -> String {
        let method = if self.family.dhcp { "dhcp" } else { "static" };
        let rest: String = rest.iter().map(|word| format!(" {word}")).collect();
        let mut out = format!("iface {} {} {method}{rest}\n", self.name, self.word);
        let mut addresses = self.family.addresses.iter();
        if let Some((address, prefix)) = addresses.next() {
            let mask = if address.is_ipv4() { netmask(*prefix).to_string() } else { prefix.to_string() };
            out.push_str(&format!("\taddress {address}\n\tnetmask {mask}\n"));
        }
        if let Some(gateway) = self.family.gateway {
            out.push_str(&format!("\tgateway {gateway}\n"));
        }
        let first = self.word == "inet" || self.wanted.v4.is_none();
        let servers: Vec<&IpAddr> = self.wanted.dns.iter().flatten().collect();
        if first && !servers.is_empty() {
            out.push_str(&format!("\tdns-nameservers {}\n", joined(servers, " ")));
        }
        for (address, prefix) in addresses {
            out.push_str(&format!("\tup ip addr add {address}/{prefix} dev {}\n", self.name));
        }
        out
    }
}

/// Without resolvconf nobody reads `dns-nameservers`: then the name servers stand in /etc/resolv.conf itself.
fn resolver(guest: &dyn Guest, wanted: &Wanted) -> Result<Option<Edit>> {
    const PATH: &str = "/etc/resolv.conf";
    let servers: Vec<&IpAddr> = wanted.dns.iter().flatten().collect();
    let managed = guest.exists("/sbin/resolvconf")? || guest.exists("/usr/sbin/resolvconf")?;
    let link = guest.lstat(PATH)?.is_some_and(|stat| stat.kind == crate::FileKind::Symlink);
    if servers.is_empty() || managed || link {
        return Ok(None);
    }
    let lines: String = servers.iter().map(|server| format!("nameserver {server}\n")).collect();
    let Some(file) = TextFile::read(guest, PATH)? else {
        return Ok(Some(Edit::create(ID, PATH, &lines, 0o644, wanted.reason())));
    };
    let kept = file.text.split_inclusive('\n').filter(|l| l.split_whitespace().next() != Some("nameserver"));
    let kept: String = kept.collect();
    let end = if kept.is_empty() || kept.ends_with('\n') { "" } else { "\n" };
    Ok(file.edit(ID, &format!("{kept}{end}{lines}"), wanted.reason()))
}
