//! NetworkManager's keyfiles, nm-settings-keyfile(5).

use super::ini::Ini;
use super::wanted::{Family, Wanted, joined};
use super::{ID, Outcome};
use crate::error::Result;
use crate::linux::text::{TextFile, files_in};
use crate::{Edit, Guest};

const DIR: &str = "/etc/NetworkManager/system-connections";

/// NetworkManager ignores keyfiles that others may read (nm-settings-keyfile(5)).
const MODE: u32 = 0o600;

/// Changes the NIC's connections: the first gets the addresses, others are not started by themselves any more.
pub(super) fn change(guest: &dyn Guest, wanted: &Wanted) -> Result<Option<Outcome>> {
    let mut edits = Vec::new();
    let mut first = true;
    for path in files_in(guest, DIR, "")? {
        let name = path.rsplit('/').next().unwrap_or_default();
        if name.starts_with('.') || name.ends_with('~') || name.ends_with(".bak") {
            continue;
        }
        let Some(file) = TextFile::read(guest, &path)? else { continue };
        let ini = Ini::parse(&file.text);
        if !is_for(&ini, wanted) {
            continue;
        }
        let after = if first {
            match changed(ini, wanted) {
                Ok(after) => after,
                Err(why) => return Ok(Some(Outcome::Refused(format!("{path}: {why}")))),
            }
        } else {
            not_started(ini)
        };
        first = false;
        edits.extend(file.edit(ID, &after, wanted.reason()));
    }
    Ok((!first).then_some(Outcome::Edits(edits)))
}

/// A connection of its own.
pub(super) fn create(guest: &dyn Guest, wanted: &Wanted) -> Result<Outcome> {
    let label = wanted.label();
    let path = format!("{DIR}/h2k-{label}.nmconnection");
    let tie = match &wanted.name {
        Some(name) => format!("interface-name={name}\n\n[ethernet]\n"),
        None => format!("\n[ethernet]\nmac-address={}\n", wanted.mac),
    };
    let start = format!(
        "# Written by h2k.\n[connection]\nid=h2k-{label}\ntype=ethernet\n{tie}\n[ipv4]\nmethod=disabled\n\n[ipv6]\nmethod=auto\n"
    );
    Ok(match changed(Ini::parse(&start), wanted) {
        Ok(text) if !guest.exists(&path)? => {
            Outcome::Edits(vec![Edit::create(ID, &path, &text, MODE, wanted.reason())])
        }
        Ok(_) => Outcome::Refused(format!("{path} is there already")),
        Err(why) => Outcome::Refused(why),
    })
}

fn is_for(ini: &Ini, wanted: &Wanted) -> bool {
    let ethernet = ["ethernet", "802-3-ethernet"];
    let last = |section, key| ini.values(section, key).last();
    if !last("connection", "type").is_some_and(|t| ethernet.contains(&t)) {
        return false;
    }
    let name = last("connection", "interface-name").or_else(|| last("match", "interface-name"));
    let mac = ethernet.iter().find_map(|section| ini.values(section, "mac-address").last());
    wanted.is(name.map(|n| n.trim_end_matches(';')), mac)
}

fn changed(mut ini: Ini, wanted: &Wanted) -> std::result::Result<String, String> {
    for (section, family) in [("ipv4", &wanted.v4), ("ipv6", &wanted.v6)] {
        if let Some(dns) = &wanted.dns {
            let own: Vec<_> = dns.iter().filter(|d| d.is_ipv4() == (section == "ipv4")).collect();
            let off =
                ini.values(section, "method").last().is_none_or(|m| ["disabled", "ignore"].contains(&m));
            if let (Some(server), true, None) = (own.first(), off, family) {
                return Err(format!("the name server {server} needs {section}, which is off"));
            }
            ini.drop(section, |key, value| key == "dns" && wanted.replaces_server(value));
            if !own.is_empty() {
                ini.insert(section, &[format!("dns={};", joined(own, ";"))]);
            }
        }
        if let Some(family) = family {
            ini.drop(section, |key, _| key == "method" || key == "gateway" || is_address(key));
            ini.insert(section, &lines(family));
        }
    }
    Ok(ini.to_string())
}

fn lines(family: &Family) -> Vec<String> {
    let mut lines = vec![format!("method={}", if family.dhcp { "auto" } else { "manual" })];
    for (index, (address, prefix)) in family.addresses.iter().enumerate() {
        let gateway = family.gateway.filter(|_| index == 0).map(|g| format!(",{g}")).unwrap_or_default();
        lines.push(format!("address{}={address}/{prefix}{gateway}", index + 1));
    }
    lines
}

/// `address1`, and `addresses`, `addresses1` of old files.
fn is_address(key: &str) -> bool {
    let rest = key.strip_prefix("address").map(|rest| rest.strip_prefix("es").unwrap_or(rest));
    rest.is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
}

fn not_started(mut ini: Ini) -> String {
    ini.drop("connection", |key, _| key == "autoconnect");
    ini.insert("connection", &["autoconnect=false".to_owned()]);
    ini.to_string()
}
