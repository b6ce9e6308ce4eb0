//! What the user wants of the target and of the repairs: plain data, resolved once, read by PLAN.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Bus of the target's disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum DiskBus {
    /// virtio-blk: `/dev/vdX` in a Linux guest.
    #[default]
    VirtioBlk,
    /// virtio-scsi: `/dev/sdX` in a Linux guest.
    VirtioScsi,
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

/// What a target NIC is attached to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkTarget {
    /// A libvirt network.
    Network(String),
    /// A host bridge.
    Bridge(String),
}

/// Everything that a user may want of one VM's migration besides where it comes from and goes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Policy {
    /// Bus of the target's disks.
    pub disk_bus: DiskBus,
    /// Format of the target's disk files.
    pub format: TargetFormat,
    /// Source network name → target. The key `*` stands for every network that is not named.
    pub networks: BTreeMap<String, NetworkTarget>,
    /// Ids of fixers that are not to run.
    pub skip_fixers: Vec<String>,
}
