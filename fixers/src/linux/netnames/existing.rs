//! What the guest's own udev configuration names: rules with `NAME=` (udev(7)) and `.link` files (systemd.link(5)).

use crate::error::Result;
use crate::guest::Guest;
use crate::linux::text::{TextFile, files_in};

/// Where an administrator's rules are.
pub(crate) const RULES: &str = "/etc/udev/rules.d";
/// Where an administrator's `.link` files are.
pub(super) const LINKS: &str = "/etc/systemd/network";
/// Keys with a value that holds for any NIC, on the target too.
const ANY_NIC: [(&str, &str); 7] = [
    ("SUBSYSTEM", "net"),
    ("ACTION", "add"),
    ("DRIVERS", "?*"),
    ("ATTR{type}", "1"),
    ("ATTR{dev_id}", "0x0"),
    ("KERNEL", "eth*"),
    ("KERNEL", "*"),
];

/// A name that a file gives to a MAC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// MAC, in lower case.
    pub mac: String,
    /// The name; `None` if the file matches the MAC and leaves the name alone.
    pub name: Option<String>,
    /// The file.
    pub file: String,
}

/// Every name that a rule or, after them, a `.link` file gives to a MAC: the order in which udev takes them.
///
/// # Errors
/// The guest could not be read.
pub(super) fn names(guest: &dyn Guest) -> Result<Vec<Named>> {
    let mut found = Vec::new();
    for path in files_in(guest, RULES, ".rules")? {
        let Some(file) = TextFile::read(guest, &path)? else { continue };
        let rules = file.text.lines().filter_map(parse_rule).filter(|rule| rule.holds_anywhere);
        found.extend(rules.map(|r| Named { mac: r.mac, name: Some(r.name), file: path.clone() }));
    }
    for path in files_in(guest, LINKS, ".link")? {
        let Some(file) = TextFile::read(guest, &path)? else { continue };
        let link = parse_link(&file.text);
        found.extend(link.macs.into_iter().map(|mac| Named {
            mac,
            name: link.name.clone(),
            file: path.clone(),
        }));
    }
    Ok(found)
}

/// A rule that names a NIC by its MAC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    /// MAC, in lower case.
    pub mac: String,
    /// The name.
    pub name: String,
    /// It asks for nothing that the target's NIC may not have.
    pub holds_anywhere: bool,
}

/// The rule in a line of a rules file.
pub(crate) fn parse_rule(line: &str) -> Option<Rule> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    let (mut mac, mut name, mut holds_anywhere) = (None, None, true);
    for (key, operator, value) in conditions(line) {
        match (key, operator) {
            ("ATTR{address}" | "SYSFS{address}" | "ATTRS{address}", "==") => mac = parse_mac(value),
            ("NAME", "=" | ":=") => name = Some(value.to_owned()),
            (key, "==") => holds_anywhere &= ANY_NIC.contains(&(key, value)),
            _ => holds_anywhere = false,
        }
    }
    Some(Rule { mac: mac?, name: name?, holds_anywhere })
}

/// `KEY==\"value\"` and the like, separated by commas.
fn conditions(line: &str) -> Vec<(&str, &str, &str)> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('"') {
        let Some((value, after)) = after.split_once('"') else { break };
        let before = before.trim_start_matches([',', ' ', '\t']).trim_end();
        let at = before.find(['=', '!', '+', '-', ':']).unwrap_or(before.len());
        let (key, operator) = before.split_at(at);
        found.push((key.trim_end(), operator, value));
        rest = after;
    }
    found
}

#[derive(Debug, Default)]
struct Link {
    macs: Vec<String>,
    name: Option<String>,
}

fn parse_link(text: &str) -> Link {
    let mut link = Link::default();
    let mut section = "";
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        match (section, key.trim()) {
            ("[Match]", "MACAddress" | "PermanentMACAddress") => {
                link.macs.extend(value.split_whitespace().filter_map(parse_mac));
            }
            ("[Link]", "Name") => link.name = Some(value.trim().to_owned()).filter(|n| !n.is_empty()),
            _ => {}
        }
    }
    link
}

/// A MAC in lower case with colons, from the spellings that configuration files have.
pub(crate) fn parse_mac(text: &str) -> Option<String> {
    let mac = text.trim().replace('-', ":").to_ascii_lowercase();
    let octet = |o: &str| o.len() == 2 && o.bytes().all(|b| b.is_ascii_hexdigit());
    (mac.split(':').count() == 6 && mac.split(':').all(octet)).then_some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_as_generators_write_them() {
        let debian = "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{address}==\"00:50:56:AA:00:01\", \
                      ATTR{dev_id}==\"0x0\", ATTR{type}==\"1\", KERNEL==\"eth*\", NAME=\"eth0\"";
        let rule = parse_rule(debian).unwrap();
        assert_eq!(
            (rule.mac.as_str(), rule.name.as_str(), rule.holds_anywhere),
            ("00:50:56:aa:00:01", "eth0", true)
        );
        for pinned in ["KERNELS==\"0000:03:00.0\"", "DRIVERS==\"vmxnet3\"", "ENV{X}!=\"y\"", "GOTO=\"x\""] {
            assert!(!parse_rule(&format!("{debian}, {pinned}")).unwrap().holds_anywhere, "{pinned}");
        }
        for no_rule in [
            "",
            "# x",
            "#SUBSYSTEM==\"net\", ATTR{address}==\"00:50:56:aa:00:01\", NAME=\"x\"",
            "ATTR{address}==\"00:50\", NAME=\"x\"",
            "KERNEL==\"eth*",
            "NAME=\"x\"",
        ] {
            assert_eq!(parse_rule(no_rule), None, "{no_rule}");
        }
    }

    #[test]
    fn link_files() {
        let link = parse_link(
            "[Match]\n# x\nMACAddress=00-50-56-AA-00-01 00:50:56:aa:00:02\nName=no\n[Link]\nName = lan0\nMTUBytes=1\n",
        );
        assert_eq!(link.macs, ["00:50:56:aa:00:01", "00:50:56:aa:00:02"]);
        assert_eq!(link.name.as_deref(), Some("lan0"));
        assert_eq!(parse_link("Name=x\nMACAddress=00:50:56:aa:00:01").macs, Vec::<String>::new());
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "([A-Z{}a-z]{0,8}[=!]{1,2}\"?\\PC{0,8}\"?,?){0,6}|\\PC{0,60}") {
            parse_rule(&text);
            parse_link(&text);
        }
    }
}
