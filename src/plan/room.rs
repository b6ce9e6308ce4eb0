//! How much room the edits take inside of the guest's own file systems.

use std::collections::BTreeMap;

use h2k_fixers::facts::Mount;
use h2k_fixers::hive::{RegChange, RegOp};
use h2k_fixers::{Change, Edit};

/// Bytes in which file systems and hives hand out room (ext4's, XFS's and NTFS' usual block; a hive's bin).
const BLOCK: u64 = 4096;
/// Bytes of a key or a value in a hive besides its name and its data: its cell and its place in a list.
const CELL: u64 = 128;

/// What edits take on one file system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Room {
    /// Bytes.
    pub bytes: u64,
    /// Files and directories that are made.
    pub files: u64,
}

/// What the edits take, by mount point. What programs of the guest write is not known here, and an archive that is
/// appended to an initramfs is judged where it is planned. What edits remove is not counted: they may come later.
pub fn by_mount<'a>(edits: &'a [Edit], mounts: &'a [Mount]) -> BTreeMap<&'a str, Room> {
    let mut rooms: BTreeMap<&str, Room> = BTreeMap::new();
    for edit in edits {
        let (Some((path, taken)), true) = (of(&edit.change), !mounts.is_empty()) else { continue };
        let Some(mount) = holding(mounts, path) else { continue };
        let room = rooms.entry(mount).or_default();
        room.bytes = room.bytes.saturating_add(taken.bytes);
        room.files = room.files.saturating_add(taken.files);
    }
    rooms
}

/// The mount point that a path is under.
fn holding<'a>(mounts: &'a [Mount], path: &str) -> Option<&'a str> {
    let under = |point: &str| {
        let rest = path.strip_prefix(point.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    let points = mounts.iter().map(|mount| mount.mountpoint.as_str());
    points.filter(|point| under(point)).max_by_key(|point| point.len())
}

/// The file that a change makes larger, and by how much.
fn of(change: &Change) -> Option<(&str, Room)> {
    // A file is made with what its directory needs to name it.
    let file = |size: u64| Room { bytes: blocks(size).saturating_add(BLOCK), files: 1 };
    let grown =
        |before: u64, after: u64| Room { bytes: blocks(after).saturating_sub(blocks(before)), files: 0 };
    match change {
        Change::Write { path, before, after, .. } => {
            let size = |content: &h2k_fixers::Content| content.to_bytes().map_or(0, |b| b.len() as u64);
            let after = size(after);
            Some((path, before.as_ref().map_or_else(|| file(after), |before| grown(size(before), after))))
        }
        Change::Place { path, before, size, .. } => {
            Some((path, before.as_ref().map_or_else(|| file(*size), |before| grown(before.size, *size))))
        }
        Change::Copy { path, size, .. } => Some((path, file(*size))),
        Change::Symlink { path, before: None, .. } | Change::Directory { path, .. } => Some((path, file(0))),
        Change::Append { path, size, text } => Some((path, grown(*size, size + text.len() as u64))),
        Change::Registry { path, changes } => {
            let added = changes.iter().map(added).sum();
            Some((path, Room { bytes: blocks(added), files: 0 }))
        }
        _ => None,
    }
}

/// Bytes that a change of a hive adds to it, names and texts as UTF-16.
fn added(change: &RegChange) -> u64 {
    let name = |name: &str| 2 * name.len() as u64;
    match &change.op {
        RegOp::Create => CELL + name(&change.key),
        RegOp::Set { name: value, after, .. } => CELL + name(value) + after.to_raw().1.len() as u64,
        RegOp::Unset { .. } | RegOp::Delete { .. } => 0,
    }
}

fn blocks(size: u64) -> u64 {
    size.div_ceil(BLOCK).saturating_mul(BLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounts(points: &[&str]) -> Vec<Mount> {
        points.iter().map(|p| Mount { mountpoint: (*p).to_owned(), ..Mount::default() }).collect()
    }

    fn edit(change: Change) -> Edit {
        Edit::new("a.fixer", "because", change)
    }

    #[test]
    fn a_file_counts_where_it_lies() {
        let edits = [
            Edit::create("a", "/etc/new", "text", 0o644, "why"),
            Edit::create("a", "/boot/new", &"x".repeat(5000), 0o644, "why"),
            Edit::create("a", "/bootlegs/new", "text", 0o644, "why"),
            edit(Change::Copy { from: "/boot/a".to_owned(), path: "/boot/efi/b".to_owned(), size: 4096 }),
        ];
        let mounts = mounts(&["/", "/boot", "/boot/efi"]);
        let rooms = by_mount(&edits, &mounts);
        assert_eq!(rooms["/"], Room { bytes: 4 * BLOCK, files: 2 });
        assert_eq!(rooms["/boot"], Room { bytes: 3 * BLOCK, files: 1 });
        assert_eq!(rooms["/boot/efi"], Room { bytes: 2 * BLOCK, files: 1 });
    }

    #[test]
    fn what_stays_in_its_blocks_takes_nothing() {
        let edits = [
            Edit::rewrite("a", "/etc/fstab", "before", "after, and more", "why"),
            edit(Change::Remove { path: "/etc/x".to_owned(), before: h2k_fixers::Content::from_bytes(b"x") }),
            Edit::rewrite("a", "/etc/long", "before", &"x".repeat(5000), "why"),
        ];
        assert_eq!(by_mount(&edits, &mounts(&["/"]))["/"], Room { bytes: BLOCK, files: 0 });
        assert!(by_mount(&edits, &[]).is_empty());
    }

    #[test]
    fn a_hive_grows_by_what_is_set() {
        let set = |size: usize| RegChange {
            key: "ControlSet001".to_owned(),
            op: RegOp::Set {
                name: "v".to_owned(),
                before: None,
                after: h2k_fixers::hive::RegData::binary(vec![0; size]),
            },
        };
        let of = |sizes: &[usize]| {
            let changes = sizes.iter().map(|s| set(*s)).collect();
            let edits = [edit(Change::Registry { path: "/c/SYSTEM".to_owned(), changes })];
            by_mount(&edits, &mounts(&["/c"]))["/c"].bytes
        };
        assert_eq!(of(&[10, 10]), BLOCK);
        assert_eq!(of(&[4096, 10]), 2 * BLOCK);
    }
}
