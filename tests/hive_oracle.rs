//! The SYSTEM hive of a real Windows 10 (a VMware guest with VMware Tools): its facts. What the repairs make of it and of
//! all hives of the phony guests, as a reader sees it that shares no code with h2k or hivex (see fixtures/oracle).

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use h2k_config::Policy;
use h2k_fixers::facts::{GuestFacts, NicHardware, SourceHardware};
use h2k_fixers::hive::{RegChange, RegOp};
use h2k_fixers::registry::FIXERS;
use h2k_fixers::windows::{drivers::Role, inspect, phony, ready};
use h2k_fixers::{Change, Edit, GuestMut, MemoryGuest, Recorder};

use crate::common::{Place, oracle, run};

const SYSTEM: &str = "/c/Windows/System32/config/SYSTEM";
const SOFTWARE: &str = "/c/Windows/System32/config/SOFTWARE";
const STORE: &str = "/boot/Boot/BCD";

fn guest() -> MemoryGuest {
    let hive = std::fs::read(oracle("SYSTEM")).unwrap();
    MemoryGuest::new()
        .file(SYSTEM, hive)
        .file(SOFTWARE, phony::hives("10").1)
        .file("/c/Windows/System32/ntoskrnl.exe", "MZ")
        .dir("/c/Windows/INF")
}

fn facts(guest: &MemoryGuest) -> GuestFacts {
    let nic = NicHardware {
        mac: "00:0c:29:66:1a:a2".to_owned(),
        mac_from_source: true,
        pci_slot: Some(160),
        ..NicHardware::default()
    };
    let hardware = SourceHardware { nics: vec![nic], ..SourceHardware::default() };
    let systems = vec![inspect::system(guest, "/dev/sda3", "/c/Windows").unwrap()];
    let mut facts = GuestFacts { hardware, systems, ..GuestFacts::default() };
    inspect::gather(guest, &mut facts).unwrap();
    facts
}

#[test]
fn a_real_hive_tells_what_it_is() {
    let facts = facts(&guest());
    let windows = facts.windows.unwrap();
    assert_eq!(windows.control_sets, ["ControlSet001"]);
    assert_eq!(windows.driver_database.as_deref(), Some(SYSTEM));
    assert_eq!((windows.version.arch.as_str(), windows.version.product_type.as_str()), ("x86_64", "WinNT"));
    let [adapter] = windows.adapters.as_slice() else { panic!("{:?}", windows.adapters) };
    assert_eq!((adapter.name.as_str(), adapter.slot, adapter.nic), ("Ethernet0", Some(160), Some(0)));
    assert_eq!(adapter.mac.as_deref(), Some("00:0c:29:66:1a:a2"));
    assert!(adapter.dhcp);
    // Shared with Windows' own are mouclass, mouhid and i8042prt; vmbus, vmgid and vmic* are Windows' own altogether.
    let services: BTreeSet<&str> =
        windows.tools.iter().flat_map(|t| &t.services).map(String::as_str).collect();
    assert_eq!(services, BTreeSet::from(["vmci", "vmmouse", "vmusbmouse"]));
    assert!(windows.drive_letters.contains_key("C:"));
}

/// What the edits say that they change, in the words of the oracle, which said `before` of the hive.
struct Expected {
    gone: BTreeSet<String>,
    new: BTreeSet<String>,
}

fn expected(edits: &[Edit], hive: &str, before: &BTreeSet<String>) -> Expected {
    let mut expected = Expected { gone: BTreeSet::new(), new: BTreeSet::new() };
    for change in edits.iter().flat_map(|edit| changes(edit, hive)) {
        let mut gone = |line: String| {
            if !expected.new.remove(&line) {
                expected.gone.insert(line);
            }
        };
        let line = |name: &str, (kind, data): (u32, Vec<u8>)| {
            let hex: String = data.iter().map(|b| format!("{b:02x}")).collect();
            format!("\\{}\t{name}\t{kind}\t{hex}", change.key)
        };
        match &change.op {
            RegOp::Create => drop(expected.new.insert(format!("\\{}", change.key))),
            RegOp::Set { name, before, after } => {
                if let Some(before) = before {
                    gone(line(name, before.to_raw()));
                }
                expected.new.insert(line(name, after.to_raw()));
            }
            RegOp::Unset { name, before } => gone(line(name, before.to_raw())),
            RegOp::Delete { .. } => {
                let below = |line: &&String| {
                    let rest = line.strip_prefix('\\').and_then(|line| line.strip_prefix(&change.key));
                    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['\\', '\t']))
                };
                before.iter().filter(below).for_each(|line| gone(line.clone()));
            }
        }
    }
    expected
}

fn changes<'a>(edit: &'a Edit, hive: &str) -> &'a [RegChange] {
    match &edit.change {
        Change::Registry { path, changes } if path == hive => changes,
        _ => &[],
    }
}

/// Lines of the oracle; `find` are keys that it also looks up.
fn read(hive: &Path, find: &[&str]) -> BTreeSet<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/oracle/read-hive");
    let ran = run(Command::new(oracle("bin/python3")).arg(script).arg(hive).args(find)).expect(0);
    ran.stdout.lines().map(str::to_owned).collect()
}

/// Copies a guest's file to the host.
fn copy(guest: &MemoryGuest, path: &str, to: &Path) {
    let mut content = h2k_fixers::Guest::open(guest, path).unwrap();
    std::io::copy(&mut content, &mut std::fs::File::create(to).unwrap()).unwrap();
}

/// All repairs, made.
fn repair(place: &Place, guest: &mut MemoryGuest, facts: &GuestFacts) -> Vec<Edit> {
    let policy = Policy { virtio_win: Some(place.path("virtio-win")), ..Policy::default() };
    let mut recorder = Recorder::new(guest);
    for fixer in FIXERS {
        for edit in fixer.plan(facts, &recorder, &policy).unwrap().edits {
            recorder.apply(&edit).unwrap();
        }
    }
    let edits = recorder.into_edits();
    for edit in &edits {
        guest.apply(edit).unwrap();
    }
    edits
}

/// The oracle sees of a hive what the edits say, and nothing else; how many keys are new.
#[track_caller]
fn assert_changed_as_planned(
    place: &Place,
    hive: &str,
    guests: (&MemoryGuest, &MemoryGuest),
    edits: &[Edit],
) -> usize {
    let files = [place.path("before"), place.path("after")];
    copy(guests.0, hive, &files[0]);
    copy(guests.1, hive, &files[1]);
    let created: Vec<&str> = edits
        .iter()
        .flat_map(|edit| changes(edit, hive))
        .filter(|change| change.op == RegOp::Create)
        .map(|change| change.key.as_str())
        .collect();
    let (before, after) = (read(&files[0], &[]), read(&files[1], &created));
    let expected = expected(edits, hive, &before);
    let gone: BTreeSet<_> = before.difference(&after).cloned().collect();
    let new: BTreeSet<_> = after.difference(&before).cloned().collect();
    assert_eq!(gone, expected.gone, "{hive}");
    assert_eq!(new, expected.new, "{hive}");
    created.len()
}

#[test]
fn a_real_hive_is_changed_as_planned_and_in_nothing_else() {
    let place = Place::new();
    phony::virtio_win(&place.path("virtio-win"));
    let before = guest();
    let facts = facts(&before);
    let mut after = guest();
    let edits = repair(&place, &mut after, &facts);
    let ready = ready::ready(&after, facts.windows.as_ref().unwrap()).unwrap();
    assert!(ready.contains(&Role::Blk) && ready.contains(&Role::Network), "{ready:?}");
    let deleted = |change: &RegChange| matches!(change.op, RegOp::Delete { keys } if keys > 0);
    let lost = edits.iter().flat_map(|edit| changes(edit, SYSTEM)).find(|change| deleted(change));
    assert!(lost.is_none(), "no key of the real hive is to go: {lost:?}");
    assert!(assert_changed_as_planned(&place, SYSTEM, (&before, &after), &edits) > 50);
}

/// With all ways to tie a driver to its device, and with the boot configuration store.
#[test]
fn hives_of_every_release_are_changed_as_planned_and_in_nothing_else() {
    let place = Place::new();
    phony::virtio_win(&place.path("virtio-win"));
    for release in phony::releases() {
        let (system, software) = phony::hives(release);
        let phony = || {
            MemoryGuest::new()
                .file(SYSTEM, system.clone())
                .file(SOFTWARE, software.clone())
                .file(STORE, phony::store())
                .file("/c/Windows/System32/ntoskrnl.exe", "MZ")
                .dir("/c/Windows/INF")
        };
        let (before, mut after) = (phony(), phony());
        let facts = facts(&before);
        assert_eq!(facts.windows.as_ref().unwrap().boot_stores, [STORE]);
        let edits = repair(&place, &mut after, &facts);
        let of = |hive: &str| edits.iter().flat_map(|edit| changes(edit, hive)).count();
        for hive in [SYSTEM, SOFTWARE, STORE] {
            // Before Windows 8 the directory of the drivers stands in SOFTWARE; since then there is nothing to change there.
            if of(hive) > 0 {
                assert_changed_as_planned(&place, hive, (&before, &after), &edits);
            }
        }
        assert!(of(SYSTEM) > 20 && of(STORE) == 1, "{release}: {} {}", of(SYSTEM), of(STORE));
    }
}
