//! A phony Windows and phony drivers, for tests on real disks.

use std::path::Path;

use super::drivers::testing::Tree;
use super::testing::RELEASES;

/// SYSTEM and SOFTWARE hives of a phony guest of a release (`2022`, `7`, `xp-32`).
///
/// # Panics
/// There is no release of this name.
pub fn hives(release: &str) -> (Vec<u8>, Vec<u8>) {
    let found = RELEASES.iter().find(|r| r.name == release);
    assert!(found.is_some(), "no release {release}");
    found.map(|r| r.phony().hives()).unwrap_or_default()
}

/// A program that names its company.
pub fn program(company: &str) -> Vec<u8> {
    super::company::sample(company)
}

/// Writes a phony virtio-win below a directory of this host.
pub fn virtio_win(root: &Path) {
    Tree::virtio_win().write(root);
}
