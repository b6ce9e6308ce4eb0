//! Static IPv6 addresses. Windows keeps them not beside those of IPv4 but in the persistent store of its network stack
//! (NSI), under the adapter's NET_LUID.
//!
//! Sources: ifdef.h (`NET_LUID`: 24 bits reserved, 24 bits of `NetLuidIndex`, 16 bits of the interface type; a Windows 10
//! hive has `NetLuidIndex` 0x8001 of type 6 as `0000000180000600`). That the value's name goes on with the address, and
//! that its data has the prefix' length behind two life times and two origins (nldef.h), is not documented; found by
//! watching `netsh`, and used so by programs that copy addresses between adapters.

use std::fmt::Write;
use std::net::Ipv6Addr;

use crate::error::Result;
use crate::facts::windows::WindowsAdapter;
use crate::hive::{Hive, Key};

/// The module of IPv6 (`NPI_MS_IPV6_MODULEID`) in the persistent store.
const STORE: &str = "Control\\Nsi\\{eb004a01-9b1a-11d4-9123-0050047759bc}";
/// Its unicast addresses.
const ADDRESSES: &str = "10";
/// Its routes. What their names are made of is not known but for the LUID.
const ROUTES: &str = "16";
/// Where a value's data has the length of the prefix.
const PREFIX_LENGTH: usize = 16;
/// Ethernet (`IF_TYPE_ETHERNET_CSMACD`), where the class key does not tell.
const ETHERNET: u64 = 6;

/// Adds an adapter's static addresses and name servers of IPv6, and whether it has routes.
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
    adapter.ipv6_routes = values(ROUTES)?.iter().any(|(name, _)| name.to_ascii_lowercase().contains(&luid));
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

/// The address of a value of the adapter, with its prefix' length. One that every link makes for itself is none.
fn address(name: &str, luid: &str, data: &[u8]) -> Option<String> {
    let digits = name.strip_prefix(luid).filter(|rest| rest.len() == 32)?;
    let address = Ipv6Addr::from(u128::from_str_radix(digits, 16).ok()?);
    let length = data.get(PREFIX_LENGTH).filter(|length| **length <= 128)?;
    (!address.is_unicast_link_local()).then(|| format!("{address}/{length}"))
}
