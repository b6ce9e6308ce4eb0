//! What is wanted of one NIC.

use std::net::IpAddr;

use h2k_config::Addressing;

/// How a NIC gets addresses of one family.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Family {
    /// By DHCP.
    pub dhcp: bool,
    /// These, with the length of the prefix in bits.
    pub addresses: Vec<(IpAddr, u8)>,
    /// Default gateway.
    pub gateway: Option<IpAddr>,
}

/// What is wanted of one NIC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// MAC on the target.
    pub mac: String,
    /// Name in the guest, if its configuration knows one.
    pub name: Option<String>,
    /// IPv4; `None` stays as it is.
    pub v4: Option<Family>,
    /// IPv6; `None` stays as it is.
    pub v6: Option<Family>,
    /// Name servers; `None` stay as they are.
    pub dns: Option<Vec<IpAddr>>,
}

impl Wanted {
    pub fn new(mac: &str, name: Option<String>, addressing: &Addressing) -> Self {
        let mut wanted = Self { mac: mac.to_owned(), name, v4: None, v6: None, dns: None };
        match addressing {
            Addressing::Dhcp => {
                wanted.v4 = Some(Family { dhcp: true, ..Family::default() });
                wanted.dns = Some(Vec::new());
            }
            Addressing::Static(list) => {
                for one in list {
                    let family = if one.address.is_ipv4() { &mut wanted.v4 } else { &mut wanted.v6 };
                    let family = family.get_or_insert_default();
                    family.addresses.push((one.address, one.prefix));
                    family.gateway = family.gateway.or(one.gateway);
                    for server in &one.dns {
                        let servers = wanted.dns.get_or_insert_default();
                        if !servers.contains(server) {
                            servers.push(*server);
                        }
                    }
                }
            }
        }
        wanted
    }

    /// Whether addresses of this one's family are replaced.
    pub fn replaces(&self, address: &IpAddr) -> bool {
        if address.is_ipv4() { self.v4.is_some() } else { self.v6.is_some() }
    }

    /// The same for an address as it is written, with a prefix or without; what is no address is not replaced.
    pub fn replaces_text(&self, address: &str) -> bool {
        let plain =
            address.trim().trim_matches(['"', '\'']).split(['/', ',', ';']).next().unwrap_or_default();
        plain.trim().parse().is_ok_and(|address| self.replaces(&address))
    }

    /// Whether a name server goes: any where there are new ones; with DHCP, which is IPv4's, those of IPv4.
    pub fn replaces_server(&self, server: &str) -> bool {
        match &self.dns {
            None => false,
            Some(new) => !new.is_empty() || !server.trim().trim_matches(['"', '\'']).contains(':'),
        }
    }

    /// Every address of both families.
    pub fn addresses(&self) -> impl Iterator<Item = &(IpAddr, u8)> {
        self.v4.iter().chain(&self.v6).flat_map(|family| &family.addresses)
    }

    /// The gateways of both families.
    pub fn gateways(&self) -> impl Iterator<Item = IpAddr> {
        self.v4.iter().chain(&self.v6).filter_map(|family| family.gateway)
    }

    /// Whether there is a NIC of this name or MAC in a text's spelling.
    pub fn is(&self, name: Option<&str>, mac: Option<&str>) -> bool {
        match mac.and_then(super::super::netnames::existing::parse_mac) {
            Some(mac) => mac == self.mac,
            None => name.is_some() && name == self.name.as_deref(),
        }
    }

    /// A name for files of its own: the interface's, or its MAC without colons.
    pub fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.mac.replace(':', ""))
    }

    /// Why it is written.
    pub fn reason(&self) -> String {
        let how: Vec<String> = match &self.v4 {
            Some(Family { dhcp: true, .. }) => vec!["DHCP".to_owned()],
            _ => self.addresses().map(|(a, p)| format!("{a}/{p}")).collect(),
        };
        format!("{} ({}) is to have {}", self.label(), self.mac, how.join(", "))
    }
}

/// Netmask of an IPv4 prefix length.
pub(super) fn netmask(prefix: u8) -> std::net::Ipv4Addr {
    let bits = u32::MAX.checked_shl(32_u32.saturating_sub(u32::from(prefix))).unwrap_or(0);
    std::net::Ipv4Addr::from(bits)
}

/// Addresses as text, separated.
pub(super) fn joined<'a>(addresses: impl IntoIterator<Item = &'a IpAddr>, separator: &str) -> String {
    addresses.into_iter().map(IpAddr::to_string).collect::<Vec<_>>().join(separator)
}
