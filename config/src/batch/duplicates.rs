//! What two VMs cannot both have, as far as the file alone shows it.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use super::VmEntry;
use crate::settings::Settings;
use crate::yaml::Mistakes;

/// Names, and with them output directories; MAC addresses on the target.
pub(super) fn duplicates(defaults: &Settings, vms: &[VmEntry], mistakes: &mut Mistakes) {
    let mut names: HashMap<&str, usize> = HashMap::new();
    // MAC on the target → the NIC that gets it, and the line; `None` for defaults.
    let mut macs: HashMap<&str, (&str, Option<usize>)> = HashMap::new();
    for (old, new) in &defaults.mac {
        macs.insert(new, (old, None));
    }
    for vm in vms {
        if let Some(name) = vm.name.as_deref() {
            match names.entry(name) {
                Slot::Occupied(first) => {
                    let message =
                        format!("two VMs have the name {name:?}; the first is on line {}", first.get());
                    mistakes.add(vm.at, message);
                }
                Slot::Vacant(slot) => {
                    slot.insert(vm.at.0);
                }
            }
        }
        for (old, new) in &vm.settings.mac {
            match macs.get(new.as_str()) {
                // The same as in defaults, said again.
                Some((other, None)) if other == old => {}
                Some((_, line)) => {
                    let first = line.map_or("in defaults".to_owned(), |line| format!("on line {line}"));
                    mistakes.add(vm.at, format!("two NICs get the MAC address {new}; the first is {first}"));
                }
                None => {
                    macs.insert(new, (old, Some(vm.at.0)));
                }
            }
        }
    }
}
