//! Any bytes as an INF file, for four Windows. Invariants: no panic; fields, and what they stand for, are within the
//! limits; what is resolved names sections of the file.
#![no_main]

use h2k_fixers::windows::inf::{Inf, MAX_ENTRIES, MAX_FIELD};
use h2k_fixers::windows::{Arch, ProductType, WindowsTarget};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(inf) = Inf::parse("fuzz.inf", bytes) else { return };
    for line in inf.lines() {
        for field in line.key.iter().chain(&line.values) {
            assert!(field.chars().count() <= MAX_FIELD);
            assert!(inf.substitute(field).chars().count() <= MAX_FIELD);
        }
    }
    for (major, minor, build, arch) in [
        (5, 1, 2600, Arch::X86),
        (6, 1, 7601, Arch::Amd64),
        (10, 0, 14393, Arch::Amd64),
        (10, 0, 26100, Arch::Arm64),
    ] {
        let target = WindowsTarget::new(major, minor, build, arch, ProductType::Server);
        let _ = inf.listed_files(&target);
        let Ok(devices) = inf.resolve(&target) else { continue };
        assert!(devices.len() <= MAX_ENTRIES);
        for device in &devices {
            assert!(device.ids().any(|id| !id.is_empty()));
            assert!(inf.section(&device.models).is_some());
            assert!(inf.section(&device.install.section).is_some());
        }
    }
});
