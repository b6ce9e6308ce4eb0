//! Which NIC has which name in the guest's network configuration.
//!
//! In order of what proves it: the guest's own rule or `.link` file, the MAC in the configuration, VMware's slot, and
//! where one NIC and one name are left, that they are left.

use std::collections::BTreeSet;

use super::existing::{self, Named};
use super::slots;
use crate::error::Result;
use crate::facts::{GuestFacts, NicHardware};
use crate::guest::Guest;
use crate::linux::text::TextFile;

/// What proves that a NIC has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// The guest gives the name to the MAC itself, and goes on doing so.
    Guest,
    /// The configuration ties the name to the MAC.
    Mac,
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
    state.by_slot();
    state.by_rest();
    Ok(state.out)
}

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
            match named.iter().find(|n| n.mac == nic.mac) {
                Some(Named { name: Some(name), .. }) => self.pair(name, index, By::Guest),
                Some(Named { name: None, file, .. }) => self.out.shadowed.push((index, file.clone())),
                None => {}
            }
        }
    }

    fn by_mac(&mut self, guest: &dyn Guest) -> Result<()> {
        for interface in &self.facts.network.interfaces {
            let Some(mac) = &interface.mac else { continue };
            let found = self.free().into_iter().find(|(_, nic)| nic.mac == *mac).map(|(index, _)| index);
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
