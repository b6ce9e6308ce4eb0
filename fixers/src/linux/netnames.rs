//! `linux.nic-names`: NICs keep the names that the guest's network configuration has for them.

use h2k_config::Policy;

use super::text::TextFile;
use crate::error::Result;
use crate::{Concern, Edit, Fixer, Guest, GuestFacts, Proposal, Severity};

mod conditions;
pub(crate) mod existing;
pub(crate) mod matching;
mod slots;
mod version;

#[cfg(test)]
mod tests;

use existing::{LINKS, RULES, parse_mac};
use matching::{By, Matching, Pair, matching};

const ID: &str = "linux.nic-names";
/// Rules file for guests without `.link` files.
const RULES_FILE: &str = "70-h2k-net.rules";
/// Longest name of an interface: IFNAMSIZ of the kernel less the terminator.
const MAX_NAME: usize = 15;

/// Pins the names of NICs to their MACs.
pub struct NicNames;

impl Fixer for NicNames {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "keeps the names of network interfaces, so that the network configuration still fits"
    }

    fn explanation(&self) -> &'static str {
        "Names such as ens192 come from the place of a NIC on the old hardware; on KVM the same NIC would be enp1s0, \
         and a configuration for ens192 would find no interface. The target's NICs keep their MAC addresses, so h2k \
         pins each name that the configuration uses to the MAC of its NIC: with a .link file in /etc/systemd/network, \
         or with a udev rule where systemd is older than 240 and would keep a name that the initramfs has given. Which \
         NIC has which name is taken from the guest's own rules, from MACs in the configuration, from addresses that \
         the hypervisor saw, from DHCP leases, from VMware's slot numbers (slot 192 is ens192), and where one NIC and \
         one name are left, from that. Names that only bonds, bridges and VLANs refer to are pinned too. What cannot \
         be matched is reported and left. eth0 and its like are pinned too, also with net.ifnames=0 and a single NIC: the arguments \
         of the kernel may change, and a second NIC may come. A guest without udev (mdev) names its NICs in the order \
         in which the kernel finds them, and has nothing to pin them with: with one NIC that is eth0, with several it \
         is reported. The configuration itself is not touched."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, _: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        if !facts.is_linux() {
            return Ok(proposal);
        }
        let found = matching(facts, guest)?;
        let mut pins = Vec::new();
        for pair in found.pairs.iter().filter(|pair| pair.by != By::Guest) {
            match pin(facts, &found, pair) {
                Ok(pin) => {
                    proposal.concerns.extend(kernel_name(facts, pair));
                    pins.push(pin);
                }
                Err(concern) => proposal.concerns.push(*concern),
            }
        }
        if facts.init.no_udev {
            proposal.concerns.extend(pins.iter().filter_map(|pin| unrenamed(facts, pin)));
        } else if facts.init.link_files && version::renames_again(guest)? {
            for pin in &pins {
                proposal.edits.extend(link_file(guest, pin)?);
            }
        } else {
            proposal.edits.extend(rules(guest, &pins)?);
        }
        proposal.concerns.extend(unmatched(&found));
        proposal.concerns.extend(conditions::concerns(facts, &found));
        Ok(proposal)
    }
}

/// A name and the MAC that it belongs to; both are safe to write.
struct Pin {
    name: String,
    mac: String,
    why: &'static str,
}

fn pin(facts: &GuestFacts, found: &Matching, pair: &Pair) -> std::result::Result<Pin, Box<Concern>> {
    let refuse = |message: String, advice: &str| {
        let pair = &pair.name;
        Err(Box::new(Concern::new("guest.network.unpinned", Severity::Warning, pair, message, advice)))
    };
    if !is_plain(&pair.name) {
        return refuse(
            "the name holds characters that h2k does not write into udev's files".to_owned(),
            "rename it",
        );
    }
    if let Some((_, file)) = found.shadowed.iter().find(|(nic, _)| *nic == pair.nic) {
        let message =
            format!("{file} matches the NIC's MAC and gives no name; a file after it would not count");
        return refuse(message, &format!("add Name={} to the [Link] section of that file", pair.name));
    }
    let mac = facts.hardware.nics.get(pair.nic).and_then(|nic| parse_mac(&nic.mac));
    let Some(mac) = mac else { return refuse("its NIC has no MAC address".to_owned(), "give the NIC one") };
    let why = match pair.by {
        By::Guest | By::Mac => "the configuration ties the name to this MAC",
        By::Address => "its address is the one that the hypervisor saw at this MAC",
        By::Lease => "a DHCP lease of this MAC is for the name",
        By::Slot => "the name is that of the NIC's slot on VMware",
        By::Rest => "there is no other NIC and no other name",
    };
    Ok(Pin { name: pair.name.clone(), mac, why })
}

fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=MAX_NAME).contains(&name.len()) && name.chars().all(plain) && !name.trim_matches('.').is_empty()
}

fn link_file(guest: &dyn Guest, pin: &Pin) -> Result<Option<Edit>> {
    let Pin { name, mac, why } = pin;
    let path = format!("{LINKS}/10-h2k-{name}.link");
    // A VLAN, a bridge or a bond may have the NIC's MAC; only what sits on the PCI bus has such a path.
    let content = format!(
        "# Written by h2k: the network configuration knows this NIC as {name}.\n\
         [Match]\nMACAddress={mac}\nPath=*pci-*\n\n[Link]\nName={name}\n"
    );
    let reason =
        format!("the network configuration is for {name}, and on KVM the NIC would have another name; {why}");
    Ok(match TextFile::read(guest, &path)? {
        Some(file) => file.edit(ID, &content, reason),
        None => Some(Edit::create(ID, &path, &content, 0o644, reason)),
    })
}

fn rules(guest: &dyn Guest, pins: &[Pin]) -> Result<Option<Edit>> {
    if pins.is_empty() {
        return Ok(None);
    }
    let path = format!("{RULES}/{RULES_FILE}");
    let file = TextFile::read(guest, &path)?;
    let mut content = file.as_ref().map(|f| f.text.clone()).unwrap_or_else(|| {
        "# Written by h2k: the network configuration knows these NICs by these names.\n".to_owned()
    });
    for Pin { name, mac, .. } in pins {
        // DRIVERS: a VLAN or a bridge with the NIC's MAC has no device behind it.
        content.push_str(&format!(
            "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{{address}}==\"{mac}\", NAME=\"{name}\"\n"
        ));
    }
    let names: Vec<&str> = pins.iter().map(|pin| pin.name.as_str()).collect();
    let names = names.join(", ");
    let reason =
        format!("the network configuration is for {names}, and on KVM the NICs may have other names");
    Ok(match file {
        Some(file) => file.edit(ID, &content, reason),
        None => Some(Edit::create(ID, &path, &content, 0o644, reason)),
    })
}

/// Without udev the kernel's names stay: eth0, eth1 … in the order of the bus.
fn unrenamed(facts: &GuestFacts, pin: &Pin) -> Option<Concern> {
    if pin.name == "eth0" && facts.hardware.nics.len() == 1 {
        return None;
    }
    Some(Concern::new(
        "guest.network.unpinned",
        Severity::Warning,
        &pin.name,
        "the guest has no udev, so that its NICs are eth0, eth1 … in the order in which the kernel finds them",
        "look at the network after the first boot, or install eudev in the guest before the migration",
    ))
}

/// systemd.link(5) warns of names that the kernel gives itself: whoever is first has the name.
fn kernel_name(facts: &GuestFacts, pair: &Pair) -> Option<Concern> {
    let number: usize = pair.name.strip_prefix("eth")?.parse().ok()?;
    if facts.hardware.nics.len() < 2 || number == pair.nic {
        return None;
    }
    let message = format!(
        "it belongs to NIC {} of the VM, which the kernel finds in another place; the kernel may give the name away first",
        pair.nic
    );
    Some(Concern::new(
        "guest.network.kernel-name",
        Severity::Warning,
        &pair.name,
        message,
        "look at the network after the first boot; names that do not begin with eth avoid it",
    ))
}

fn unmatched(found: &Matching) -> Vec<Concern> {
    let concern = |name: &String| {
        let (severity, message) = if found.nics.is_empty() {
            (Severity::Information, "the guest configures it, but the VM has no NIC that could be it")
        } else {
            (Severity::Warning, "the guest configures it, and h2k cannot tell which NIC of the VM it is")
        };
        Concern::new(
            "guest.network.unmatched",
            severity,
            name,
            message,
            "tie the configuration to the NIC's MAC address in the guest before the migration",
        )
    };
    found.names.iter().map(concern).collect()
}
