//! Which NIC has which name in the guest's network configuration.
//!
//! In order of what proves it: the guest's own rule or `.link` file, the MAC in the configuration, an address that the
//! hypervisor saw at the NIC, a DHCP lease, VMware's slot, and where one NIC and one name are left, that they are left.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::existing::{self, Named};
use super::slots;
use crate::error::Result;
use crate::facts::{GuestFacts, LeaseFacts, NicHardware};
use crate::guest::Guest;
use crate::inspect::network::names::fits_glob;
use crate::linux::text::TextFile;

/// What proves that a NIC has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// The guest gives the name to the MAC itself, and goes on doing so.
    Guest,
    /// The configuration ties the name to the MAC.
    Mac,
    /// The name's address is the one that the hypervisor saw at the NIC.
    Address,
    /// A DHCP lease tells both.
    Lease,
    /// The name is that of the NIC's slot on VMware.
    Slot,
    /// No other NIC and no other name are left.
    Rest,
}

/// A NIC and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    /// Name in the guest.
    pub name: String,
    /// Index of the NIC.
    pub nic: usize,
    /// What proves it.
    pub by: By,
}

/// NICs and names.
#[derive(Debug, Default)]
pub(crate) struct Matching {
    /// What belongs together.
    pub pairs: Vec<Pair>,
    /// Configured names without a NIC.
    pub names: Vec<String>,
    /// NICs without a name.
    pub nics: Vec<usize>,
    /// Files that match a NIC's MAC first and give no name, so that no later `.link` file counts.
    pub shadowed: Vec<(usize, String)>,
}

/// Matches the configured names to the VM's NICs.
///
/// # Errors
/// The guest could not be read.
pub(crate) fn matching(facts: &GuestFacts, guest: &dyn Guest) -> Result<Matching> {
    let mut state = State::new(facts);
    state.by_guest(&existing::names(guest)?);
    state.by_mac(guest)?;
    state.by_address();
    state.by_lease(true);
    state.by_slot();
    state.by_rest();
    if state.out.names.is_empty() {
        state.by_pattern();
        state.by_lease(false);
    }
    Ok(state.out)
}

/// What a NIC may be called on the target, where nothing pins it: on Q35 NICs sit behind root ports.
pub(super) const ON_KVM: &str = "enp1s0";

struct State<'a> {
    facts: &'a GuestFacts,
    out: Matching,
}

impl<'a> State<'a> {
    fn new(facts: &'a GuestFacts) -> Self {
        let mut out = Matching { nics: (0..facts.hardware.nics.len()).collect(), ..Matching::default() };
        let mut seen = BTreeSet::new();
        let names = facts.network.interfaces.iter().map(|i| i.name.clone()).filter(|name| !name.is_empty());
        out.names = names.filter(|name| seen.insert(name.clone())).collect();
        Self { facts, out }
    }

    fn nic(&self, index: usize) -> Option<&'a NicHardware> {
        self.facts.hardware.nics.get(index)
    }

    fn free(&self) -> Vec<(usize, &'a NicHardware)> {
        self.out.nics.iter().filter_map(|i| Some((*i, self.nic(*i)?))).collect()
    }

    fn pair(&mut self, name: &str, nic: usize, by: By) {
        self.out.names.retain(|n| n != name);
        self.out.nics.retain(|i| *i != nic);
        self.out.pairs.push(Pair { name: name.to_owned(), nic, by });
    }

    fn by_guest(&mut self, named: &[Named]) {
        for (index, nic) in self.free() {
            match named.iter().find(|n| nic.has_mac(&n.mac)) {
                Some(Named { name: Some(name), .. }) => self.pair(name, index, By::Guest),
                Some(Named { name: None, file, .. }) => self.out.shadowed.push((index, file.clone())),
                None => {}
            }
        }
    }

    fn by_mac(&mut self, guest: &dyn Guest) -> Result<()> {
        for interface in &self.facts.network.interfaces {
            let Some(mac) = &interface.mac else { continue };
            let found = self.free().into_iter().find(|(_, nic)| nic.has_mac(mac)).map(|(index, _)| index);
            let Some(index) = found else { continue };
            if interface.name.is_empty() {
                // It is configured under whatever name it has.
                self.out.nics.retain(|i| *i != index);
            } else if self.out.names.contains(&interface.name) {
                let by =
                    if sets_name(guest, &interface.file, &interface.name)? { By::Guest } else { By::Mac };
                self.pair(&interface.name, index, by);
            }
        }
        Ok(())
    }

    fn by_address(&mut self) {
        for (index, nic) in self.free() {
            let seen: BTreeSet<IpAddr> = nic.addresses.iter().filter_map(|a| a.parse().ok()).collect();
            let has_one = |addresses: &[String]| {
                let plain = addresses.iter().filter_map(|a| a.split('/').next()?.parse().ok());
                plain.into_iter().any(|address: IpAddr| seen.contains(&address))
            };
            let configured = self.facts.network.interfaces.iter();
            let found: BTreeSet<&String> = configured
                .filter(|i| self.out.names.contains(&i.name) && has_one(&i.addresses))
                .map(|i| &i.name)
                .collect();
            // An address that two interfaces have proves nothing.
            if let [name] = found.into_iter().collect::<Vec<_>>().as_slice() {
                self.pair(name, index, By::Address);
            }
        }
    }

    /// The newest lease counts: a name is of today, or of the template that the VM was made from.
    fn by_lease(&mut self, configured: bool) {
        for (index, nic) in self.free() {
            let of_nic = |lease: &&LeaseFacts| match &lease.mac {
                Some(mac) => nic.has_mac(mac),
                None => nic.addresses.contains(&lease.address),
            };
            let taken = |name: &String| self.out.pairs.iter().any(|pair| pair.name == *name);
            let fits = |name: &String| {
                if configured { self.out.names.contains(name) } else { !taken(name) }
            };
            let leases = self.facts.network.leases.iter().filter(of_nic).map(|l| &l.interface);
            if let Some(name) = leases.rev().find(|name| fits(name)).cloned() {
                self.pair(&name, index, By::Lease);
            }
        }
    }

    /// A configuration for `ens*` fits the name of the slot, and not the one that the NIC would get on KVM.
    fn by_pattern(&mut self) {
        let patterns: Vec<&str> = name_patterns(self.facts).collect();
        let fits = |name: &str| patterns.iter().any(|pattern| fits_glob(name, pattern));
        if fits(ON_KVM) {
            return;
        }
        for (index, nic) in self.free() {
            let name = format!("ens{}", nic.pci_slot.unwrap_or_default());
            if nic.pci_slot.is_some() && fits(&name) {
                self.pair(&name, index, By::Slot);
            }
        }
    }

    fn by_slot(&mut self) {
        for (index, nic) in self.free() {
            let named = |name: &&String| nic.pci_slot.is_some_and(|slot| slots::gives(slot, name));
            if let Some(name) = self.out.names.iter().find(named).cloned() {
                self.pair(&name, index, By::Slot);
            }
        }
    }

    fn by_rest(&mut self) {
        let free = self.free();
        let ([name], [(index, nic)]) = (self.out.names.as_slice(), free.as_slice()) else { return };
        // A name of another slot, or one that is tied to a MAC that is gone, is a leftover of another NIC.
        let other_slot = nic.pci_slot.is_some() && slots::names_slot(name);
        let tied = self.facts.network.interfaces.iter().any(|i| i.name == *name && i.mac.is_some());
        if !other_slot && (!tied || self.facts.hardware.nics.len() == 1) {
            let (name, index) = (name.clone(), *index);
            self.pair(&name, index, By::Rest);
        }
    }
}

/// Patterns for the names of NICs.
pub(super) fn name_patterns(facts: &GuestFacts) -> impl Iterator<Item = &str> {
    let conditions = facts.network.conditions.iter().filter(|c| c.kind == "name");
    conditions.flat_map(|c| c.value.split_whitespace())
}

/// Whether a netplan file gives the name itself: `set-name` with a match by MAC becomes a `.link` file at each boot
/// (netplan(5), "Properties for physical device types").
fn sets_name(guest: &dyn Guest, file: &str, name: &str) -> Result<bool> {
    if !file.contains("/netplan/") {
        return Ok(false);
    }
    let Some(file) = TextFile::read(guest, file)? else { return Ok(false) };
    let sets = |line: &str| {
        let value = line.split_once("set-name:").map(|(_, value)| value.trim_start());
        let value = value
            .map(|v| v.split([',', '}', '#']).next().unwrap_or_default().trim().trim_matches(['"', '\'']));
        value == Some(name)
    };
    Ok(file.text.lines().any(sets))
}
