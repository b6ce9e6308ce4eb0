//! Device names of the source's hardware, resolved to names that hold on any hardware.
//!
//! ```text
//!  "/dev/sdb1" ─ spec ─▶ place on the VM ─ disks ─▶ disks it may be ─ facts.block ─▶ devices ─ usage ─▶ one, or why not
//!                                                                                               │
//!                                                              "UUID=…" ◀──────── stable ◀──────┘
//! ```
//!
//! Nothing is guessed: a name that may stand for several devices is narrowed by what its user says of it (file system
//! type, `/`), and if more than one is left, or none, it stays unresolved.

mod disks;
mod path_id;
mod spec;
mod stable;
mod usage;
mod volumes;

#[cfg(test)]
mod tests;

use crate::facts::{BlockDevice, GuestFacts};

use disks::Disks;
use spec::{Named, Place};

pub use usage::{Holds, Use};
pub use volumes::{by_tag, find_container, find_volume};

/// What became of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution<'a> {
    /// It stands for this device, which is found under `stable` on any hardware.
    Resolved {
        /// The device.
        device: &'a BlockDevice,
        /// `UUID=…`, `PARTUUID=…`, `LABEL=…` or `/dev/mapper/…`.
        stable: String,
    },
    /// Nothing to do: it holds on any hardware, or is no disk of the VM.
    AlreadyStable,
    /// It is a name of the old hardware, and h2k cannot tell what for.
    Unresolved(Why),
}

/// Why a name was not resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// Kind of reason.
    pub kind: WhyKind,
    /// The reason in words that follow the name: "no disk of the VM …".
    pub text: String,
}

/// Kind of reason why a name was not resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyKind {
    /// The VM has no such disk or partition.
    Missing,
    /// Several devices fit, or the name says nothing of a place.
    Ambiguous,
    /// The device that it names is not what its user says.
    Contradiction,
    /// The device has no name that only it has.
    NoStableName,
}

impl Why {
    fn new(kind: WhyKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }
}

/// Resolves device names of one guest.
pub struct Names<'a> {
    facts: &'a GuestFacts,
    disks: Disks,
    root: Option<&'a BlockDevice>,
}

impl<'a> Names<'a> {
    /// For the guest that `facts` describe.
    pub fn new(facts: &'a GuestFacts) -> Self {
        let mut disks = Disks::new(&facts.hardware.disks, facts.disks.len());
        let root = usage::root_device(facts);
        // Where / is, is known by its content. So the name that fstab gives it says something of the order of disks.
        let written = facts.fstab.iter().find(|entry| entry.mountpoint == "/");
        if let (Some(entry), Some(disk)) = (written, root.and_then(|device| device.disk))
            && let Named::Disk(place, _) = spec::parse(&entry.spec)
            // Any member may stand for a btrfs of several devices, and which one was found says nothing.
            && !root.is_some_and(|root| usage::has_members(facts, root))
        {
            disks.settle(&place, disk);
        }
        Self { facts, disks, root }
    }

    /// The device of the root file system, found by its content.
    pub fn root(&self) -> Option<&'a BlockDevice> {
        self.root
    }

    /// The name that `device` has on any hardware, by the same preference as in [`Names::resolve`].
    pub fn stable(&self, device: &BlockDevice) -> Option<String> {
        stable::stable_name(self.facts, device, false)
    }

    /// The one disk of the VM that `name` stands for as a whole, by its index; `None` if that cannot be told.
    pub fn disk(&self, name: &str) -> Option<usize> {
        let Named::Disk(place, None) = spec::parse(name) else { return None };
        match self.disks.candidates(&place).as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    }

    /// Resolves `name` as it is used.
    pub fn resolve(&self, name: &str, used: &Use<'_>) -> Resolution<'a> {
        let found = match spec::parse(name) {
            Named::Stable => return Resolution::AlreadyStable,
            Named::Root => self.the_root(used),
            // Whatever it says, the root file system is where the system was found.
            Named::Opaque(_) if used.is_root() && self.root.is_some() => self.the_root(used),
            Named::Opaque(why) => Err(Why::new(WhyKind::Ambiguous, why)),
            Named::Disk(place, partition) => self.find(&place, partition, used),
        };
        match found.and_then(|device| self.with_stable_name(device, used)) {
            Ok((device, stable)) => Resolution::Resolved { device, stable },
            Err(why) => Resolution::Unresolved(why),
        }
    }

    fn the_root(&self, used: &Use<'_>) -> Result<&'a BlockDevice, Why> {
        match self.root {
            None => Err(Why::new(WhyKind::Ambiguous, "the root device is not known")),
            Some(root) if used.fits(root, self.root) => Ok(root),
            Some(root) => Err(Why::new(WhyKind::Contradiction, contradiction(&[root], used))),
        }
    }

    fn with_stable_name(
        &self,
        device: &'a BlockDevice,
        used: &Use<'_>,
    ) -> Result<(&'a BlockDevice, String), Why> {
        match stable::stable_name(self.facts, device, used.partition_only()) {
            Some(stable) => Ok((device, stable)),
            None => {
                let what = if used.partition_only() { "partition UUID" } else { "UUID or label" };
                Err(Why::new(
                    WhyKind::NoStableName,
                    format!("{} has no {what} that only it has", place_of(device)),
                ))
            }
        }
    }

    fn find(&self, place: &Place, partition: Option<u32>, used: &Use<'_>) -> Result<&'a BlockDevice, Why> {
        let disks = self.disks.candidates(place);
        if disks.is_empty() {
            let text = format!("the VM has no such disk (it has {})", self.disks.len());
            return Err(Why::new(WhyKind::Missing, text));
        }
        let here = |b: &&BlockDevice| {
            b.lv.is_none() && b.partition == partition && b.disk.is_some_and(|disk| disks.contains(&disk))
        };
        let devices: Vec<&'a BlockDevice> = self.facts.block.iter().filter(here).collect();
        if devices.is_empty() {
            return Err(Why::new(WhyKind::Missing, "nothing is on such a partition of the VM's disks"));
        }
        self.narrow(&devices, &disks, place, used)
    }

    fn narrow(
        &self,
        devices: &[&'a BlockDevice],
        disks: &[usize],
        place: &Place,
        used: &Use<'_>,
    ) -> Result<&'a BlockDevice, Why> {
        let fitting: Vec<&'a BlockDevice> =
            devices.iter().copied().filter(|device| used.fits(device, self.root)).collect();
        // A serial number may be one of a disk that is gone: what is left over by elimination proves nothing, unless
        // it is the root device.
        let elimination = matches!(place, Place::Identity { .. }) && disks.len() > 1;
        let by_elimination = elimination && self.disks.named(place).is_empty() && !used.is_root();
        match fitting.as_slice() {
            [one] if !by_elimination => Ok(one),
            // Members of one btrfs: which of them is meant makes no difference.
            [one, rest @ ..]
                if !rest.is_empty()
                    && !used.partition_only()
                    && rest.iter().all(|other| one.same_filesystem(other)) =>
            {
                Ok(one)
            }
            [] => Err(Why::new(WhyKind::Contradiction, contradiction(devices, used))),
            all => {
                let all: Vec<String> = all.iter().map(|d| place_of(d)).collect();
                Err(Why::new(WhyKind::Ambiguous, format!("it may be {}", all.join(" or "))))
            }
        }
    }
}

fn contradiction(devices: &[&BlockDevice], used: &Use<'_>) -> String {
    let held =
        |d: &BlockDevice| if d.fstype.is_empty() { "nothing known".to_owned() } else { d.fstype.clone() };
    let all: Vec<String> = devices.iter().map(|d| format!("{} holds {}", place_of(d), held(d))).collect();
    format!("{}, which is not {}", all.join(", "), used.wanted())
}

/// Where a device is, for people.
pub(crate) fn place_of(device: &BlockDevice) -> String {
    match (device.disk, device.partition, &device.lv) {
        (_, _, Some((vg, lv))) => format!("volume {vg}/{lv}"),
        (Some(disk), Some(partition), _) => format!("partition {partition} of disk {disk}"),
        (Some(disk), None, _) => format!("disk {disk}"),
        _ => device.name.clone(),
    }
}
