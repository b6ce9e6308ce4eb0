//! Every concern that a repair can raise, explained. A test compares this list with what the sources raise.

mod disks;
mod kernels;
mod running;
mod windows;

use crate::concern::Explained;

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Explained> {
    [disks::CONCERNS, kernels::CONCERNS, running::CONCERNS, windows::CONCERNS].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Ids that follow `Concern::new(` in the sources of repairs, tests left out.
    fn raised(dir: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            let path = entry.path();
            let name = entry.file_name().into_string().unwrap();
            if path.is_dir() {
                if name != "tests" {
                    raised(&path, found);
                }
            } else if name.ends_with(".rs") && name != "tests.rs" {
                let text = std::fs::read_to_string(&path).unwrap();
                let calls = text.split("Concern::new(").skip(1);
                let ids = calls.map(|call| call.trim_start().strip_prefix('"').map(|c| c.split('"').next()));
                for id in ids {
                    let id = id
                        .flatten()
                        .unwrap_or_else(|| panic!("{}: an id that is no literal", path.display()));
                    found.insert(id.to_owned());
                }
            }
        }
    }

    #[test]
    fn what_repairs_raise_is_explained_and_nothing_else() {
        let mut found = BTreeSet::new();
        for dir in ["src/linux", "src/windows"] {
            raised(&Path::new(env!("CARGO_MANIFEST_DIR")).join(dir), &mut found);
        }
        let explained: BTreeSet<String> = all().map(|e| e.id.to_owned()).collect();
        assert_eq!(found, explained);
        assert_eq!(all().count(), explained.len(), "an id stands twice");
    }
}
