//! Which addresses the target's NICs are to have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use h2k_config::{Addressing, Policy, StaticAddress};

use crate::concern::{Concern, Severity};
use crate::facts::windows::{DnsRegistration, WindowsAdapter, WindowsRoute};
use crate::facts::{GuestFacts, WindowsFacts};

/// Longest name of a connection that is given again.
const MAX_NAME: usize = 64;
/// Longest name of a domain (RFC 1035, 2.3.4).
const MAX_DOMAIN: usize = 253;
/// Largest metric of a gateway that Windows takes (`Win32_NetworkAdapterConfiguration.SetGateways`).
const MAX_METRIC: u32 = 9999;

/// A NIC of the target, and what it is to have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// MAC as `getmac` prints it (`00-50-56-AA-BB-01`).
    pub mac: String,
    /// Name of the connection; `None` to leave the one that Windows gives.
    pub name: Option<String>,
    /// DHCP for IPv4 where no address of it is given.
    pub dhcp: bool,
    /// Addresses with the length of their prefix.
    pub addresses: Vec<(IpAddr, u8)>,
    /// Gateways with their metric, 0 for the automatic one.
    pub gateways: Vec<(IpAddr, u32)>,
    /// Other routes of IPv6: destination with the length of its prefix, router.
    pub routes: Vec<((Ipv6Addr, u8), Ipv6Addr)>,
    pub dns: Vec<IpAddr>,
    /// DNS suffix of the connection.
    pub domain: Option<String>,
    /// WINS servers.
    pub wins: Vec<Ipv4Addr>,
    /// NetBIOS over TCP/IP, where it is switched by hand.
    pub netbios: Option<bool>,
    /// Which names are registered in DNS.
    pub dns_registration: DnsRegistration,
    /// Metric of the interface for IPv4.
    pub metric: Option<u32>,
}

/// The NICs that something has to be done for.
pub(super) fn wanted(
    facts: &GuestFacts,
    windows: &WindowsFacts,
    policy: &Policy,
    concerns: &mut Vec<Concern>,
) -> Vec<Wanted> {
    let mut all = Vec::new();
    for (index, nic) in facts.hardware.nics.iter().enumerate() {
        let adapter = windows.adapters.iter().find(|adapter| adapter.nic == Some(index));
        let asked = [Some(&nic.mac), nic.source_mac.as_ref()];
        let asked = asked.into_iter().flatten().find_map(|mac| policy.addressing.get(mac));
        let mut wanted = match asked {
            Some(Addressing::Dhcp) => Wanted { dhcp: true, ..Wanted::default() },
            Some(Addressing::Static(addresses)) => given(addresses),
            None => adapter.map(|adapter| kept(adapter, concerns)).unwrap_or_default(),
        };
        if let Some(adapter) = adapter {
            wanted.netbios = adapter.netbios;
            wanted.dns_registration = adapter.dns_registration;
            wanted.metric = adapter.metric.filter(|metric| *metric <= MAX_METRIC);
        }
        let untouched = Wanted::default() == wanted && asked.is_none();
        wanted.mac = nic.mac.to_uppercase().replace(':', "-");
        wanted.name = adapter.and_then(|adapter| name(adapter, concerns));
        wanted.domain = adapter.and_then(|adapter| domain(adapter, concerns));
        if !(untouched && wanted.name.is_none() && wanted.domain.is_none()) {
            all.push(wanted);
        }
    }
    lost(windows, concerns);
    all
}

fn given(addresses: &[StaticAddress]) -> Wanted {
    let mut wanted = Wanted::default();
    for one in addresses {
        wanted.addresses.push((one.address, one.prefix));
        wanted.gateways.extend(one.gateway.map(|gateway| (gateway, 0)));
        wanted.dns.extend(&one.dns);
    }
    wanted
}

/// What the adapter has now. What is no address is left out and told.
fn kept(adapter: &WindowsAdapter, concerns: &mut Vec<Concern>) -> Wanted {
    let mut odd = Vec::new();
    let mut address = |text: &String| {
        let parsed = text.parse::<IpAddr>().ok();
        if parsed.is_none() {
            odd.push(text.clone());
        }
        parsed
    };
    let metric = |number: usize| adapter.gateway_metrics.get(number).copied().filter(|m| *m <= MAX_METRIC);
    let gateways = adapter.gateways.iter().enumerate();
    let gateways = gateways.filter_map(|(number, ip)| Some((address(ip)?, metric(number).unwrap_or(0))));
    let gateways = gateways.collect();
    let dns = adapter.dns.iter().filter_map(&mut address).collect();
    let wins = adapter.wins.iter().filter_map(&mut address).filter_map(|ip| match ip {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    });
    let wins = wins.collect();
    let addresses = adapter
        .addresses
        .iter()
        .filter_map(|text| {
            let (ip, length) = text.split_once('/')?;
            Some((address(&ip.to_owned())?, length.parse().ok()?))
        })
        .collect();
    if !odd.is_empty() {
        concerns.push(Concern::new(
            "windows.network.odd",
            Severity::Warning,
            adapter.name.clone(),
            format!("what is no IP address is not restored: {}", odd.join(", ")),
            "look at the network settings of the guest after the migration",
        ));
    }
    if adapter.ipv6_routes {
        concerns.push(Concern::new(
            "windows.network.ipv6-routes",
            Severity::Warning,
            adapter.name.clone(),
            "it has static routes of IPv6 that are not understood, maybe its gateway among them; they are not restored",
            "where no router announces itself, give the addresses with --ip MAC=ADDRESS/LENGTH,GATEWAY,DNS",
        ));
    }
    // They were read from numbers: each of them can be.
    let route = |route: &WindowsRoute| {
        let (prefix, length) = route.destination.split_once('/')?;
        Some(((prefix.parse().ok()?, length.parse().ok()?), route.gateway.parse().ok()?))
    };
    let routes = adapter.routes.iter().filter_map(route).collect();
    Wanted { dhcp: false, addresses, gateways, routes, dns, wins, ..Wanted::default() }
}

/// The name of the old connection, where it can stand in a batch file without meaning anything.
fn name(adapter: &WindowsAdapter, concerns: &mut Vec<Concern>) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || " -_.#()".contains(c);
    let sound = !adapter.name.is_empty() && adapter.name.len() <= MAX_NAME && adapter.name.chars().all(plain);
    if sound {
        return Some(adapter.name.clone());
    }
    if !adapter.name.is_empty() {
        concerns.push(Concern::new(
            "windows.network.name",
            Severity::Information,
            adapter.name.clone(),
            "the connection's name has characters that are not written into the first boot's script: the new connection \
             gets the name that Windows gives it",
            "rename the connection in the guest after the migration",
        ));
    }
    None
}

/// The connection's DNS suffix, where it is one.
fn domain(adapter: &WindowsAdapter, concerns: &mut Vec<Concern>) -> Option<String> {
    let domain = &adapter.domain;
    if domain.is_empty() {
        return None;
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if domain.len() <= MAX_DOMAIN && domain.chars().all(plain) {
        return Some(domain.clone());
    }
    concerns.push(Concern::new(
        "windows.network.odd",
        Severity::Warning,
        adapter.name.clone(),
        format!("what is no name of a domain is not restored as the connection's DNS suffix: {domain}"),
        "look at the network settings of the guest after the migration",
    ));
    None
}

/// Static addresses of adapters that no NIC of the VM is known to be.
fn lost(windows: &WindowsFacts, concerns: &mut Vec<Concern>) {
    for adapter in windows.adapters.iter().filter(|a| a.nic.is_none() && !a.addresses.is_empty()) {
        concerns.push(Concern::new(
            "windows.network.lost",
            Severity::Warning,
            format!("{} ({})", adapter.name, adapter.description),
            format!(
                "static addresses of an adapter that cannot be told to be one of the VM's NICs are not restored: {}",
                adapter.addresses.join(", ")
            ),
            "if they are in use, give them with --ip MAC=ADDRESS/LENGTH,GATEWAY,DNS",
        ));
    }
}

/// An adapter that is software is the same on the target, but what it binds together is gone.
pub(super) fn left_without_nics(adapter: &WindowsAdapter) -> Concern {
    Concern::new(
        "windows.network.software",
        Severity::Warning,
        format!("{} ({})", adapter.name, adapter.description),
        format!(
            "an adapter that is software (a team, a bridge, a virtual switch) keeps its static addresses, but the NICs \
             below it are replaced, and the new ones are no part of it: {}",
            adapter.addresses.join(", ")
        ),
        "add the new NICs to it in the guest, from its console; or give a NIC its addresses with \
         --ip MAC=ADDRESS/LENGTH,GATEWAY,DNS",
    )
}

/// An adapter that will be gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ghost {
    /// Device instance.
    pub instance: String,
    /// Interface GUID with braces.
    pub guid: String,
}

/// What stands in the instances of QEMU's adapters: virtio's vendor, as that of the device or of its subsystem (QEMU,
/// docs/specs/pci-ids.rst), and the e1000e, which keeps Intel's.
const OF_QEMU: [&str; 3] = ["VEN_1AF4", "SUBSYS_11001AF4", "DEV_10D3&SUBSYS_00008086"];

/// The adapters that will be gone. Those of an earlier life on KVM are the target's own kind, and may be its own.
pub(super) fn ghosts(windows: &WindowsFacts) -> Vec<Ghost> {
    let ghosts = windows
        .adapters
        .iter()
        .map(|adapter| Ghost { instance: adapter.instance.clone(), guid: adapter.guid.clone() });
    let of_qemu = |instance: &str| {
        let instance = instance.to_uppercase();
        OF_QEMU.iter().any(|part| instance.contains(part))
    };
    ghosts.filter(|g| g.is_sound() && !of_qemu(&g.instance)).collect()
}

impl Ghost {
    /// Whether it names one device and one connection, and nothing to cmd.exe: their keys are removed with all below.
    fn is_sound(&self) -> bool {
        let parts: Vec<&str> = self.instance.split('\\').collect();
        let part =
            |p: &&str| !p.is_empty() && p.chars().all(|c| c.is_ascii_alphanumeric() || "&_-{}.#".contains(c));
        let inner = self.guid.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let hex = |group: &str| group.bytes().all(|b| b.is_ascii_hexdigit());
        parts.len() == 3
            && parts.iter().all(part)
            && inner.is_some_and(|guid| {
                guid.split('-').all(hex) && guid.split('-').map(str::len).eq([8, 4, 4, 4, 12])
            })
    }
}
