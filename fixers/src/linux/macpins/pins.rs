//! Where each configuration stack ties an interface to a MAC: `HWADDR` (sysconfig.txt of initscripts), `mac-address`
//! (nm-settings-keyfile(5)), `MACAddress` (systemd.network(5)), `match: macaddress` (netplan(5)). Settings that give a
//! NIC another MAC (`MACADDR`, `cloned-mac-address`, netplan's `macaddress` outside of `match`) are no pins.

use crate::linux::netnames::existing::parse_mac;
use crate::linux::text::{Replacement, lines, replace};

/// Characters of a MAC address as text.
const MAC_LENGTH: usize = 17;

/// The text with `new` in place of `old` where the file ties the interface to it; `None` if it does not.
pub(super) fn replace_mac(path: &str, text: &str, old: &str, new: &str) -> Option<String> {
    let kind = Kind::of(path)?;
    let mut replacements = Vec::new();
    let mut section = "";
    for (offset, line) in lines(text) {
        let trimmed = line.trim();
        if trimmed.starts_with('[') {
            section = trimmed;
        }
        if trimmed.starts_with(['#', ';']) || !kind.is_pin(text, offset, trimmed, section) {
            continue;
        }
        replacements.extend(find(line, old).map(|at| {
            let upper = line
                .get(at..at + MAC_LENGTH)
                .is_some_and(|mac| !mac.contains(|c: char| c.is_ascii_lowercase()));
            let text = if upper { new.to_ascii_uppercase() } else { new.to_owned() };
            Replacement { start: offset + at, end: offset + at + MAC_LENGTH, text }
        }));
    }
    (!replacements.is_empty()).then(|| replace(text, &replacements))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ifcfg,
    Keyfile,
    Networkd,
    Netplan,
}

impl Kind {
    fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next()?;
        if name.starts_with("ifcfg-") {
            Some(Kind::Ifcfg)
        } else if path.contains("/system-connections/") {
            Some(Kind::Keyfile)
        } else if name.ends_with(".network") {
            Some(Kind::Networkd)
        } else if path.contains("/netplan/") {
            Some(Kind::Netplan)
        } else {
            None
        }
    }

    fn is_pin(self, text: &str, offset: usize, line: &str, section: &str) -> bool {
        let key = line.split(['=', ':']).next().unwrap_or_default().trim();
        match self {
            Kind::Ifcfg => key == "HWADDR",
            Kind::Keyfile => key == "mac-address" && matches!(section, "[ethernet]" | "[802-3-ethernet]"),
            Kind::Networkd => matches!(key, "MACAddress" | "PermanentMACAddress") && section == "[Match]",
            Kind::Netplan => line.contains("macaddress:") && is_in_match(text, offset, line),
        }
    }
}

/// Whether a line of YAML stands under `match:`, or has it in itself.
fn is_in_match(text: &str, offset: usize, line: &str) -> bool {
    if let Some((before, _)) = line.split_once("macaddress:")
        && before.contains("match:")
    {
        return true;
    }
    let indent = |l: &str| l.len() - l.trim_start().len();
    let before = text.get(..offset).unwrap_or_default();
    let here = text.get(offset..).and_then(|rest| rest.lines().next()).map_or(0, indent);
    let blank = |l: &&str| l.trim().is_empty() || l.trim_start().starts_with('#');
    let mut above = before.lines().rev().filter(|l| !blank(l)).filter(|l| indent(l) < here);
    above.next().is_some_and(|l| l.trim().starts_with("match:"))
}

/// Where the MAC `wanted` stands in a line, in any spelling.
fn find(line: &str, wanted: &str) -> Option<usize> {
    let here = |at: &usize| line.get(*at..at + MAC_LENGTH).and_then(parse_mac).as_deref() == Some(wanted);
    (0..line.len()).find(here)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "00:0c:29:00:00:09";
    const NEW: &str = "52:54:00:aa:00:01";

    #[test]
    fn each_stacks_pin() {
        for (path, before, after) in [
            (
                "/etc/sysconfig/network-scripts/ifcfg-eth0",
                "DEVICE=eth0\nHWADDR=\"00:0C:29:00:00:09\"\n",
                "DEVICE=eth0\nHWADDR=\"52:54:00:AA:00:01\"\n",
            ),
            (
                "/etc/NetworkManager/system-connections/a.nmconnection",
                "[ethernet]\nmac-address=00:0c:29:00:00:09\n",
                "[ethernet]\nmac-address=52:54:00:aa:00:01\n",
            ),
            (
                "/etc/systemd/network/a.network",
                "[Match]\nMACAddress=00-0c-29-00-00-09\n",
                "[Match]\nMACAddress=52:54:00:aa:00:01\n",
            ),
            (
                "/etc/netplan/a.yaml",
                "  a:\n    match:\n      # x\n      macaddress: 00:0c:29:00:00:09\n",
                "  a:\n    match:\n      # x\n      macaddress: 52:54:00:aa:00:01\n",
            ),
            (
                "/etc/netplan/a.yaml",
                "  match: {macaddress: '00:0c:29:00:00:09'}",
                "  match: {macaddress: '52:54:00:aa:00:01'}",
            ),
        ] {
            assert_eq!(replace_mac(path, before, OLD, NEW).as_deref(), Some(after));
        }
    }

    #[test]
    fn what_is_no_pin() {
        for (path, text) in [
            (
                "/etc/sysconfig/network-scripts/ifcfg-eth0",
                "#HWADDR=00:0c:29:00:00:09\nMACADDR=00:0c:29:00:00:09\nHWADDR=x\n",
            ),
            (
                "/etc/NetworkManager/system-connections/a.nmconnection",
                "[ethernet]\ncloned-mac-address=00:0c:29:00:00:09\n[wifi]\nmac-address=00:0c:29:00:00:09",
            ),
            ("/etc/systemd/network/a.network", "[Link]\nMACAddress=00:0c:29:00:00:09\n"),
            ("/etc/netplan/a.yaml", "  a:\n    match:\n      name: x\n    macaddress: 00:0c:29:00:00:09\n"),
            ("/etc/network/interfaces", "hwaddress ether 00:0c:29:00:00:09\n"),
        ] {
            assert_eq!(replace_mac(path, text, OLD, NEW), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "([a-zA-Z]{0,9}[=:]|[0-9a-f:ä]{0,20}|[ \n]){0,12}") {
            for path in ["/ifcfg-a", "/netplan/a", "a.network", "/system-connections/a"] {
                replace_mac(path, &text, OLD, NEW);
            }
        }
    }
}
