//! DHCP leases that clients left behind: which interface had which address, and where the client told the server,
//! which MAC it has. They prove what nothing else in a guest tells; a lease that cannot be read proves nothing.

use std::collections::BTreeMap;

use crate::error::{GuestError, Result};
use crate::facts::LeaseFacts;
use crate::guest::{self, Guest};

use super::ini;
use super::wicked::elements;
use super::{names, text};

/// Leases that are kept. Clients write a few per interface; dhclient appends to its files for years.
const MAX_LEASES: usize = 1024;

/// Where dhclient keeps leases: Red Hat's, Debian's, old Debian's.
const DHCLIENT: &[&str] = &["/var/lib/dhclient", "/var/lib/dhcp", "/var/lib/dhcp3"];

/// NetworkManager's leases, its own client's and those of dhclient.
const NETWORK_MANAGER: &str = "/var/lib/NetworkManager";

/// wicked's leases.
const WICKED: &str = "/var/lib/wicked";

/// dhcpcd's leases of versions up to 9, raw DHCP messages (RFC 2131, section 2).
const DHCPCD: &[&str] = &["/var/lib/dhcpcd", "/var/lib/dhcpcd5"];

/// Reads the leases of every client, the older before the newer of the same one.
///
/// # Errors
/// The guest could not be read.
pub(super) fn read(guest: &dyn Guest) -> Result<Vec<LeaseFacts>> {
    let mut found = Vec::new();
    for dir in DHCLIENT {
        found.extend(dhclient_files(guest, dir)?);
    }
    found.extend(network_manager(guest)?);
    for name in listed(guest, WICKED)? {
        // lease-eth0-dhcp-ipv4.xml
        let interface = name.strip_prefix("lease-").and_then(|n| n.split("-dhcp-").next());
        let (Some(interface), true) = (interface, name.ends_with(".xml")) else { continue };
        let path = guest::join(WICKED, &name);
        let xml = content(guest, &path)?;
        let mac = elements(&xml, "client-id").next().and_then(client_id);
        let address = elements(&xml, "address").next().unwrap_or_default();
        found.extend(lease(interface, address, mac, &path));
    }
    for dir in DHCPCD {
        for name in listed(guest, dir)? {
            let Some(interface) = name.strip_suffix(".lease") else { continue };
            let path = guest::join(dir, &name);
            let message = soft(guest.read(&path))?.unwrap_or_default();
            found.extend(dhcpcd(interface.trim_start_matches("dhcpcd-"), &message, &path));
        }
    }
    let excess = found.len().saturating_sub(MAX_LEASES);
    Ok(found.split_off(excess))
}

/// What is too large or no file is no lease.
fn soft<T: Default>(result: Result<T>) -> Result<T> {
    match result {
        Err(GuestError::TooLarge { .. } | GuestError::Malformed { .. }) => Ok(T::default()),
        other => other,
    }
}

fn listed(guest: &dyn Guest, dir: &str) -> Result<Vec<String>> {
    soft(text::names(guest, dir, ""))
}

fn content(guest: &dyn Guest, path: &str) -> Result<String> {
    Ok(soft(text::config(guest, path))?.unwrap_or_default())
}

fn lease(interface: &str, address: &str, mac: Option<String>, file: &str) -> Option<LeaseFacts> {
    let address: std::net::IpAddr = address.trim().parse().ok()?;
    names::is_physical(interface).then(|| LeaseFacts {
        interface: interface.to_owned(),
        address: address.to_string(),
        mac,
        file: file.to_owned(),
    })
}

fn dhclient_files(guest: &dyn Guest, dir: &str) -> Result<Vec<LeaseFacts>> {
    let mut found = Vec::new();
    for name in listed(guest, dir)? {
        if name.ends_with(".lease") || name.ends_with(".leases") {
            let path = guest::join(dir, &name);
            found.extend(dhclient(&content(guest, &path)?, &path));
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found.into_iter().map(|(_, lease)| lease).collect())
}

/// Leases of a file with what orders them: when they end, as text that sorts (`2025/04/30 17:42:30`;
/// dhclient.leases(5)).
fn dhclient(content: &str, file: &str) -> Vec<(String, LeaseFacts)> {
    let mut found = Vec::new();
    let mut open: Option<BTreeMap<&str, String>> = None;
    for line in content.lines().map(|l| l.trim().trim_end_matches(';')) {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        let rest: Vec<&str> = words.collect();
        match (first, open.as_mut()) {
            ("lease", _) => open = Some(BTreeMap::new()),
            ("}", _) => found.extend(open.take().and_then(|values| closed(&values, file))),
            ("option", Some(values)) => {
                if let ["dhcp-client-identifier", id] = rest.as_slice() {
                    values.insert("id", (*id).to_owned());
                }
            }
            ("interface" | "fixed-address" | "expire", Some(values)) => {
                // The day of the week comes first.
                let skipped = usize::from(first == "expire");
                let value = rest.get(skipped..).unwrap_or_default().join(" ");
                values.insert(first, value.trim_matches('"').to_owned());
            }
            _ => {}
        }
    }
    found
}

fn closed(values: &BTreeMap<&str, String>, file: &str) -> Option<(String, LeaseFacts)> {
    let mac = values.get("id").and_then(|id| client_id(id));
    let lease = lease(values.get("interface")?, values.get("fixed-address")?, mac, file)?;
    Some((values.get("expire").cloned().unwrap_or_default(), lease))
}

/// `internal-UUID-ens192.lease` of its own client, `dhclient-UUID-ens192.lease`, in the order in which their
/// connections were last up.
fn network_manager(guest: &dyn Guest) -> Result<Vec<LeaseFacts>> {
    const UUID: usize = 36;
    let stamps = ini::parse(&content(guest, &guest::join(NETWORK_MANAGER, "timestamps"))?);
    let mut found = Vec::new();
    for name in listed(guest, NETWORK_MANAGER)? {
        let path = guest::join(NETWORK_MANAGER, &name);
        let Some(stem) = name.strip_suffix(".lease") else { continue };
        let Some((client, rest)) = stem.split_once('-') else { continue };
        let Some((uuid, interface)) = rest.split_at_checked(UUID) else { continue };
        let stamp = ini::values(&stamps, &["timestamps"], uuid).last().and_then(|s| s.parse::<u64>().ok());
        let text = content(guest, &path)?;
        if client == "internal" {
            let value = |key| text.lines().filter_map(|l| l.trim().split_once('=')).find(|(k, _)| *k == key);
            let mac = value("CLIENTID").and_then(|(_, id)| client_id(id));
            let address = value("ADDRESS").map(|(_, a)| a).unwrap_or_default();
            found.extend(lease(interface.trim_start_matches('-'), address, mac, &path).map(|l| (stamp, l)));
        } else if let Some((_, last)) = dhclient(&text, &path).pop() {
            found.push((stamp, last));
        }
    }
    found.sort_by_key(|(stamp, _)| *stamp);
    Ok(found.into_iter().map(|(_, lease)| lease).collect())
}

/// The MAC in a client identifier of type 1, Ethernet (RFC 2132, section 9.14): `1:0:50:56:aa:0:1`, `01005056aa0001`.
fn client_id(text: &str) -> Option<String> {
    let text = text.trim();
    let octets: Vec<u8> = if text.contains(':') {
        text.split(':').map(|o| u8::from_str_radix(o, 16).ok()).collect::<Option<_>>()?
    } else {
        let pairs = (0..text.len()).step_by(2).map(|at| text.get(at..at + 2));
        pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect::<Option<_>>()?
    };
    match octets.as_slice() {
        [1, mac @ ..] if mac.len() == 6 => Some(as_text(mac)),
        _ => None,
    }
}

fn as_text(mac: &[u8]) -> String {
    mac.iter().map(|o| format!("{o:02x}")).collect::<Vec<_>>().join(":")
}

/// A reply: op 2, Ethernet with six octets, `yiaddr` at 16 and `chaddr` at 28.
fn dhcpcd(interface: &str, message: &[u8], file: &str) -> Option<LeaseFacts> {
    let ([2, 1, 6], Some([a, b, c, d]), Some(mac)) =
        (message.get(..3)?, message.get(16..20), message.get(28..34))
    else {
        return None;
    };
    lease(interface, &format!("{a}.{b}.{c}.{d}"), Some(as_text(mac)), file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryGuest;

    fn shown(guest: &MemoryGuest) -> Vec<String> {
        let leases = read(guest).unwrap();
        leases
            .iter()
            .map(|l| format!("{} {} {}", l.interface, l.address, l.mac.as_deref().unwrap_or("-")))
            .collect()
    }

    #[test]
    fn each_clients_files() {
        let mut message = vec![0; 240];
        message[..3].copy_from_slice(&[2, 1, 6]);
        message[16..20].copy_from_slice(&[10, 0, 0, 9]);
        message[28..34].copy_from_slice(&[0, 0x50, 0x56, 0xaa, 0, 9]);
        let guest = MemoryGuest::new()
            .file(
                "/var/lib/dhcp/dhclient.ens192.leases",
                "default-duid \"x\";\nlease {\n  interface \"ens192\";\n  fixed-address 10.0.0.8;\n  expire 3 2025/04/30 17:42:30;\n}\n\
                 lease {\n  interface \"ens192\";\n  fixed-address 10.0.0.5;\n  option dhcp-client-identifier 1:0:50:56:aa:0:1;\n  expire 3 2024/04/30 17:42:30;\n}\n\
                 lease {\n  fixed-address 10.0.0.1;\n}\nlease6 {\n  interface \"ens224\";\n}\n",
            )
            .file("/var/lib/dhcp/notes", "lease {\n interface \"eth9\";\n fixed-address 1.1.1.1;\n}\n")
            .file(
                "/var/lib/NetworkManager/internal-1f2ea111-624b-32f6-8c93-12b2388516a6-ens256.lease",
                "# This is private data. Do not parse.\nADDRESS=10.0.1.6\nCLIENTID=01005056AA0002\n",
            )
            .file("/var/lib/NetworkManager/secret_key", "x")
            .file("/var/lib/NetworkManager/internal-short.lease", "ADDRESS=10.0.1.7\n")
            .file(
                "/var/lib/wicked/lease-eth0-dhcp-ipv4.xml",
                "<lease><ipv4:dhcp><client-id>ff:00</client-id><address>10.0.2.7</address></ipv4:dhcp></lease>",
            )
            .file("/var/lib/dhcpcd/enp3s0.lease", &message)
            .file("/var/lib/dhcpcd/enp4s0.lease", "short");
        assert_eq!(
            shown(&guest),
            [
                "ens192 10.0.0.5 00:50:56:aa:00:01",
                "ens192 10.0.0.8 -",
                "ens256 10.0.1.6 00:50:56:aa:00:02",
                "eth0 10.0.2.7 -",
                "enp3s0 10.0.0.9 00:50:56:aa:00:09",
            ]
        );
    }

    #[test]
    fn what_is_no_lease_is_passed_over() {
        let guest = MemoryGuest::new()
            .dir("/var/lib/dhcp/a.lease")
            .file("/var/lib/dhclient/b.lease", vec![b'x'; 3 << 20]);
        assert_eq!(shown(&guest), Vec::<String>::new());
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "(lease \\{|\\}|interface|fixed-address|[ \n;:\"]|[0-9a-fä.]{1,8}|option dhcp-client-identifier){0,24}") {
            dhclient(&text, "");
            client_id(&text);
            dhcpcd("eth0", text.as_bytes(), "");
        }
    }
}
