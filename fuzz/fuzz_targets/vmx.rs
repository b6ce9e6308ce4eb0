//! VMX descriptions. Seeds: fixtures/vmx.
//!
//! Invariants: reading never fails or panics, opens no file, and finds no disk on a bus twice in one place;
//! disks come in the order of their buses, controllers and units.
#![no_main]

use std::path::Path;

use h2k_transports::{Bus, vmx};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let description = vmx::describe(data, Path::new("fuzz.vmx"));
    let rank = |bus| [Bus::Scsi, Bus::Nvme, Bus::Sata, Bus::Ide].iter().position(|b| *b == bus);
    let places: Vec<_> = description
        .disk_files
        .iter()
        .map(|disk| (rank(disk.slot.bus), disk.slot.controller, disk.slot.unit))
        .collect();
    assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
    assert!(description.vm.disks.is_empty());
});
