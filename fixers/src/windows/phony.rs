//! A phony Windows and phony drivers, for tests on real disks.

use std::path::Path;

use super::drivers::testing::Tree;
use super::testing::RELEASES;
use crate::hive::testing;

/// Names of the releases that there are phony guests of.
pub fn releases() -> Vec<&'static str> {
    RELEASES.iter().map(|release| release.name).collect()
}

/// SYSTEM and SOFTWARE hives of a phony guest of a release (`2022`, `7`, `xp-32`).
///
/// # Panics
/// There is no release of this name.
pub fn hives(release: &str) -> (Vec<u8>, Vec<u8>) {
    let found = RELEASES.iter().find(|r| r.name == release);
    assert!(found.is_some(), "no release {release}");
    found.map(|r| r.phony().hives()).unwrap_or_default()
}

/// A boot configuration store whose default entry forbids graphics.
pub fn store() -> Vec<u8> {
    testing::hive(
        "BCD",
        r#"
        [Objects\{9dea862c-5cdd-4e70-acc1-f32b344d4795}\Elements\23000003]
        "Element"="{11111111-2222-3333-4444-555555555555}"
        [Objects\{11111111-2222-3333-4444-555555555555}\Elements\12000004]
        "Element"="Windows 7"
        [Objects\{11111111-2222-3333-4444-555555555555}\Elements\16000046]
        "Element"=hex:01
        "#,
    )
}

/// A program that names its company.
pub fn program(company: &str) -> Vec<u8> {
    super::company::sample(company)
}

/// Writes a phony virtio-win below a directory of this host.
pub fn virtio_win(root: &Path) {
    Tree::virtio_win().write(root);
}
