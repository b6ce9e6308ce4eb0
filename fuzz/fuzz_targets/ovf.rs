//! OVF descriptors. Seeds: fixtures/ovf.
//!
//! Invariants: reading never panics, opens no file and takes no entity; what was read can be described, and
//! no two disks or drives of a machine are in one place.
#![no_main]

use std::path::Path;

use h2k_transports::ovf;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(envelope) = ovf::Envelope::parse(data) else { return };
    let description = ovf::describe(&envelope, "fuzz", Path::new("fuzz.ovf"));
    let disks = description.disks.iter().map(|disk| &disk.slot);
    let drives = description.vm.cdroms.iter().map(|drive| &drive.slot);
    let mut places: Vec<_> = disks.chain(drives).map(|slot| (slot.bus, slot.controller, slot.unit)).collect();
    let count = places.len();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), count);
});
