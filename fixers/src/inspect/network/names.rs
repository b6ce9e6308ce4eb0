//! Names, MAC addresses and IP addresses as configuration files write them.

use std::net::IpAddr;

/// What names of virtual interfaces start with, followed by a number or a dash. Only for files that do not tell the
/// kind.
const VIRTUAL: &[&str] = &[
    "bond", "br", "docker", "dummy", "gre", "ib", "macvlan", "ppp", "sit", "tap", "team", "tun", "veth",
    "virbr", "vlan", "vxlan", "wg", "wlan",
];

/// Whether an interface of this name is a NIC of the VM, as far as a name tells: no loopback, no VLAN (`eth0.5`).
pub(crate) fn is_physical(name: &str) -> bool {
    let virtual_name = VIRTUAL
        .iter()
        .filter_map(|start| name.strip_prefix(start))
        .any(|rest| rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_digit() || c == '-'));
    is_name(name) && name != "lo" && !name.contains('.') && !virtual_name
}

/// Whether this may be an interface's name (IFNAMSIZ of the kernel: 15 characters), and no pattern for names.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=15).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_graphic() && !"/:*?[]!%\"'\\".contains(c))
}

/// Whether the kernel, udev or biosdevname gives such names (systemd.net-naming-scheme(7), biosdevname(1)).
pub(crate) fn is_udev_name(name: &str) -> bool {
    let starts = ["eth", "em", "eno", "ens", "enp", "enx", "p"];
    is_name(name)
        && starts
            .iter()
            .filter_map(|start| name.strip_prefix(start))
            .any(|rest| rest.starts_with(|c: char| c.is_ascii_hexdigit()))
}

/// Whether a text fits a pattern of `*` and `?`, as fnmatch(3) has it. Brackets stand for themselves.
pub(crate) fn fits_glob(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut t, mut p) = (0, 0);
    // Where the last star stood, and up to where it stands for the text.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || text.get(t) == Some(c) => {
                t += 1;
                p += 1;
            }
            _ => {
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                t = taken + 1;
                p = at + 1;
            }
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|c| *c == '*')
}

/// The interface that an alias (`eth0:1`) stands for.
pub(super) fn without_alias(name: &str) -> &str {
    name.split(':').next().unwrap_or(name)
}

/// A MAC address in lower case with colons; `None` if it is none.
pub(super) fn mac(text: &str) -> Option<String> {
    let octets: Vec<&str> = text.trim().split([':', '-']).collect();
    let fine =
        octets.len() == 6 && octets.iter().all(|o| o.len() == 2 && o.bytes().all(|b| b.is_ascii_hexdigit()));
    fine.then(|| octets.join(":").to_ascii_lowercase())
}

/// `ADDRESS/PREFIX` from an address that has its prefix (or netmask) behind a slash, or apart. `None` if either is
/// missing or is none.
pub(super) fn address(text: &str, apart: Option<&str>) -> Option<String> {
    let (address, prefix) = match text.trim().split_once('/') {
        Some((address, prefix)) => (address, prefix),
        None => (text.trim(), apart?.trim()),
    };
    let address: IpAddr = address.parse().ok()?;
    let prefix = match prefix.parse::<u32>() {
        Ok(prefix) => prefix,
        Err(_) => netmask(prefix)?,
    };
    let longest = if address.is_ipv4() { 32 } else { 128 };
    (prefix <= longest).then(|| format!("{address}/{prefix}"))
}

/// Prefix length of an IPv4 netmask, if it is one.
fn netmask(text: &str) -> Option<u32> {
    let mask = u32::from(text.parse::<std::net::Ipv4Addr>().ok()?);
    (mask.leading_ones() == mask.count_ones()).then(|| mask.leading_ones())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn physical_names() {
        for name in ["eth0", "ens192", "enp0s3", "eno1", "lan0", "bridge", "enx001122aabbcc"] {
            assert!(is_physical(name), "{name}");
        }
        for name in
            ["lo", "br0", "br-lan", "bond0", "eth0.5", "wg0", "docker0", "en*", "", "a/b", "nametoolongforit"]
        {
            assert!(!is_physical(name), "{name}");
        }
    }

    #[test]
    fn names_that_udev_gives() {
        for name in ["eth0", "ens192", "enp11s0", "eno16777736", "em1", "p1p1", "enx001122aabbcc"] {
            assert!(is_udev_name(name), "{name}");
        }
        for name in ["Profile_1", "office", "lan0", "primary", "eth", "internal"] {
            assert!(!is_udev_name(name), "{name}");
        }
    }

    #[test]
    fn patterns() {
        for (text, pattern, want) in [
            ("ens192", "ens*", true),
            ("enp1s0", "ens*", false),
            ("enp1s0", "e*s?", true),
            ("eth0", "*", true),
            ("aab", "*ab", true),
            ("", "*", true),
            ("", "?", false),
            ("ens1", "ens1", true),
            ("ens12", "ens1", false),
        ] {
            assert_eq!(fits_glob(text, pattern), want, "{text} {pattern}");
        }
    }

    #[test]
    fn addresses_and_macs() {
        assert_eq!(address("10.0.0.5/24", None).as_deref(), Some("10.0.0.5/24"));
        assert_eq!(address("10.0.0.5", Some("255.255.252.0")).as_deref(), Some("10.0.0.5/22"));
        assert_eq!(address("fd00::5/64", None).as_deref(), Some("fd00::5/64"));
        assert_eq!(address("10.0.0.5", Some("255.0.255.0")), None);
        assert_eq!(address("10.0.0.5/33", None), None);
        assert_eq!(address("10.0.0.5", None), None);
        assert_eq!(mac("00-50-56-AA-BB-CC").as_deref(), Some("00:50:56:aa:bb:cc"));
        assert_eq!(mac("00:50:56:aa:bb"), None);
    }
}
