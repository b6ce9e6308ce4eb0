//! Whether a guest will come up on the target's hardware, as far as its disks tell without being booted: the chain
//! firmware → boot loader → kernel → initramfs → root, and what the system waits for after it.
//!
//! Each link is looked at for itself. A link that could not be looked at is unknown, never ok.

use std::fmt;

use h2k_config::DiskBus;
use serde::{Deserialize, Serialize};

use crate::facts::GuestFacts;
use crate::guest::Guest;
use crate::linux;

/// Which link of the chain it is, in the order in which a guest comes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkKind {
    /// The firmware finds a boot loader.
    Firmware,
    /// The boot loader finds its configuration, and an entry in it.
    BootLoader,
    /// The entry names a kernel that is there.
    Kernel,
    /// The initramfs is there, and the drivers of the target's disk are in it or in the kernel.
    Initramfs,
    /// The root file system of the kernel's command line is on the disks.
    Root,
    /// The device to resume from is on the disks.
    Resume,
    /// The source of an encrypted volume is on the disks.
    Crypttab,
    /// What a line of fstab mounts is on the disks.
    Fstab,
    /// A configured network interface is a NIC of the target.
    Network,
}

impl fmt::Display for LinkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LinkKind::Firmware => "firmware",
            LinkKind::BootLoader => "boot loader",
            LinkKind::Kernel => "kernel",
            LinkKind::Initramfs => "initramfs",
            LinkKind::Root => "root",
            LinkKind::Resume => "resume",
            LinkKind::Crypttab => "crypttab",
            LinkKind::Fstab => "fstab",
            LinkKind::Network => "network",
        })
    }
}

/// What was found of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    /// It resolves.
    Ok,
    /// It does not, and the boot waits for it in vain for a while, then goes on without it (swap space that is gone).
    Late,
    /// It does not, and the guest does not come up, or not as it was.
    Broken,
    /// It could not be looked at, or not be understood.
    Unknown,
}

impl fmt::Display for LinkState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LinkState::Ok => "ok",
            LinkState::Late => "late",
            LinkState::Broken => "broken",
            LinkState::Unknown => "unknown",
        })
    }
}

/// One link of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Which.
    pub link: LinkKind,
    /// What was looked at (`/boot/grub/grub.cfg`, `/etc/fstab: /srv`).
    pub subject: String,
    /// What was found.
    pub state: LinkState,
    /// In words: what it resolves to, or what is missing, or why it is not known.
    pub detail: String,
    /// Of a network interface with a static address: the NIC that sends something when the guest is up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Sender>,
}

/// A NIC with a static address, which announces or uses it when it comes up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// MAC address of the NIC on the target, lower-case.
    pub mac: String,
    /// The first of its addresses, as it is written in the guest.
    pub address: String,
}

impl Link {
    pub(crate) fn new(
        link: LinkKind,
        state: LinkState,
        subject: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self { link, subject: bounded(subject.into()), state, detail: bounded(detail.into()), sender: None }
    }
}

/// Longest text of a link, in bytes: a guest's file may hold a title of megabytes.
const MAX_TEXT: usize = 1024;

fn bounded(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        let end = (0..=MAX_TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.link, self.subject, self.detail)
    }
}

/// Every link that was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Readiness {
    /// In the order in which a guest comes up.
    pub links: Vec<Link>,
}

impl Readiness {
    /// The first link without which the guest does not come up.
    pub fn broken(&self) -> Option<&Link> {
        self.links.iter().find(|l| l.state == LinkState::Broken)
    }

    /// The first broken link that keeps the guest from coming up at all: a network that is not as it was does not.
    pub fn stops_the_boot(&self) -> Option<&Link> {
        self.links.iter().find(|l| l.state == LinkState::Broken && l.link != LinkKind::Network)
    }

    /// Every link that does not resolve, or of which that is not known.
    pub fn open(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(|l| l.state != LinkState::Ok)
    }

    /// One line: how many links are in which state.
    pub fn summary(&self) -> String {
        let count = |state| self.links.iter().filter(|l| l.state == state).count();
        let mut text = format!("{} of {} links resolve", count(LinkState::Ok), self.links.len());
        for state in [LinkState::Broken, LinkState::Late, LinkState::Unknown] {
            match count(state) {
                0 => {}
                n => text.push_str(&format!(", {n} {state}")),
            }
        }
        text
    }
}

/// The target's hardware, as far as it decides whether a guest comes up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// UEFI, with variables that know no boot entry; else a BIOS.
    pub uefi: bool,
    /// Bus of each disk, in the order of [`GuestFacts::disks`].
    pub disks: Vec<DiskBus>,
    /// Indexes of the disks in the order in which the firmware tries them.
    pub boot_order: Vec<usize>,
}

/// Looks at every link of the chain of a guest. `facts.hardware.nics` are the target's NICs. What cannot be read is an
/// unknown link. Nothing is run, nothing is written.
pub fn check(facts: &GuestFacts, guest: &dyn Guest, target: &Target) -> Readiness {
    let unknown = |why: &str| Link::new(LinkKind::BootLoader, LinkState::Unknown, "system", why);
    let links = match facts.system() {
        None => vec![unknown("there is not exactly one operating system on the disks")],
        Some(system) if system.kind != "linux" => {
            vec![unknown(&format!("how {} boots is not looked at", system.kind))]
        }
        Some(_) => linux::readiness::check(facts, guest, target),
    };
    Readiness { links }
}
