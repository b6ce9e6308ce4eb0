//! The definition of one NIC in one file, changed as text; what comes of it is read again and compared.

use std::net::IpAddr;

use serde_yaml::{Mapping, Value};

use super::super::wanted::Wanted;
use super::blocks::{Entry, entries, indent, items, value};
use super::definition;
use crate::inspect::network::netplan::{parse, truth};

/// Keys that may change; all others must come out as they were.
const CHANGING: [&str; 7] = ["addresses", "dhcp4", "dhcp6", "gateway4", "gateway6", "nameservers", "routes"];

/// Destinations of default routes.
const DEFAULT: [&str; 3] = ["default", "0.0.0.0/0", "::/0"];

/// What a definition is to become.
pub(super) struct Definition<'a> {
    pub id: &'a str,
    pub wanted: &'a Wanted,
    /// The new addresses stand in this file; from others the old ones go only.
    pub new: bool,
}

impl Definition<'_> {
    /// The text with the definition changed.
    pub fn change(&self, text: &str, yaml: &Value) -> Result<String, String> {
        let before = definition(yaml, self.id).ok_or("the definition is gone")?;
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let entry = find(&lines, self.id).ok_or("it is not written in lines of its own")?;
        let head = lines.get(entry.lines.start).copied().unwrap_or_default();
        let (inline, comment) = value(head);
        let body = if inline.is_empty() {
            self.block(&lines, &entry, before)?
        } else if inline.starts_with('{') && inline.ends_with('}') && entry.below().is_empty() {
            self.flow(before, " ".repeat(entry.indent + 2))?
        } else {
            return Err(format!(
                "the definition of {} is written in a way that h2k does not change",
                self.id
            ));
        };
        let mut out: String = lines.iter().take(entry.lines.start).copied().collect();
        let key = head.split(inline).next().filter(|_| !inline.is_empty());
        match (body.is_empty(), key) {
            (true, _) => out.push_str(&format!("{}{{}}\n", head_until_value(head, inline, comment))),
            (false, Some(key)) => {
                out.push_str(key.trim_end());
                out.push_str(&if comment.is_empty() { "\n".to_owned() } else { format!(" {comment}\n") });
            }
            (false, None) => {
                out.push_str(head);
                out.push_str(if head.ends_with('\n') { "" } else { "\n" });
            }
        }
        out.push_str(&body);
        out.extend(lines.iter().skip(entry.lines.end).copied());
        self.proven(yaml, &out)?;
        Ok(out)
    }

    /// The body of a definition in block style.
    fn block(&self, lines: &[&str], entry: &Entry, before: &Value) -> Result<String, String> {
        let old = entries(lines, entry.below());
        let column = old.first().map_or(entry.indent + 2, |first| first.indent);
        let pad = " ".repeat(column);
        let routes = old.iter().find(|e| e.key == "routes");
        let kept_routes = routes.map(|e| self.block_routes(lines, e, before)).transpose()?;
        let mut out = self.new_lines(before, &pad, kept_routes.is_none())?;
        let mut at = entry.lines.start + 1;
        for old in &old {
            out.extend(lines.get(at..old.lines.start).unwrap_or_default().iter().copied());
            at = old.lines.end;
            if old.key == "routes" {
                out.push_str(kept_routes.as_deref().unwrap_or_default());
            } else if !self.is_replaced(&old.key) {
                out.extend(lines.get(old.lines.clone()).unwrap_or_default().iter().copied());
                if !out.ends_with('\n') {
                    out.push('\n');
                }
            }
        }
        out.extend(lines.get(at..entry.lines.end).unwrap_or_default().iter().copied());
        Ok(out)
    }

    /// A definition on one line as a body in block style.
    fn flow(&self, before: &Value, pad: String) -> Result<String, String> {
        let mut out = self.new_lines(before, &pad, true)?;
        for (key, value) in before.as_mapping().into_iter().flatten() {
            let key = key.as_str().ok_or("a key of the definition is no text")?;
            if !self.is_replaced(key) && key != "routes" {
                out.push_str(&format!("{pad}{key}: {}\n", flow(value)));
            }
        }
        Ok(out)
    }

    fn is_replaced(&self, key: &str) -> bool {
        match key {
            "addresses" => true,
            "dhcp4" | "gateway4" => self.wanted.v4.is_some(),
            "dhcp6" | "gateway6" => self.wanted.v6.is_some(),
            "nameservers" => self.wanted.dns.is_some(),
            _ => false,
        }
    }

    /// What the definition gets, and what it keeps of the keys that are replaced. Routes only where it has no lines of
    /// them, which are changed apart.
    fn new_lines(&self, before: &Value, pad: &str, routes: bool) -> Result<String, String> {
        let mut lines = Vec::new();
        let families = [("dhcp4", &self.wanted.v4), ("dhcp6", &self.wanted.v6)];
        for (key, family) in families.into_iter().filter(|_| self.new) {
            lines.extend(family.as_ref().map(|family| format!("{key}: {}", family.dhcp)));
        }
        let addresses = self.addresses(before)?;
        if !addresses.is_empty() {
            lines.push(format!("addresses: {}", flow(&Value::Sequence(addresses))));
        }
        if self.wanted.dns.is_some() {
            lines.extend(self.nameservers(before));
        }
        // Last, where they stand when the definition is read again.
        if routes {
            let mut all =
                self.kept_routes(before).into_iter().map(|(_, route)| route.clone()).collect::<Vec<_>>();
            all.splice(0..0, self.new_routes());
            if !all.is_empty() {
                lines.push(format!("routes: {}", flow(&Value::Sequence(all))));
            }
        }
        Ok(lines.iter().map(|line| format!("{pad}{line}\n")).collect())
    }

    /// Addresses of the family that stays, then the new ones.
    fn addresses(&self, before: &Value) -> Result<Vec<Value>, String> {
        let mut all = Vec::new();
        for old in before.get("addresses").and_then(Value::as_sequence).into_iter().flatten() {
            let plain = old.as_str().or_else(|| old.as_mapping()?.keys().next()?.as_str());
            let plain = plain.ok_or("an address is no text")?;
            if !self.wanted.replaces_text(plain) {
                all.push(old.clone());
            }
        }
        if self.new {
            all.extend(self.wanted.addresses().map(|(a, prefix)| Value::String(format!("{a}/{prefix}"))));
        }
        Ok(all)
    }

    fn new_routes(&self) -> Vec<Value> {
        let gateways = self.wanted.gateways().filter(|_| self.new);
        gateways
            .map(|gateway| {
                let to = if gateway.is_ipv4() { "0.0.0.0/0" } else { "::/0" };
                let pairs = [("to", to.to_owned()), ("via", gateway.to_string())];
                Value::Mapping(pairs.into_iter().map(|(k, v)| (Value::from(k), Value::from(v))).collect())
            })
            .collect()
    }

    /// Routes that stay, each with its place in the list: all but default routes of a family that is replaced.
    fn kept_routes<'v>(&self, before: &'v Value) -> Vec<(usize, &'v Value)> {
        let gone = |route: &Value| {
            let text = |key| route.get(key).and_then(Value::as_str).unwrap_or_default();
            DEFAULT.contains(&text("to")) && self.wanted.replaces_text(text("via"))
        };
        let routes = before.get("routes").and_then(Value::as_sequence).into_iter().flatten().enumerate();
        routes.filter(|(_, route)| !gone(route)).collect()
    }

    /// The lines of `routes:` with the items that go left out and the new ones before those that stay.
    fn block_routes(&self, lines: &[&str], entry: &Entry, before: &Value) -> Result<String, String> {
        let head = lines.get(entry.lines.start).copied().unwrap_or_default();
        let kept = self.kept_routes(before);
        let new = self.new_routes();
        let pad = " ".repeat(entry.indent);
        if !value(head).0.is_empty() {
            let all: Vec<Value> = new.into_iter().chain(kept.into_iter().map(|(_, r)| r.clone())).collect();
            return Ok(if all.is_empty() {
                String::new()
            } else {
                format!("{pad}routes: {}\n", flow(&Value::Sequence(all)))
            });
        }
        let items = items(lines, entry.below());
        let count = before.get("routes").and_then(Value::as_sequence).map_or(0, Vec::len);
        if items.len() != count {
            return Err("its routes are written in a way that h2k does not change".to_owned());
        }
        if kept.is_empty() && new.is_empty() {
            return Ok(String::new());
        }
        let column =
            items.first().and_then(|item| lines.get(item.start)).map_or(entry.indent, |line| indent(line));
        let mut out = head.to_owned();
        for route in &new {
            out.push_str(&format!("{}- {}\n", " ".repeat(column), flow(route)));
        }
        let mut at = entry.lines.start + 1;
        for (index, item) in items.iter().enumerate() {
            let stays = kept.iter().any(|(i, _)| *i == index);
            let from = if stays { at } else { item.end };
            out.extend(lines.get(from..item.end).unwrap_or_default().iter().copied());
            at = item.end;
        }
        if !out.ends_with('\n') {
            out.push('\n');
        }
        Ok(out)
    }

    /// The search list, name servers that stay, and the new ones.
    fn nameservers(&self, before: &Value) -> Option<String> {
        let search = before.get("nameservers").and_then(|n| n.get("search")).cloned();
        let old = before.get("nameservers").and_then(|n| n.get("addresses")).and_then(Value::as_sequence);
        let stays = |server: &&Value| server.as_str().is_some_and(|s| !self.wanted.replaces_server(s));
        let mut servers: Vec<Value> = old.into_iter().flatten().filter(stays).cloned().collect();
        let new = self.wanted.dns.iter().flatten().filter(|_| self.new);
        servers.extend(new.map(|server: &IpAddr| Value::from(server.to_string())));
        let mut map = Mapping::new();
        if let Some(search) = search {
            map.insert(Value::from("search"), search);
        }
        if !servers.is_empty() {
            map.insert(Value::from("addresses"), Value::Sequence(servers));
        }
        (!map.is_empty()).then(|| format!("nameservers: {}", flow(&Value::Mapping(map))))
    }

    /// Reads the new text: the definition has what is wanted, and all else is as it was.
    fn proven(&self, before: &Value, after: &str) -> Result<(), String> {
        let failed = || format!("the definition of {} is written in a way that h2k does not change", self.id);
        let after = parse(after).map_err(|_| failed())?;
        let old = definition(before, self.id).ok_or_else(failed)?;
        let new = definition(&after, self.id).ok_or_else(failed)?;
        let addresses = new.get("addresses").and_then(Value::as_sequence).cloned().unwrap_or_default();
        let same_addresses = addresses == self.addresses(old)?;
        let dhcp = |key, family: &Option<super::super::wanted::Family>| match family {
            Some(family) if self.new => truth(new.get(key)).unwrap_or_default() == family.dhcp,
            Some(_) => true,
            None => old.get(key) == new.get(key),
        };
        let rest = same_addresses && dhcp("dhcp4", &self.wanted.v4) && dhcp("dhcp6", &self.wanted.v6);
        if rest && self.without(before) == self.without(&after) { Ok(()) } else { Err(failed()) }
    }

    /// The document without the definition's keys that may change.
    fn without(&self, yaml: &Value) -> Value {
        let mut yaml = yaml.clone();
        let ethernets = yaml.get_mut("network").and_then(|n| n.get_mut("ethernets"));
        if let Some(definition) = ethernets.and_then(|e| e.get_mut(self.id)) {
            match definition.as_mapping_mut() {
                Some(map) => CHANGING.iter().for_each(|key| drop(map.remove(*key))),
                None => *definition = Value::Mapping(Mapping::new()),
            }
        }
        yaml
    }
}

fn head_until_value(head: &str, inline: &str, comment: &str) -> String {
    let end = if inline.is_empty() { comment } else { inline };
    let key =
        if end.is_empty() { head.trim_end() } else { head.split(end).next().unwrap_or(head).trim_end() };
    format!("{key} ")
}

/// The entry of an id below `network`, `ethernets`.
fn find(lines: &[&str], id: &str) -> Option<Entry> {
    let below = |range, key: &str| entries(lines, range).into_iter().find(|entry| entry.key == key);
    let network = below(0..lines.len(), "network")?;
    let ethernets = below(network.below(), "ethernets")?;
    below(ethernets.below(), id)
}

/// A value on one line, all texts quoted.
fn flow(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        Value::Sequence(list) => format!("[{}]", list.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Mapping(map) => {
            let pairs = map.iter().map(|(key, value)| match key.as_str() {
                Some(key) if key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') => {
                    format!("{key}: {}", flow(value))
                }
                _ => format!("{}: {}", flow(key), flow(value)),
            });
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        Value::Tagged(tagged) => flow(&tagged.value),
    }
}
