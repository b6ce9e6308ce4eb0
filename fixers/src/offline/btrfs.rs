//! Which subvolumes of a btrfs file system hold a system, and which a snapshot of one.
//!
//! A snapshot of a root holds all that a root holds, its fstab too. That names the subvolume that the system is
//! mounted from, so a copy of the system tells of itself that it is none: it lies elsewhere. An fstab that names no
//! subvolume means the default one (btrfs-subvolume(8), `set-default`), which is how snapper's rollback works.

use std::collections::BTreeMap;

use super::session::Session;
use crate::error::Result;
use crate::facts::FstabEntry;
use crate::guest::{FileKind, Guest};
use crate::inspect::fstab;

/// Subvolumes that are looked at: two calls of the appliance each. snapper's timeline keeps about 60 of a root.
const MAX_SUBVOLUMES: usize = 1000;

/// Id of the top level, which every btrfs has (btrfs-subvolume(8), "SUBVOLUME AND SNAPSHOT").
const TOP_LEVEL: u64 = 5;

/// What lies in a subvolume that has the directories of a system.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    /// Path from the top level, empty for that itself.
    path: String,
    /// The subvolume that its fstab mounts as root.
    claims: Claim,
}

/// What an fstab says of the root's subvolume.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Claim {
    /// `subvol=`.
    Path(String),
    /// `subvolid=`.
    Id(u64),
    /// Neither.
    Default,
}

/// What was found on a btrfs file system.
pub(super) enum Roots {
    /// libguestfs' names of the subvolumes that are systems; none where it holds other files.
    Known(Vec<String>),
    /// There are systems, and their files do not tell which is not a copy.
    Unsure,
}

impl Session {
    /// Looks into every subvolume of `device` through a mount of the top level. Nothing else may be mounted.
    ///
    /// # Errors
    /// It cannot be mounted or read.
    pub(super) fn btrfs_roots(&self, device: &str) -> Result<Roots> {
        let options = format!("ro,subvolid={TOP_LEVEL}");
        self.ask(&format!("mounting {device}"), |g| g.mount_options(&options, device, "/"))?;
        let found = self.look_into_subvolumes();
        self.ask("unmounting", |g| g.umount_all())?;
        let (paths, default, candidates) = found?;
        if candidates.is_empty() {
            return Ok(Roots::Known(Vec::new()));
        }
        let own = own(&candidates, &paths, default);
        Ok(if own.is_empty() {
            Roots::Unsure
        } else {
            Roots::Known(own.into_iter().map(|path| mountable(device, path)).collect())
        })
    }

    fn look_into_subvolumes(&self) -> Result<(BTreeMap<u64, String>, u64, Vec<Candidate>)> {
        let listed = self.ask("listing subvolumes", |g| g.btrfs_subvolume_list("/"))?;
        let default = self.ask("asking for the default subvolume", |g| g.btrfs_subvolume_get_default("/"))?;
        let mut paths: BTreeMap<u64, String> = listed
            .into_iter()
            .take(MAX_SUBVOLUMES)
            .map(|s| (s.btrfssubvolume_id, s.btrfssubvolume_path))
            .collect();
        paths.insert(TOP_LEVEL, String::new());
        let mut candidates = Vec::new();
        for path in paths.values() {
            let base = if path.is_empty() { String::new() } else { format!("/{path}") };
            let dir = |name: &str| -> Result<bool> {
                let stat = self.lstat(&format!("{base}/{name}"))?;
                Ok(stat.is_some_and(|s| s.kind == FileKind::Directory))
            };
            if dir("etc")? && dir("usr")? {
                // What is no plain file there is no fstab of a system that boots.
                let text =
                    self.read(&format!("{base}{}", fstab::PATH)).unwrap_or_default().unwrap_or_default();
                let claims = claim(&fstab::parse(&String::from_utf8_lossy(&text)));
                candidates.push(Candidate { path: path.clone(), claims });
            }
        }
        Ok((paths, u64::try_from(default).unwrap_or(TOP_LEVEL), candidates))
    }
}

/// libguestfs' name of a subvolume, guestfs(3) "MOUNTABLES".
fn mountable(device: &str, path: &str) -> String {
    if path.is_empty() { device.to_owned() } else { format!("btrfsvol:{device}/{path}") }
}

fn claim(entries: &[FstabEntry]) -> Claim {
    let Some(root) = entries.iter().find(|e| e.mountpoint == "/") else { return Claim::Default };
    let option = |name: &str| root.options.split(',').find_map(|o| o.strip_prefix(name));
    if let Some(path) = option("subvol=") {
        return Claim::Path(path.trim_matches('/').to_owned());
    }
    option("subvolid=").and_then(|id| id.parse().ok()).map_or(Claim::Default, Claim::Id)
}

/// Those that say of themselves that they are mounted as root.
fn own<'a>(candidates: &'a [Candidate], paths: &BTreeMap<u64, String>, default: u64) -> Vec<&'a str> {
    let by_id = |id: u64, candidate: &Candidate| paths.get(&id) == Some(&candidate.path);
    let is_own = |c: &&Candidate| match &c.claims {
        Claim::Path(path) => *path == c.path,
        Claim::Id(id) => by_id(*id, c),
        Claim::Default => by_id(default, c),
    };
    candidates.iter().filter(is_own).map(|c| c.path.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(of: &[(u64, &str)]) -> BTreeMap<u64, String> {
        of.iter().map(|(id, path)| (*id, (*path).to_owned())).chain([(TOP_LEVEL, String::new())]).collect()
    }

    fn candidates(fstab: &str, of: &[&str]) -> Vec<Candidate> {
        let claims = claim(&fstab::parse(fstab));
        of.iter().map(|path| Candidate { path: (*path).to_owned(), claims: claims.clone() }).collect()
    }

    #[test]
    fn a_snapshot_says_that_the_root_is_elsewhere() {
        let paths = paths(&[(256, "@"), (257, "@home"), (300, "@snapshots/1/snapshot")]);
        for fstab in ["UUID=1 / btrfs subvol=/@ 0 0", "UUID=1 / btrfs noatime,subvolid=256 0 0"] {
            let found = candidates(fstab, &["@", "@snapshots/1/snapshot"]);
            assert_eq!(own(&found, &paths, TOP_LEVEL), ["@"], "{fstab}");
        }
    }

    #[test]
    fn without_a_subvolume_in_fstab_the_default_one_is_meant() {
        let paths = paths(&[(256, "@"), (270, "@/.snapshots/1/snapshot"), (280, "@/.snapshots/2/snapshot")]);
        let found = candidates(
            "UUID=1 / btrfs defaults 0 0",
            &["@/.snapshots/1/snapshot", "@/.snapshots/2/snapshot"],
        );
        assert_eq!(own(&found, &paths, 280), ["@/.snapshots/2/snapshot"]);
        assert_eq!(own(&candidates("", &["", "backup"]), &paths, TOP_LEVEL), [""]);
    }

    #[test]
    fn copies_of_a_system_that_is_gone_are_no_systems() {
        let found = candidates("UUID=1 / btrfs subvol=@ 0 0", &["@snapshots/1/snapshot"]);
        assert_eq!(own(&found, &paths(&[(300, "@snapshots/1/snapshot")]), TOP_LEVEL), [""; 0]);
    }
}
