//! Disks that take an appliance to make: made once, and kept in h2k's cache by what they are made of.

use std::fs;
use std::path::{Path, PathBuf};

use super::disk::text;
use super::host_tree::content;
use super::{cache, ok};

/// Puts a disk at `to`: the kept one, or one that `make` makes at the path that it is given. `of`: everything else that
/// it is made of; `tree`: the files in it.
pub fn kept(name: &str, of: &[&str], tree: &Path, to: &Path, make: impl FnOnce(&Path)) {
    let mut key = blake3::Hasher::new();
    for part in of.iter().copied().chain([content(tree).as_str()]) {
        key.update(&part.len().to_le_bytes()).update(part.as_bytes());
    }
    let dir = std::env::var_os("H2K_FIXTURE_CACHE").map_or_else(|| cache().join("fixtures"), PathBuf::from);
    fs::create_dir_all(&dir).unwrap();
    let disk: PathBuf = dir.join(format!("{name}-{}.raw", &key.finalize().to_hex()[..16]));
    if !disk.exists() {
        // Another test may make the same meanwhile.
        let aside =
            tempfile::Builder::new().prefix(&format!("{name}-")).suffix(".new").tempfile_in(&dir).unwrap();
        make(aside.path());
        aside.persist(&disk).unwrap();
    }
    ok("cp", &["--sparse=always", text(&disk), text(to)]);
}
