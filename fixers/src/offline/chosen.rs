//! The one system of several that the user chose.

use super::mount::device_of;
use crate::error::{GuestError, Result};
use crate::facts::{BlockDevice, GuestFacts, SystemFacts};
use crate::linux::names::{by_tag, find_volume};

/// Most systems that an error names: more only bury what it says.
const MAX_NAMED: usize = 16;

/// Leaves in `facts.systems` the one whose root device is `wanted`: by its name in `facts`, by another that its volume
/// has, or by a tag (`UUID=…`). The others become `facts.others`.
///
/// # Errors
/// There is none, or there are several, as on subvolumes of one btrfs: [`GuestError::Root`] names what there is.
pub(super) fn choose(facts: &mut GuestFacts, wanted: &str) -> Result<()> {
    let index = match matching(facts, wanted).as_slice() {
        [one] => *one,
        [] => {
            let there = match facts.systems.as_slice() {
                [] => "there is none on the disks at all".to_owned(),
                all => format!("the disks hold {}", told(all.iter())),
            };
            return Err(refused(wanted, format!("no system is there; {there}")));
        }
        several => {
            let there = told(several.iter().filter_map(|index| facts.systems.get(*index)));
            return Err(refused(wanted, format!("several systems are there, name one of them: {there}")));
        }
    };
    let chosen = facts.systems.remove(index);
    facts.others = std::mem::replace(&mut facts.systems, vec![chosen]);
    Ok(())
}

/// Indices of the systems that `wanted` may stand for.
fn matching(facts: &GuestFacts, wanted: &str) -> Vec<usize> {
    let all = |test: &dyn Fn(&SystemFacts) -> bool| -> Vec<usize> {
        let found = facts.systems.iter().enumerate().filter(|(_, system)| test(system));
        found.map(|(index, _)| index).collect()
    };
    let exact = all(&|system| system.root == wanted);
    let Some(device) = device(facts, wanted).filter(|_| exact.is_empty()) else { return exact };
    // Any member stands for a btrfs of several devices.
    let same = |root: &str| {
        root == device.name || facts.device(root).is_some_and(|root| root.same_filesystem(device))
    };
    all(&|system| same(device_of(facts, &system.root)))
}

fn device<'a>(facts: &'a GuestFacts, wanted: &str) -> Option<&'a BlockDevice> {
    // A device without a UUID is not found by an empty one.
    let tagged =
        || Some(wanted).filter(|name| !name.ends_with(['=', '/'])).and_then(|name| by_tag(facts, name));
    facts.device(wanted).or_else(tagged).or_else(|| find_volume(facts, wanted))
}

fn told<'a>(systems: impl Iterator<Item = &'a SystemFacts>) -> String {
    let mut names: Vec<String> = systems.map(|s| format!("{} on {}", s.product, s.root)).collect();
    if names.len() > MAX_NAMED {
        let more = names.len() - MAX_NAMED;
        names.truncate(MAX_NAMED);
        names.push(format!("{more} more"));
    }
    names.join("; ")
}

fn refused(wanted: &str, why: String) -> GuestError {
    GuestError::Root { device: wanted.to_owned(), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(product: &str, root: &str) -> SystemFacts {
        SystemFacts { product: product.to_owned(), root: root.to_owned(), ..SystemFacts::default() }
    }

    fn device(name: &str, uuid: &str) -> BlockDevice {
        BlockDevice {
            name: name.to_owned(),
            uuid: uuid.to_owned(),
            fstype: "btrfs".to_owned(),
            ..BlockDevice::default()
        }
    }

    fn several() -> GuestFacts {
        let volume = BlockDevice {
            lv: Some(("vg-a".to_owned(), "root".to_owned())),
            ..device("/dev/vg-a/root", "cc")
        };
        GuestFacts {
            systems: vec![
                system("SLES 15", "btrfsvol:/dev/sda2/@/.snapshots/1/snapshot"),
                system("One", "btrfsvol:/dev/sdb1/one"),
                system("Two", "btrfsvol:/dev/sdb1/two"),
                system("Debian 12", "/dev/sda1"),
                system("RHEL 8", "/dev/vg-a/root"),
            ],
            block: vec![
                device("/dev/sda1", "aa"),
                device("/dev/sda2", "bb"),
                device("/dev/sdb1", "dd"),
                device("/dev/sdc1", "bb"),
                device("/dev/sdd1", ""),
                volume,
            ],
            ..GuestFacts::default()
        }
    }

    #[test]
    fn a_system_is_chosen_by_the_device_of_its_root() {
        for (wanted, product) in [
            ("/dev/sda1", "Debian 12"),
            ("UUID=AA", "Debian 12"),
            ("/dev/disk/by-uuid/aa", "Debian 12"),
            ("/dev/sda2", "SLES 15"),
            ("/dev/sdc1", "SLES 15"),
            ("btrfsvol:/dev/sda2/@/.snapshots/1/snapshot", "SLES 15"),
            ("btrfsvol:/dev/sdb1/two", "Two"),
            ("/dev/vg-a/root", "RHEL 8"),
            ("/dev/mapper/vg--a-root", "RHEL 8"),
        ] {
            let mut facts = several();
            choose(&mut facts, wanted).unwrap();
            assert_eq!(facts.system().map(|s| s.product.as_str()), Some(product), "{wanted}");
            let others: Vec<_> = facts.others.iter().map(|s| s.product.as_str()).collect();
            assert_eq!(others.len(), 4);
            assert!(!others.contains(&product), "{wanted}: {others:?}");
        }
    }

    #[test]
    fn the_only_system_may_be_named_too() {
        let mut facts =
            GuestFacts { systems: vec![system("Debian 12", "/dev/sda1")], ..GuestFacts::default() };
        choose(&mut facts, "/dev/sda1").unwrap();
        assert_eq!((facts.systems.len(), facts.others.len()), (1, 0));
    }

    #[test]
    fn what_holds_no_system_is_told_with_what_there_is() {
        for wanted in
            ["/dev/sda9", "/dev/sdd1", "/dev/sda", "UUID=", "UUID=ee", "/dev/disk/by-uuid/", "sda1", "=", "/"]
        {
            let error = choose(&mut several(), wanted).unwrap_err().to_string();
            assert!(
                error
                    .starts_with(&format!("--root {wanted}: no system is there; the disks hold SLES 15 on "))
            );
            assert!(error.ends_with("Debian 12 on /dev/sda1; RHEL 8 on /dev/vg-a/root"), "{error}");
        }
        let none = choose(&mut GuestFacts::default(), "/dev/sda1").unwrap_err().to_string();
        assert_eq!(none, "--root /dev/sda1: no system is there; there is none on the disks at all");
        let error = choose(&mut several(), "/dev/sdb1").unwrap_err().to_string();
        assert_eq!(
            error,
            "--root /dev/sdb1: several systems are there, name one of them: One on btrfsvol:/dev/sdb1/one; \
             Two on btrfsvol:/dev/sdb1/two"
        );
    }

    #[test]
    fn of_very_many_systems_some_are_named() {
        let systems = (0..100).map(|n| system("S", &format!("/dev/sda{n}"))).collect();
        let mut facts = GuestFacts { systems, ..GuestFacts::default() };
        let error = choose(&mut facts, "/dev/sdb").unwrap_err().to_string();
        assert!(error.ends_with("; S on /dev/sda15; 84 more"), "{error}");
    }
}
