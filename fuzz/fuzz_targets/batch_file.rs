//! Batch files and configuration files. Seeds: fuzz/seeds/batch_file.
//!
//! Invariants: reading never panics; what is refused has a mistake, at most 20 are told, in the order of their places;
//! of what is taken, every wave stands after those that it waits for, every VM's wave is there, and no two VMs have one
//! name.
#![no_main]

use std::collections::HashSet;
use std::path::Path;

use h2k_config::{batch, yaml};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = yaml::settings(text);
    match batch::read(Path::new("/srv/fuzz.yaml"), text, Some(Path::new("/home/fuzz"))) {
        Err(mistakes) => {
            assert!((1..=20).contains(&mistakes.list.len()));
            assert!(mistakes.list.is_sorted_by_key(|mistake| mistake.at));
        }
        Ok(file) => {
            assert!(!file.vms.is_empty() && !file.waves.is_empty());
            for (index, wave) in file.waves.iter().enumerate() {
                assert!(wave.after.iter().all(|before| *before < index));
            }
            assert!(file.vms.iter().all(|vm| vm.wave < file.waves.len()));
            let mut names = HashSet::new();
            assert!(file.vms.iter().filter_map(|vm| vm.name.as_ref()).all(|name| names.insert(name)));
        }
    }
});
