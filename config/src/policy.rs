//! What the user wants of the target and of the repairs: plain data, resolved once, read by PLAN.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::customize::Customize;
use crate::key::KeyRef;
use crate::rules::{UserRule, Weight};

/// Bus of the target's disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum DiskBus {
    /// virtio-blk: `/dev/vdX` in a Linux guest.
    #[default]
    VirtioBlk,
    /// virtio-scsi: `/dev/sdX` in a Linux guest.
    VirtioScsi,
    /// SATA, and IDE for Windows before Vista, which knows no SATA.
    Sata,
}

impl DiskBus {
    /// Whether Linux calls its disks `/dev/sdX`.
    pub fn is_sd(self) -> bool {
        self != Self::VirtioBlk
    }
}

/// Model of the target's NICs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum NicModel {
    /// virtio-net.
    #[default]
    Virtio,
    /// Intel 82574L, for q35.
    E1000e,
    /// Intel 82540EM.
    E1000,
    /// Realtek RTL8139, for the oldest guests.
    Rtl8139,
}

/// Format of the target's disk files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum TargetFormat {
    /// qcow2, version 3.
    #[default]
    Qcow2,
    /// Sparse raw file.
    Raw,
}

/// How the clusters of a qcow2 target are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compress {
    /// zstd: QEMU 5.1 and newer read it.
    Zstd,
    /// Deflate: every QEMU reads it.
    Zlib,
}

/// How drivers come into an initramfs that lacks them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum InitramfsWay {
    /// An archive is appended where that is proven for the guest's generator, or where it has none; else the generator
    /// builds it.
    #[default]
    Auto,
    /// An archive is appended wherever that is possible.
    Append,
    /// The guest's own generator builds it in the appliance.
    Tool,
}

/// What copies the disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// h2k's own.
    #[default]
    Native,
    /// `qemu-img convert`: for comparison. It cannot go on with a disk that is half copied.
    Qemu,
}

/// How disks are copied. What the copy holds does not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CopySettings {
    /// What copies.
    pub engine: Engine,
    /// Threads; 0 for one per processor.
    pub threads: usize,
    /// Most bytes that are read per second and disk.
    pub limit_rate: Option<u64>,
    /// Leave out measuring how fast they are copied, for the forecast.
    #[serde(default)]
    pub no_sample: bool,
}

/// What a target NIC is attached to, and with which VLANs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkTarget {
    /// What it is attached to.
    #[serde(flatten)]
    pub to: Attachment,
    /// Tags of the VLANs (IEEE 802.1Q); several make a trunk, none leaves the frames as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vlans: Vec<u16>,
}

impl NetworkTarget {
    /// A libvirt network.
    pub fn network(name: impl Into<String>) -> Self {
        Self { to: Attachment::Network(name.into()), vlans: Vec::new() }
    }

    /// A host bridge.
    pub fn bridge(name: impl Into<String>) -> Self {
        Self { to: Attachment::Bridge(name.into()), vlans: Vec::new() }
    }
}

/// A network of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attachment {
    /// A libvirt network.
    Network(String),
    /// A host bridge.
    Bridge(String),
}

/// An address of a NIC, with what comes with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StaticAddress {
    /// The address.
    pub address: IpAddr,
    /// Length of its prefix in bits.
    pub prefix: u8,
    /// Default gateway, of the same family.
    pub gateway: Option<IpAddr>,
    /// Name servers.
    pub dns: Vec<IpAddr>,
}

/// How a NIC is to get its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Addressing {
    /// By DHCP.
    Dhcp,
    /// These; a family that none of them is of stays as it was.
    Static(Vec<StaticAddress>),
}

/// What is done about cloud-init in the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CloudInit {
    /// It stays as it is, whatever it will do.
    Keep,
    /// It is told to leave the network alone.
    NoNetwork,
    /// It is disabled.
    Disable,
}

/// What becomes of the tools of the hypervisor that a guest comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Tools {
    /// They stay as they are.
    Keep,
    /// Their services are kept from starting, which can be undone.
    #[default]
    Mask,
    /// Their packages are removed where that works; what is left is masked.
    Remove,
}

/// Everything that a user may want of one VM's migration besides where it comes from and goes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Policy {
    /// Bus of the target's disks.
    pub disk_bus: DiskBus,
    /// Model of the target's NICs.
    pub nic_model: NicModel,
    /// Format of the target's disk files.
    pub format: TargetFormat,
    /// How the clusters of a qcow2 target are compressed; `None` for not at all.
    pub compress: Option<Compress>,
    /// Whether the repairs stay in an overlay over an unchanged copy of the source, until they are accepted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub keep_base: bool,
    /// Source network name, or MAC address of a NIC (lower-case, with colons) → target. The key `*` stands for what is
    /// not named.
    pub networks: BTreeMap<String, NetworkTarget>,
    /// How drivers come into an initramfs that lacks them.
    pub initramfs: InitramfsWay,
    /// Ids of fixers that are not to run.
    pub skip_fixers: Vec<String>,
    /// What opens encrypted volumes: where the secrets are, never the secrets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeyRef>,
    /// Root device of the system that is migrated where the disks hold several; the others are left as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// MAC on the source → MAC on the target, both lower-case.
    pub macs: BTreeMap<String, String>,
    /// MAC, on the source or on the target → how that NIC gets its addresses.
    pub addressing: BTreeMap<String, Addressing>,
    /// What is done about cloud-init; `None` for what keeps the guest's network as it was.
    pub cloud_init: Option<CloudInit>,
    /// What becomes of the old hypervisor's tools.
    pub tools: Tools,
    /// Directory of this host with packages of the QEMU guest agent and what it needs.
    pub agent_packages: Option<PathBuf>,
    /// Directory or ISO image of this host with virtio drivers for Windows.
    pub virtio_win: Option<PathBuf>,
    /// Whether the guest becomes another one: new machine id, new SSH host keys.
    pub regenerate_identity: bool,
    /// Whether the guest gets a serial console.
    pub serial_console: bool,
    /// What else is wanted in the guest.
    pub customize: Customize,
    /// Concerns of the user's own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<UserRule>,
    /// Weight that concerns of an id have.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub severity: BTreeMap<String, Weight>,
    /// Ids of concerns that are accepted, with the reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub accept: BTreeMap<String, String>,
    /// Digest of each file of this host that goes into the guest: a run with other files is another run.
    pub inputs: BTreeMap<PathBuf, String>,
}
