//! Static IPv6 addresses. Windows keeps them not beside those of IPv4 but in the persistent store of its network stack
//! (NSI), under the adapter's NET_LUID.
//!
//! Sources: ifdef.h (`NET_LUID`: 24 bits reserved, 24 bits of `NetLuidIndex`, 16 bits of the interface type; a Windows 10
//! hive has `NetLuidIndex` 0x8001 of type 6 as `0000000180000600`). That the value's name goes on with the address, and
//! that its data has the prefix' length behind two life times and two origins (nldef.h), is not documented; found by
//! watching `netsh`, and used so by programs that copy addresses between adapters. LUID and address are what the network
//! stack itself knows an address by (the key of its table in nsi.dll, as Wine has it and tests it on Windows); so the name
//! of a route is taken to be the key of the table of routes. One that is not of that form is told and not restored.

use std::fmt::Write;
use std::net::Ipv6Addr;

use crate::error::Result;
use crate::facts::windows::{WindowsAdapter, WindowsRoute};
use crate::hive::{Hive, Key};

/// The module of IPv6 (`NPI_MS_IPV6_MODULEID`) in the persistent store.
const STORE: &str = "Control\\Nsi\\{eb004a01-9b1a-11d4-9123-0050047759bc}";
/// Its unicast addresses.
const ADDRESSES: &str = "10";
/// Its routes.
const ROUTES: &str = "16";
/// Where a value's data has the length of the prefix.
const PREFIX_LENGTH: usize = 16;
/// Bytes of the key of a route: 4 unknown ones, the prefix (16), its length (1), 19 unknown ones, the LUID twice (8 each),
/// the next hop (16).
const ROUTE_KEY: usize = 72;
const ROUTE_PREFIX: usize = 4;
const ROUTE_LENGTH: usize = 20;
const ROUTE_LUID: usize = 40;
const ROUTE_HOP: usize = 56;
/// Where a default route leads to.
const DEFAULT: &str = "::/0";
/// Ethernet (`IF_TYPE_ETHERNET_CSMACD`), where the class key does not tell.
const ETHERNET: u64 = 6;

/// Adds an adapter's static addresses, name servers, gateways and routes of IPv6.
///
/// # Errors
/// The hive is damaged.
pub(super) fn read(
    system: &Hive,
    set: &str,
    class: &Key<'_>,
    guid: &str,
    adapter: &mut WindowsAdapter,
) -> Result<()> {
    let interface = system.key(&format!("{set}\\Services\\Tcpip6\\Parameters\\Interfaces\\{guid}"))?;
    let servers = interface.map(|key| key.text("NameServer")).transpose()?.flatten().unwrap_or_default();
    adapter.dns.extend(servers.split([',', ' ']).filter(|s| !s.is_empty()).map(str::to_owned));
    let Some(luid) = luid(class)? else { return Ok(()) };
    let values = |table: &str| -> Result<_> {
        let key = system.key(&format!("{set}\\{STORE}\\{table}"))?;
        Ok(key.map(|key| key.values()).transpose()?.unwrap_or_default())
    };
    for (name, data) in values(ADDRESSES)? {
        if let Some(address) = address(&name.to_ascii_lowercase(), &luid, &data.bytes()) {
            adapter.addresses.push(address);
        }
    }
    for (name, _) in values(ROUTES)? {
        let name = name.to_ascii_lowercase();
        match route(&name, &luid) {
            Some((destination, gateway)) if destination == DEFAULT => adapter.gateways.push(gateway),
            Some((destination, gateway)) => adapter.routes.push(WindowsRoute { destination, gateway }),
            None => adapter.ipv6_routes |= name.contains(&luid),
        }
    }
    Ok(())
}

/// An adapter's NET_LUID as the store spells it: its bytes in the order of memory, in lower case.
fn luid(class: &Key<'_>) -> Result<Option<String>> {
    let Some(index) = class.number("NetLuidIndex")?.filter(|index| *index < 1 << 24) else {
        return Ok(None);
    };
    let kind = class.number("*IfType")?.filter(|kind| *kind < 1 << 16).unwrap_or(ETHERNET);
    let mut text = String::with_capacity(16);
    for byte in ((kind << 48) | (index << 24)).to_le_bytes() {
        // Writing to a String does not fail.
        let _written = write!(text, "{byte:02x}");
    }
    Ok(Some(text))
}

/// A route's destination, with its prefix' length, and where it leads.
fn route(name: &str, luid: &str) -> Option<(String, String)> {
    let part =
        |at: usize, bytes: usize| name.get(2 * at..2 * (at + bytes)).filter(|_| name.len() == 2 * ROUTE_KEY);
    if part(ROUTE_LUID, 8)? != luid {
        return None;
    }
    let address = |at: usize| u128::from_str_radix(part(at, 16)?, 16).ok();
    let (prefix, hop) = (address(ROUTE_PREFIX)?, Ipv6Addr::from(address(ROUTE_HOP)?));
    let length = u32::from_str_radix(part(ROUTE_LENGTH, 1)?, 16).ok().filter(|length| *length <= 128)?;
    // Bits behind the prefix would say that something else stands here.
    let clean = prefix.checked_shl(length).unwrap_or(0) == 0;
    (clean && !hop.is_unspecified())
        .then(|| (format!("{}/{length}", Ipv6Addr::from(prefix)), hop.to_string()))
}

/// The address of a value of the adapter, with its prefix' length. One that every link makes for itself is none.
fn address(name: &str, luid: &str, data: &[u8]) -> Option<String> {
    let digits = name.strip_prefix(luid).filter(|rest| rest.len() == 32)?;
    let address = Ipv6Addr::from(u128::from_str_radix(digits, 16).ok()?);
    let length = data.get(PREFIX_LENGTH).filter(|length| **length <= 128)?;
    (!address.is_unicast_link_local()).then(|| format!("{address}/{length}"))
}
