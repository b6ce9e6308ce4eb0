//! Where a source network, or one NIC, goes: `SOURCE=network:NAME` and `SOURCE=bridge:NAME`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::nic;
use crate::policy::{Attachment, NetworkTarget};

/// Longest name of a Linux network interface in bytes: `IFNAMSIZ` less the terminating zero, netdevice(7).
const MAX_BRIDGE: usize = 15;

/// Longest name of a network that is taken, in bytes. libvirt has no limit; its file name does (`NAME_MAX`).
const MAX_NETWORK: usize = 200;

/// Tags that a VLAN can have: 0 is none and 4095 is reserved (IEEE 802.1Q, table 9-2).
pub const VLANS: std::ops::RangeInclusive<u16> = 1..=4094;

/// Most VLANs of one NIC: all there are.
const MAX_VLANS: usize = 4094;

/// A mapping of networks that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NetworkError {
    /// No `network:` or `bridge:` in front.
    #[error("{0:?} is no target: write network:NAME (a libvirt network) or bridge:NAME (a host bridge)")]
    Kind(String),
    /// A name that no such network can have.
    #[error("{0:?} cannot be the name of a {1}")]
    Name(String, &'static str),
    /// No VLAN's tag.
    #[error("{0:?} is no VLAN: a number from 1 to 4094")]
    Vlan(String),
    /// The same VLAN twice, or too many.
    #[error("VLAN {0} is named twice")]
    Twice(u16),
    /// No `=` between source and target.
    #[error(
        "{0:?} maps nothing: write SOURCE=network:NAME or SOURCE=bridge:NAME, and * for every other SOURCE"
    )]
    Pair(String),
}

impl FromStr for NetworkTarget {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let mut parts = text.split(";vlan=");
        let text = parts.next().unwrap_or_default();
        let to = attachment(text)?;
        let mut vlans = Vec::new();
        for part in parts.take(MAX_VLANS) {
            let tag = vlan(part)?;
            if vlans.contains(&tag) {
                return Err(NetworkError::Twice(tag));
            }
            vlans.push(tag);
        }
        Ok(Self { to, vlans })
    }
}

/// The tag of a VLAN.
///
/// # Errors
/// It is none.
pub fn vlan(text: &str) -> Result<u16, NetworkError> {
    let tag = text.parse().ok().filter(|tag| VLANS.contains(tag));
    tag.ok_or_else(|| NetworkError::Vlan(text.chars().take(80).collect()))
}

fn attachment(text: &str) -> Result<Attachment, NetworkError> {
    if let Some(name) = text.strip_prefix("network:") {
        let good = !name.is_empty() && name.len() <= MAX_NETWORK && !name.contains(['/', '\n']);
        return good
            .then(|| Attachment::Network(name.to_owned()))
            .ok_or_else(|| NetworkError::Name(name.to_owned(), "libvirt network"));
    }
    if let Some(name) = text.strip_prefix("bridge:") {
        return interface_name(name)
            .then(|| Attachment::Bridge(name.to_owned()))
            .ok_or_else(|| NetworkError::Name(name.to_owned(), "host bridge"));
    }
    Err(NetworkError::Kind(text.to_owned()))
}

/// Whether the kernel would take it as an interface's name: `dev_valid_name` in net/core/dev.c.
fn interface_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_BRIDGE
        && name != "."
        && name != ".."
        && !name.contains(|c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control())
}

impl fmt::Display for NetworkTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.to {
            Attachment::Network(name) => write!(f, "network:{name}")?,
            Attachment::Bridge(name) => write!(f, "bridge:{name}")?,
        }
        self.vlans.iter().try_for_each(|vlan| write!(f, ";vlan={vlan}"))
    }
}

/// What is mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// The NIC with this MAC address, in lower case with colons.
    Nic(String),
    /// The network of this name.
    Network(String),
    /// `*`: what no other entry is of.
    Others,
}

impl Source {
    /// What `text` means: a MAC address in any spelling is that of a NIC.
    pub(crate) fn of(text: String) -> Self {
        match nic::mac(&text) {
            Ok(mac) => Self::Nic(mac),
            Err(_) if text == "*" => Self::Others,
            Err(_) => Self::Network(text),
        }
    }

    /// The key that it has in [`crate::Policy::networks`].
    pub(crate) fn key(&self) -> &str {
        match self {
            Self::Nic(key) | Self::Network(key) => key,
            Self::Others => "*",
        }
    }

    /// [`Source::key`] of its own.
    pub(crate) fn into_key(self) -> String {
        match self {
            Self::Nic(key) | Self::Network(key) => key,
            Self::Others => "*".to_owned(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nic(mac) => write!(f, "the NIC {mac}"),
            Self::Network(name) => write!(f, "the network {name:?}"),
            Self::Others => f.write_str("the default \"*\""),
        }
    }
}

/// One `SOURCE=TARGET`. The source's name may hold `=`: the last one before a target's kind counts.
///
/// # Errors
/// There is no pair, or its target cannot be understood.
pub fn pair(text: &str) -> Result<(String, NetworkTarget), NetworkError> {
    let at = ["=network:", "=bridge:"].iter().filter_map(|mark| text.rfind(mark)).max();
    let split = match at {
        Some(at) => text.split_at_checked(at),
        None => text.rfind('=').and_then(|at| text.split_at_checked(at)),
    };
    match split {
        Some((source, target)) if !source.is_empty() => {
            Ok((source.to_owned(), target.trim_start_matches('=').parse()?))
        }
        _ => Err(NetworkError::Pair(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_split_before_the_target() {
        let bridge = |name: &str| NetworkTarget::bridge(name);
        for (text, source, target) in [
            ("VM Network=bridge:br0", "VM Network", bridge("br0")),
            ("*=network:default", "*", NetworkTarget::network("default")),
            ("a=b=bridge:br0", "a=b", bridge("br0")),
            ("vlan:7=bridge:br7", "vlan:7", bridge("br7")),
            ("52:54:00:01:02:03=network:nancy", "52:54:00:01:02:03", NetworkTarget::network("nancy")),
            ("a=bridge:br1;vlan=100;vlan=200", "a", NetworkTarget { vlans: vec![100, 200], ..bridge("br1") }),
        ] {
            assert_eq!(pair(text), Ok((source.to_owned(), target)), "{text}");
        }
    }

    #[test]
    fn a_mac_address_in_any_spelling_is_a_nic() {
        for text in ["52:54:00:AB:CD:EF", "52-54-00-ab-cd-ef", " 52:54:00:ab:cd:ef "] {
            assert_eq!(Source::of(text.to_owned()).key(), "52:54:00:ab:cd:ef", "{text}");
        }
        for text in ["52:54:00:ab:cd", "525400abcdef", "VLAN 52:54:00:ab:cd:ef", "", "**"] {
            assert_eq!(Source::of(text.to_owned()), Source::Network(text.to_owned()));
        }
        assert_eq!(Source::of("*".to_owned()), Source::Others);
    }

    #[test]
    fn what_is_no_pair_is_refused_with_how_to_write_it() {
        for (text, message) in [
            (
                "br0",
                "\"br0\" maps nothing: write SOURCE=network:NAME or SOURCE=bridge:NAME, and * for every other SOURCE",
            ),
            (
                "=bridge:br0",
                "\"=bridge:br0\" maps nothing: write SOURCE=network:NAME or SOURCE=bridge:NAME, and * for every other SOURCE",
            ),
            (
                "a=br0",
                "\"br0\" is no target: write network:NAME (a libvirt network) or bridge:NAME (a host bridge)",
            ),
            ("a=bridge:", "\"\" cannot be the name of a host bridge"),
            ("a=bridge:sixteen-letters-", "\"sixteen-letters-\" cannot be the name of a host bridge"),
            ("a=bridge:../x", "\"../x\" cannot be the name of a host bridge"),
            ("a=bridge:br1;vlan=4095", "\"4095\" is no VLAN: a number from 1 to 4094"),
            ("a=bridge:br1;vlan=7;vlan=7", "VLAN 7 is named twice"),
            ("a=network:", "\"\" cannot be the name of a libvirt network"),
        ] {
            assert_eq!(pair(text).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_target_is_shown_as_it_is_written() {
        for text in ["network:default", "bridge:br0", "bridge:br1;vlan=100;vlan=200"] {
            assert_eq!(text.parse::<NetworkTarget>().unwrap().to_string(), text);
        }
    }
}
