//! Which subvolumes of a btrfs file system hold a system, and which a snapshot of one.
//!
//! A snapshot of a root holds all that a root holds, its fstab too. That names the subvolume that the system is
//! mounted from, so a copy of the system tells of itself that it is none: it lies elsewhere. An fstab that names no
//! subvolume means the default one (btrfs-subvolume(8), `set-default`), which is how snapper's rollback works; where the
//! default one is no system, the kernel's command line names the subvolume (`rootflags=`).

use std::collections::BTreeMap;

use super::session::Session;
use crate::error::Result;
use crate::facts::FstabEntry;
use crate::guest::{FileKind, Guest};
use crate::inspect::fstab;

/// Subvolumes that are looked at: two calls of the appliance each. snapper's timeline keeps about 60 of a root.
const MAX_SUBVOLUMES: usize = 1000;

/// Files with a kernel command line, of which the first that has `rootflags=` counts.
const COMMAND_LINES: [&str; 4] =
    ["/etc/kernel/cmdline", "/etc/default/grub", "/boot/grub/grub.cfg", "/boot/grub2/grub.cfg"];

/// Id of the top level, which every btrfs has (btrfs-subvolume(8), "SUBVOLUME AND SNAPSHOT").
const TOP_LEVEL: u64 = 5;

/// What lies in a subvolume that has the directories of a system.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    /// Path from the top level, empty for that itself.
    path: String,
    /// The subvolume that its fstab mounts as root.
    claims: Claim,
    /// The one that its kernel is told to mount, looked for where fstab names none.
    told: Option<Claim>,
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
                let told = if claims == Claim::Default { self.told(&base) } else { None };
                candidates.push(Candidate { path: path.clone(), claims, told });
            }
        }
        Ok((paths, u64::try_from(default).unwrap_or(TOP_LEVEL), candidates))
    }

    /// What the kernel of the system below `base` is told.
    fn told(&self, base: &str) -> Option<Claim> {
        COMMAND_LINES.iter().find_map(|file| {
            // As with fstab: what cannot be read there tells nothing.
            let text = self.read(&format!("{base}{file}")).ok()??;
            root_flags(&String::from_utf8_lossy(&text))
        })
    }

    /// libguestfs' name of the subvolume of this id; `None` if `device` has none. It may be mounted meanwhile.
    ///
    /// # Errors
    /// The subvolumes cannot be listed.
    pub(super) fn subvolume(&self, device: &str, id: u64) -> Result<Option<String>> {
        let listed =
            self.ask(&format!("listing the subvolumes of {device}"), |g| g.btrfs_subvolume_list(device))?;
        let found = listed.into_iter().find(|s| s.btrfssubvolume_id == id);
        Ok(match id {
            // The kernel takes 0 for the top level too (btrfs(5), `subvolid`).
            0 | TOP_LEVEL => Some(top_level(device)),
            _ => found.map(|s| mountable(device, &s.btrfssubvolume_path)),
        })
    }
}

/// libguestfs' name of the top level, whichever subvolume is the default one.
pub(super) fn top_level(device: &str) -> String {
    format!("btrfsvol:{device}//")
}

/// libguestfs' name of a subvolume, guestfs(3) "MOUNTABLES".
fn mountable(device: &str, path: &str) -> String {
    if path.is_empty() { device.to_owned() } else { format!("btrfsvol:{device}/{path}") }
}

fn claim(entries: &[FstabEntry]) -> Claim {
    let root = entries.iter().find(|e| e.mountpoint == "/");
    root.and_then(|root| of_options(&root.options)).unwrap_or(Claim::Default)
}

/// The subvolume that mount options name.
fn of_options(options: &str) -> Option<Claim> {
    let option = |name: &str| options.split(',').find_map(|o| o.strip_prefix(name));
    match option("subvol=") {
        Some(path) => Some(Claim::Path(path.trim_matches('/').to_owned())),
        None => subvolume_id(options).map(Claim::Id),
    }
}

/// The id in mount options (btrfs(5), `subvolid`).
pub(super) fn subvolume_id(options: &str) -> Option<u64> {
    options.split(',').find_map(|o| o.strip_prefix("subvolid=")).and_then(|id| id.parse().ok())
}

/// The subvolume that the first `rootflags=` in a text names.
fn root_flags(text: &str) -> Option<Claim> {
    let words = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| line.split(|c: char| c.is_ascii_whitespace() || c == '"' || c == '\''));
    words.filter_map(|word| word.strip_prefix("rootflags=")).find_map(of_options)
}

/// Those that say of themselves that they are mounted as root.
fn own<'a>(candidates: &'a [Candidate], paths: &BTreeMap<u64, String>, default: u64) -> Vec<&'a str> {
    let is = |claim: &Claim, c: &Candidate| match claim {
        Claim::Path(path) => *path == c.path,
        Claim::Id(id) => paths.get(id) == Some(&c.path),
        Claim::Default => paths.get(&default) == Some(&c.path),
    };
    let chosen = |claims: &dyn Fn(&Candidate) -> bool| -> Vec<&'a str> {
        candidates.iter().filter(|c| claims(c)).map(|c| c.path.as_str()).collect()
    };
    let by_fstab = chosen(&|c| is(&c.claims, c));
    if by_fstab.is_empty() { chosen(&|c| c.told.as_ref().is_some_and(|told| is(told, c))) } else { by_fstab }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(of: &[(u64, &str)]) -> BTreeMap<u64, String> {
        of.iter().map(|(id, path)| (*id, (*path).to_owned())).chain([(TOP_LEVEL, String::new())]).collect()
    }

    fn candidates(fstab: &str, of: &[&str]) -> Vec<Candidate> {
        let claims = claim(&fstab::parse(fstab));
        let candidate =
            |path: &&str| Candidate { path: (*path).to_owned(), claims: claims.clone(), told: None };
        of.iter().map(candidate).collect()
    }

    #[test]
    fn where_the_default_one_is_no_system_the_kernels_command_line_counts() {
        let paths = paths(&[(256, "root"), (257, "snap/root")]);
        for line in [
            "GRUB_CMDLINE_LINUX=\"quiet rootflags=noatime,subvol=root\"",
            "root=UUID=1 rootflags=subvolid=256 quiet",
            "# rootflags=subvol=old\n\tlinux /vmlinuz rootflags=subvol=/root",
        ] {
            let mut found = candidates("UUID=1 / btrfs defaults 0 0", &["root", "snap/root"]);
            found.iter_mut().for_each(|c| c.told = root_flags(line));
            assert_eq!(own(&found, &paths, TOP_LEVEL), ["root"], "{line}");
            // The default subvolume stands above it, as the rollback of snapper needs it.
            assert_eq!(own(&found, &paths, 257), ["snap/root"], "{line}");
        }
        assert_eq!(root_flags("rootflags=noatime root=/dev/sda1"), None);
    }

    #[test]
    fn ids_are_read_as_the_kernel_reads_them() {
        assert_eq!(subvolume_id("noatime,subvolid=256,compress=zstd"), Some(256));
        for options in ["subvol=@", "subvolid=", "subvolid=x", "xsubvolid=1", "subvolid=99999999999999999999"]
        {
            assert_eq!(subvolume_id(options), None, "{options}");
        }
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
