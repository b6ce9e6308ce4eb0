//! ConnMan, connman-service.config(5): a provisioned service stands above what it remembers.

use super::wanted::{Family, Wanted, joined, netmask};
use super::{ID, Outcome};
use crate::error::Result;
use crate::linux::text::TextFile;
use crate::{Edit, Guest};

/// A file of its own.
pub(super) fn create(guest: &dyn Guest, wanted: &Wanted) -> Result<Outcome> {
    let label = wanted.mac.replace(':', "");
    let path = format!("/var/lib/connman/h2k-{label}.config");
    let mut text = format!("# Written by h2k.\n[service_h2k_{label}]\nType=ethernet\nMAC={}\n", wanted.mac);
    for (key, family) in [("IPv4", &wanted.v4), ("IPv6", &wanted.v6)] {
        let Some(family) = family else { continue };
        match value(family) {
            Ok(value) => text.push_str(&format!("{key}={value}\n")),
            Err(why) => return Ok(Outcome::Refused(format!("ConnMan {why}"))),
        }
    }
    let servers: Vec<_> = wanted.dns.iter().flatten().collect();
    if !servers.is_empty() {
        text.push_str(&format!("Nameservers={}\n", joined(servers, ",")));
    }
    Ok(Outcome::Edits(match TextFile::read(guest, &path)? {
        Some(file) => file.edit(ID, &text, wanted.reason()).into_iter().collect(),
        None => vec![Edit::create(ID, &path, &text, 0o600, wanted.reason())],
    }))
}

fn value(family: &Family) -> std::result::Result<String, &'static str> {
    match (family.dhcp, family.addresses.as_slice(), family.gateway) {
        (true, ..) => Ok("dhcp".to_owned()),
        (false, [(address, prefix)], Some(gateway)) if address.is_ipv4() => {
            Ok(format!("{address}/{}/{gateway}", netmask(*prefix)))
        }
        (false, [(address, prefix)], Some(gateway)) => Ok(format!("{address}/{prefix}/{gateway}")),
        (false, [_], None) => Err("wants a gateway"),
        (false, ..) => Err("takes one address of a family"),
    }
}
