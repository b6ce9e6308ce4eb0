//! netplan, netplan(5). Definitions of one id in several files are merged, and their lists joined; so what is replaced
//! goes from each of them, and what is new stands in the last. Lines that need not change stay as they are.

use serde_yaml::{Mapping, Value};

use super::wanted::Wanted;
use super::{ID, Outcome};
use crate::error::Result;
use crate::inspect::network::netplan::parse;
use crate::linux::text::{TextFile, files_in};
use crate::{Edit, Guest};

mod blocks;
mod definition;

use definition::Definition;

const DIR: &str = "/etc/netplan";

/// netplan warns of files that others may read.
const MODE: u32 = 0o600;

/// Changes the NIC's definition in every file that has it.
pub(super) fn change(guest: &dyn Guest, wanted: &Wanted) -> Result<Option<Outcome>> {
    let mut files = Vec::new();
    for path in files_in(guest, DIR, ".yaml")? {
        if let Some(file) = TextFile::read(guest, &path)?
            && let Ok(yaml) = parse(&file.text)
        {
            files.push((file, yaml));
        }
    }
    let ids: Vec<String> = files.iter().flat_map(|(_, yaml)| ids(yaml, wanted)).collect();
    let Some(id) = ids.first() else { return Ok(None) };
    if let Some(other) = ids.iter().find(|other| *other != id) {
        return Ok(Some(Outcome::Refused(format!("netplan has two definitions for it, {id} and {other}"))));
    }
    files.retain(|(_, yaml)| definition(yaml, id).is_some());
    let last = files.len().saturating_sub(1);
    let mut edits = Vec::new();
    for (index, (file, yaml)) in files.iter().enumerate() {
        let wish = Definition { id, wanted, new: index == last };
        let after = match wish.change(&file.text, yaml) {
            Ok(after) => after,
            Err(why) => return Ok(Some(Outcome::Refused(format!("{}: {why}", file.path)))),
        };
        edits.extend(file.edit(ID, &after, wanted.reason()));
    }
    Ok(Some(Outcome::Edits(edits)))
}

/// A file of its own.
pub(super) fn create(guest: &dyn Guest, wanted: &Wanted) -> Result<Outcome> {
    let label = wanted.label();
    let path = format!("{DIR}/90-h2k-{label}.yaml");
    if guest.exists(&path)? {
        return Ok(Outcome::Refused(format!("{path} is there already")));
    }
    let (id, body) = match &wanted.name {
        Some(name) => (name.clone(), " {}\n".to_owned()),
        None => (format!("h2k-{label}"), format!("\n      match: {{macaddress: \"{}\"}}\n", wanted.mac)),
    };
    let start = format!("# Written by h2k.\nnetwork:\n  version: 2\n  ethernets:\n    {id}:{body}");
    let wish = Definition { id: &id, wanted, new: true };
    Ok(match parse(&start).and_then(|yaml| wish.change(&start, &yaml)) {
        Ok(text) => Outcome::Edits(vec![Edit::create(ID, &path, &text, MODE, wanted.reason())]),
        Err(why) => Outcome::Refused(why),
    })
}

fn ethernets(yaml: &Value) -> Option<&Mapping> {
    yaml.get("network")?.get("ethernets")?.as_mapping()
}

/// The definition of an id.
fn definition<'a>(yaml: &'a Value, id: &str) -> Option<&'a Value> {
    ethernets(yaml)?.get(id)
}

/// Ids of the definitions that are for the NIC: by MAC, by the name that is set or matched, or by the id.
fn ids(yaml: &Value, wanted: &Wanted) -> Vec<String> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let fits = |id: &str, value: &Value| {
        let matching = value.get("match");
        let matched =
            if matching.is_some() { text(matching.and_then(|m| m.get("name"))) } else { Some(id.to_owned()) };
        let name = text(value.get("set-name")).or(matched);
        let mac = text(matching.and_then(|m| m.get("macaddress")));
        wanted.is(name.as_deref(), mac.as_deref())
    };
    let all = ethernets(yaml).into_iter().flatten();
    all.filter_map(|(id, value)| Some((id.as_str()?, value)))
        .filter(|(id, value)| fits(id, value))
        .map(|(id, _)| id.to_owned())
        .collect()
}
