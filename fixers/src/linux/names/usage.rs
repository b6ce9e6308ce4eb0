//! What the user of a name says of the device, as a check of the name.

use crate::facts::{BlockDevice, GuestFacts, LUKS};

/// How a name is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use<'a> {
    /// What the device must hold.
    pub holds: Holds<'a>,
    /// Where it is mounted.
    pub mountpoint: Option<&'a str>,
    /// Who reads the name knows partition UUIDs only: the kernel itself, without an initramfs
    /// (Documentation/admin-guide/kernel-parameters.txt, `root=`).
    pub kernel_only: bool,
}

/// What a device must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds<'a> {
    /// Nothing is said.
    Anything,
    /// A file system, in the words of fstab: `ext4`, `auto`, `xfs,ext4`.
    Filesystem(&'a str),
    /// Swap space, or an image of a hibernated system in it.
    Swap,
    /// A LUKS container.
    Luks,
    /// Nothing that can be lost: it is written over with random keys at each boot.
    Scratch,
}

impl<'a> Use<'a> {
    /// A use that says nothing but what the device holds.
    pub fn holding(holds: Holds<'a>) -> Self {
        Self { holds, mountpoint: None, kernel_only: false }
    }

    /// A mount of a file system.
    pub fn mount(fstype: &'a str, mountpoint: &'a str) -> Self {
        let holds = if fstype == "swap" { Holds::Swap } else { Holds::Filesystem(fstype) };
        Self { holds, mountpoint: Some(mountpoint), kernel_only: false }
    }

    /// Whether this is the root file system.
    pub(super) fn is_root(&self) -> bool {
        self.mountpoint == Some("/")
    }

    /// What is written over at each boot keeps only its partition's UUID.
    pub(super) fn partition_only(&self) -> bool {
        self.kernel_only || self.holds == Holds::Scratch
    }

    /// Whether `device` is what the use says.
    pub(super) fn fits(&self, device: &BlockDevice, root: Option<&BlockDevice>) -> bool {
        if self.is_root() && root.is_some_and(|root| !root.same_filesystem(device)) {
            return false;
        }
        let fstype = device.fstype.as_str();
        match self.holds {
            Holds::Anything => true,
            Holds::Filesystem(wanted) => wanted.split(',').any(|wanted| same_fstype(wanted, fstype)),
            Holds::Swap => matches!(fstype, "swap" | "swsuspend" | "suspend"),
            Holds::Luks => fstype == LUKS,
            Holds::Scratch => matches!(fstype, "" | "swap" | "unknown"),
        }
    }

    /// What the use wants, for people.
    pub(super) fn wanted(&self) -> String {
        match (self.holds, self.is_root()) {
            (Holds::Filesystem(fstype), true) if fstype != "auto" => {
                format!("the root file system ({fstype})")
            }
            (_, true) => "the root file system".to_owned(),
            (Holds::Anything, _) => "what is wanted".to_owned(),
            (Holds::Filesystem(fstype), _) => format!("the {fstype} that is wanted"),
            (Holds::Swap, _) => "swap space".to_owned(),
            (Holds::Luks, _) => "a LUKS container".to_owned(),
            (Holds::Scratch, _) => "space that may be written over at each boot".to_owned(),
        }
    }
}

/// Whether `device` is one of several of a btrfs.
pub(super) fn has_members(facts: &GuestFacts, device: &BlockDevice) -> bool {
    facts.block.iter().any(|b| b.name != device.name && b.same_filesystem(device))
}

/// Whether a driver named `wanted` mounts what blkid calls `found`.
fn same_fstype(wanted: &str, found: &str) -> bool {
    let family = |name: &str| match name {
        // One on-disk family: the ext4 driver mounts all three.
        "ext2" | "ext3" | "ext4" => "ext".to_owned(),
        "msdos" | "fat" | "vfat" => "vfat".to_owned(),
        "ntfs-3g" | "ntfs3" | "lowntfs-3g" | "fuse.ntfs-3g" => "ntfs".to_owned(),
        other => other.to_owned(),
    };
    wanted == "auto" && !found.is_empty() || family(wanted) == family(found)
}

/// The device of the root file system. libguestfs names a btrfs subvolume `btrfsvol:DEVICE/PATH`.
pub(super) fn root_device(facts: &GuestFacts) -> Option<&BlockDevice> {
    if let Some(device) = facts.mounted_at("/") {
        return Some(device);
    }
    let mount = facts.mounts.iter().find(|m| m.mountpoint == "/")?;
    let volume = mount.device.strip_prefix("btrfsvol:")?;
    let inside = |name: &str| volume.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
    facts.block.iter().find(|b| inside(&b.name))
}
