//! Which Windows a directory of drivers is for, by its name: virtio-win's (`2k12R2`), those of its builds (`Win8.1`) and
//! of Red Hat's packages (`Win2012R2`).

use std::cmp::Reverse;
use std::fmt;

use crate::windows::{Arch, WindowsTarget};

/// Kind of the Windows that a directory is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OsKind {
    /// A workstation.
    Client,
    /// A server.
    Server,
}

/// A Windows that a directory of drivers is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OsDir {
    /// virtio-win's name.
    pub name: &'static str,
    /// Major and minor version.
    pub version: (u32, u32),
    /// First build.
    pub build: u32,
    /// Workstation or server.
    pub kind: OsKind,
}

impl fmt::Display for OsDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const fn dir(name: &'static str, version: (u32, u32), build: u32, kind: OsKind) -> OsDir {
    OsDir { name, version, build, kind }
}

use OsKind::{Client, Server};

/// Every directory, with the other names that it goes by.
const DIRS: [(OsDir, &[&str]); 15] = [
    (dir("xp", (5, 1), 2600, Client), &["winxp", "wxp"]),
    (dir("2k3", (5, 2), 3790, Server), &["win2003", "wnet"]),
    (dir("2k8", (6, 0), 6000, Server), &["win2008", "vista", "winvista", "wlh"]),
    (dir("w7", (6, 1), 7600, Client), &["win7"]),
    (dir("2k8R2", (6, 1), 7600, Server), &["win2008r2"]),
    (dir("w8", (6, 2), 9200, Client), &["win8"]),
    (dir("2k12", (6, 2), 9200, Server), &["win2012"]),
    (dir("w8.1", (6, 3), 9600, Client), &["win8.1"]),
    (dir("2k12R2", (6, 3), 9600, Server), &["win2012r2"]),
    (dir("w10", (10, 0), 10240, Client), &["win10"]),
    (dir("2k16", (10, 0), 14393, Server), &["win2016"]),
    (dir("2k19", (10, 0), 17763, Server), &["win2019"]),
    (dir("2k22", (10, 0), 20348, Server), &["win2022"]),
    (dir("w11", (10, 0), 22000, Client), &["win11"]),
    (dir("2k25", (10, 0), 26100, Server), &["win2025"]),
];

/// How near a directory is to a Windows; the least is the nearest.
pub(super) type Nearness = (u8, Reverse<(u32, u32)>, bool, Reverse<u32>);

impl OsDir {
    /// The directory that one component of a path names.
    pub(super) fn named(component: &str) -> Option<Self> {
        let same = |name: &&str| name.eq_ignore_ascii_case(component);
        DIRS.iter().find(|(dir, others)| same(&dir.name) || others.iter().any(same)).map(|(dir, _)| *dir)
    }

    /// The very directory of a Windows; `None` for one that virtio-win never had any for.
    pub(super) fn of(target: &WindowsTarget) -> Option<Self> {
        let kind = if target.is_server() { Server } else { Client };
        let version = match (target.major, target.minor) {
            // XP for x64 is of the line of Server 2003, but lies with XP.
            (5, 2) if kind == Client => (5, 1),
            version => version,
        };
        let of_version = DIRS.iter().map(|(dir, _)| dir).filter(|dir| dir.version == version);
        let own = of_version.filter(|dir| dir.kind == kind || version == (6, 0));
        own.filter(|dir| version < (10, 0) || dir.build <= target.build).max_by_key(|dir| dir.build).copied()
    }

    /// How near the directory is to a Windows; `None` for one of a newer Windows, whose drivers may need what the guest
    /// does not have.
    pub(super) fn nearness(&self, target: &WindowsTarget) -> Option<Nearness> {
        let nearness =
            |class, same_kind: bool| (class, Reverse(self.version), !same_kind, Reverse(self.build));
        if Self::of(target) == Some(*self) {
            return Some(nearness(0, true));
        }
        let own = (target.major, target.minor);
        let newer =
            self.version > own || (self.version == own && own >= (10, 0) && self.build > target.build);
        let same_kind = (self.kind == Server) == target.is_server();
        (!newer).then(|| nearness(1, same_kind))
    }
}

/// Nearness of drivers of which no directory says what they are for: behind all others.
pub(super) const UNNAMED: Nearness = (2, Reverse((0, 0)), false, Reverse(0));

/// The architecture that one component of a path names.
pub(super) fn arch_named(component: &str) -> Option<Arch> {
    Some(match component.to_ascii_lowercase().as_str() {
        "x86" | "i386" => Arch::X86,
        "amd64" | "x64" | "x86_64" => Arch::Amd64,
        "arm64" | "aarch64" => Arch::Arm64,
        _ => return None,
    })
}
