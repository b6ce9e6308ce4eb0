//! Whole guests of each distribution, from text to plan: `guests/NAME.txt` is the guest, `snapshots/NAME.snap` what
//! inspection says of it and what all repairs together would do. Read them side by side.
//!
//! Each plan is carried out and facts are gathered anew: nothing may be left to do, and unless the plan says that it is
//! not ready, every link from the firmware to the root resolves.

mod shown;

use h2k_config::{DiskBus, Policy};

use super::phony::{self, Phony, every_guest};
use crate::facts::FirmwareOnDisk;
use crate::readiness::{self, Readiness, Target};
use crate::registry::FIXERS;
use crate::{Change, Concern, Edit, GuestFacts, GuestMut, MemoryGuest, Recorder, Severity};

/// Edits and concerns of every repair, each of which sees what those before it propose.
fn plan(facts: &GuestFacts, guest: &MemoryGuest) -> (Vec<Edit>, Vec<Concern>) {
    let mut recorder = Recorder::new(guest);
    let mut concerns = Vec::new();
    for fixer in FIXERS {
        let proposal = fixer.plan(facts, &recorder, &Policy::default()).unwrap();
        proposal.edits.iter().for_each(|edit| recorder.apply(edit).unwrap());
        concerns.extend(proposal.concerns);
    }
    (recorder.into_edits(), concerns)
}

/// Carries the edits out. A program that builds an initramfs leaves one with all of the kernel's drivers.
fn carry_out(edits: &[Edit], facts: &GuestFacts, guest: &mut MemoryGuest) {
    for edit in edits {
        assert!(!edit.reason.is_empty(), "an edit without a reason: {edit:?}");
        guest.apply(edit).unwrap();
        let Change::Run { argv, changes } = &edit.change else { continue };
        // Generators of boot loaders' files would write them for the appliance's firmware and disks.
        assert!(!argv.iter().any(|word| word.contains("grub")), "{argv:?}");
        for kernel in &facts.kernels {
            if let Some(initramfs) = kernel.initramfs.as_ref().filter(|i| changes.contains(&i.path)) {
                guest.put(&initramfs.path, &phony::image(&kernel.version, phony::DRIVERS));
            }
        }
    }
}

/// The chain from firmware to root on virtio.
fn chain(facts: &GuestFacts, guest: &MemoryGuest) -> Readiness {
    let target = Target {
        uefi: facts.firmware == FirmwareOnDisk::Uefi,
        disks: vec![DiskBus::VirtioBlk; facts.disks.len()],
        boot_order: (0..facts.disks.len()).collect(),
    };
    readiness::check(facts, guest, &target)
}

fn check(name: &str, text: &str) {
    let Phony { mut guest, facts: before } = phony::parse(text);
    let facts = phony::gathered(&guest, &before);
    let (edits, concerns) = plan(&facts, &guest);
    let mut shown = shown::all(text, &facts, &edits, &concerns);
    shown.push_str(&shown::chain("before", &chain(&facts, &guest)));
    carry_out(&edits, &facts, &mut guest);
    let after = phony::gathered(&guest, &before);
    let chain = chain(&after, &guest);
    shown.push_str(&shown::chain("after", &chain));
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("distros/snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, shown));
    let (left, still) = plan(&after, &guest);
    assert_eq!(left, Vec::new(), "{name}: something is left to do");
    let worse: Vec<&Concern> = still.iter().filter(|c| !concerns.contains(c)).collect();
    assert_eq!(worse, Vec::<&Concern>::new(), "{name}: the repairs raise concerns");
    let ready = concerns.iter().all(|c| c.severity != Severity::Critical);
    assert!(!ready || chain.broken().is_none(), "{name}: it would not boot: {:?}", chain.broken());
}

macro_rules! guests {
    ($($name:ident)*) => {
        $(#[test] fn $name() {
            check(stringify!($name), include_str!(concat!("distros/guests/", stringify!($name), ".txt")));
        })*

        #[test]
        fn no_guest_is_forgotten() {
            let known = [$(concat!(stringify!($name), ".txt")),*];
            let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/src/linux/distros/guests");
            for entry in std::fs::read_dir(dir).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                assert!(known.contains(&name.as_str()), "{name} is not in the list");
            }
        }
    };
}

every_guest!(guests);
