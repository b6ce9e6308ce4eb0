//! Network adapters: what hardware Windows knew, and how its connections are configured.

use super::super::mac::{from_bytes, from_instance, from_text};
use super::ipv6;
use crate::error::Result;
use crate::facts::windows::{DnsRegistration, WindowsAdapter};
use crate::facts::{NicHardware, SourceHardware};
use crate::hive::{Hive, Key};

/// Setup class of network adapters (devguid.h, `GUID_DEVCLASS_NET`).
pub(crate) const NET_CLASS: &str = "{4d36e972-e325-11ce-bfc1-08002be10318}";
/// Adapters that are looked at: removed hardware leaves its own behind for ever.
pub(super) const MAX_ADAPTERS: usize = 500;
/// Buses of hardware; `ROOT`, `SWD` and the like are software.
pub(super) const HARDWARE: [&str; 3] = ["PCI\\", "VMBUS\\", "XENVIF\\"];

/// The adapters of a control set.
///
/// # Errors
/// The hive is damaged.
pub(super) fn adapters(system: &Hive, set: &str, hardware: &SourceHardware) -> Result<Vec<WindowsAdapter>> {
    let Some(class) = system.key(&format!("{set}\\Control\\Class\\{NET_CLASS}"))? else {
        return Ok(Vec::new());
    };
    let mut adapters = Vec::new();
    for key in class.children()?.into_iter().take(MAX_ADAPTERS) {
        let Some(guid) = key.text("NetCfgInstanceId")? else { continue };
        let network = format!("{set}\\Control\\Network\\{NET_CLASS}\\{guid}\\Connection");
        let connection = system.key(&network)?;
        let told =
            |name: &str| connection.as_ref().map(|key| key.text(name)).transpose().map(Option::flatten);
        // Before Windows 8 only the connection tells the instance.
        let instance = match key.text("DeviceInstanceID")? {
            Some(instance) => instance,
            None => told("PnpInstanceID")?.unwrap_or_default(),
        };
        if !HARDWARE.iter().any(|bus| instance.to_uppercase().starts_with(bus)) {
            continue;
        }
        let mut adapter = WindowsAdapter {
            name: told("Name")?.unwrap_or_default(),
            description: key.text("DriverDesc")?.unwrap_or_default(),
            mac: mac(system, set, &key, &guid, &instance)?,
            slot: slot(system, set, &instance)?,
            guid: guid.to_uppercase(),
            instance,
            ..WindowsAdapter::default()
        };
        addresses(system, set, &guid, &mut adapter)?;
        netbios(system, set, &guid, &mut adapter)?;
        ipv6::read(system, set, &key, &guid, &mut adapter)?;
        adapters.push(adapter);
    }
    join(&mut adapters, hardware);
    Ok(adapters)
}

/// The MAC that somebody set by hand, else the hardware's own: as Windows 10 and newer note it, else as far as the serial
/// number of the device is made from it.
fn mac(system: &Hive, set: &str, class: &Key<'_>, guid: &str, instance: &str) -> Result<Option<String>> {
    if let Some(mac) = class.text("NetworkAddress")?.as_deref().and_then(from_text) {
        return Ok(Some(mac));
    }
    let kernel = format!("{set}\\Control\\NetworkSetup2\\Interfaces\\{guid}\\Kernel");
    for name in ["PermanentAddress", "CurrentAddress"] {
        let bytes = system.value(&kernel, name)?.map(|data| data.bytes());
        if let Some(mac) = bytes.as_deref().and_then(from_bytes) {
            return Ok(Some(mac));
        }
    }
    Ok(from_instance(instance))
}

/// The number of the slot that the firmware told (ACPI `_SUN`).
fn slot(system: &Hive, set: &str, instance: &str) -> Result<Option<u32>> {
    let number = system.value(&format!("{set}\\Enum\\{instance}"), "UINumber")?;
    Ok(number.and_then(|data| data.number()).and_then(|n| u32::try_from(n).ok()))
}

/// Adds what TCP/IP's key of the adapter says.
pub(super) fn addresses(system: &Hive, set: &str, guid: &str, adapter: &mut WindowsAdapter) -> Result<()> {
    let Some(key) = system.key(&format!("{set}\\Services\\Tcpip\\Parameters\\Interfaces\\{guid}"))? else {
        return Ok(());
    };
    let list = |name: &str| -> Result<Vec<String>> {
        let texts = key.value(name)?.and_then(|data| data.texts()).unwrap_or_default();
        Ok(texts.into_iter().filter(|text| !text.is_empty() && text != "0.0.0.0").collect())
    };
    adapter.dhcp = key.number("EnableDHCP")? == Some(1);
    let dns = key.text("NameServer")?.unwrap_or_default();
    adapter.dns = dns.split([',', ' ']).filter(|s| !s.is_empty()).map(str::to_owned).collect();
    adapter.domain = key.text("Domain")?.unwrap_or_default();
    adapter.metric = key
        .number("InterfaceMetric")?
        .and_then(|metric| u32::try_from(metric).ok())
        .filter(|metric| *metric > 0);
    // Both are missing where nobody has ever touched them.
    adapter.dns_registration = match (key.number("RegistrationEnabled")?, key.number("RegisterAdapterName")?)
    {
        (Some(0), _) => DnsRegistration::None,
        (_, Some(1)) => DnsRegistration::Both,
        _ => DnsRegistration::Primary,
    };
    if !adapter.dhcp {
        let masks = list("SubnetMask")?;
        let pairs = list("IPAddress")?.into_iter().zip(masks);
        adapter.addresses = pairs.map(|(ip, mask)| format!("{ip}/{}", prefix(&mask))).collect();
        adapter.gateways = list("DefaultGateway")?;
        let metrics = list("DefaultGatewayMetric")?;
        adapter.gateway_metrics = metrics.iter().map(|metric| metric.parse().unwrap_or(0)).collect();
    }
    Ok(())
}

/// Adds what the key of NetBIOS over TCP/IP says: 0 leaves it to DHCP, 1 switches it on, 2 off (Microsoft, "NetbiosOptions").
fn netbios(system: &Hive, set: &str, guid: &str, adapter: &mut WindowsAdapter) -> Result<()> {
    let Some(key) = system.key(&format!("{set}\\Services\\NetBT\\Parameters\\Interfaces\\Tcpip_{guid}"))?
    else {
        return Ok(());
    };
    let servers = key.value("NameServerList")?.and_then(|data| data.texts()).unwrap_or_default();
    adapter.wins = servers.into_iter().filter(|server| !server.is_empty()).collect();
    adapter.netbios = match key.number("NetbiosOptions")? {
        Some(1) => Some(true),
        Some(2) => Some(false),
        _ => None,
    };
    Ok(())
}

/// Length of the prefix of an IPv4 mask.
fn prefix(mask: &str) -> u32 {
    mask.parse::<std::net::Ipv4Addr>().map_or(32, |mask| u32::from(mask).count_ones())
}

fn same_slot(a: &WindowsAdapter, nic: &NicHardware) -> bool {
    a.slot.is_some() && a.slot == nic.pci_slot
}

fn by_mac(a: &WindowsAdapter, nic: &NicHardware) -> bool {
    a.mac.as_deref().is_some_and(|mac| nic.has_mac(mac))
}

/// A NIC whose MAC the source does not tell has one that h2k made up, which no adapter knows: its adapter's own says
/// nothing against the slot.
fn by_slot(a: &WindowsAdapter, nic: &NicHardware) -> bool {
    same_slot(a, nic) && (a.mac.is_none() || !nic.mac_from_source)
}

/// Which NIC of the VM an adapter is, each NIC once: by MAC, else by the slot, else because one of each is left.
fn join(adapters: &mut [WindowsAdapter], hardware: &SourceHardware) {
    for fits in [by_mac, by_slot] {
        for index in missing(adapters, hardware) {
            let Some(nic) = hardware.nics.get(index) else { continue };
            let candidates = adapters.iter_mut().enumerate().filter(|(_, a)| a.nic.is_none() && fits(a, nic));
            // Removed hardware stays in the registry: the key with the highest number, the last one, is the newest.
            let best = candidates.max_by_key(|(at, a)| (same_slot(a, nic), *at));
            if let Some((_, adapter)) = best {
                adapter.nic = Some(index);
            }
        }
    }
    if let [nic] = missing(adapters, hardware)[..] {
        let told = hardware.nics.get(nic).is_some_and(|nic| nic.mac_from_source);
        pair(adapters, nic, told);
    }
}

/// The NICs that no adapter is known to be.
fn missing(adapters: &[WindowsAdapter], hardware: &SourceHardware) -> Vec<usize> {
    (0..hardware.nics.len()).filter(|nic| !adapters.iter().any(|a| a.nic == Some(*nic))).collect()
}

/// Joins the last NIC with the one adapter that is left, or that nothing is known of. Where the source tells the NIC's
/// MAC, an adapter with another one was a NIC that is no longer there.
fn pair(adapters: &mut [WindowsAdapter], nic: usize, told: bool) {
    let left = |a: &WindowsAdapter| a.nic.is_none() && !(told && a.mac.is_some());
    let unknown = |a: &WindowsAdapter| left(a) && a.mac.is_none() && a.slot.is_none();
    let ways: [&dyn Fn(&WindowsAdapter) -> bool; 2] = [&left, &unknown];
    for fits in ways {
        let mut found = adapters.iter_mut().filter(|a| fits(a));
        if let (Some(adapter), None) = (found.next(), found.next()) {
            adapter.nic = Some(nic);
            return;
        }
    }
}
