//! How much space a migration takes, from what was measured on the source; `time` says how long it takes.

use h2k_fixers::{Change, Edit, GuestFacts};
use serde::{Deserialize, Serialize};

use super::time::TimeForecast;

/// What an overlay takes besides what is written: its tables, and those of the trimmed free space.
const OVERLAY_BASE: u64 = 16 << 20;
/// A generator writes the new initramfs beside the old one and keeps its working tree unpacked meanwhile.
const REBUILD_FACTOR: u64 = 6;
/// Temporary space besides what is unpacked: pid files, sockets, evidence.
const TEMP_BASE: u64 = 8 << 20;

/// Forecast of space and memory, in bytes, and of time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// Virtual size of all disks.
    pub virtual_bytes: u64,
    /// Bytes that the source's images hold as data.
    pub source_bytes: u64,
    /// What the target's files will take: the data without the free space of the file systems that were seen.
    pub target_bytes: u64,
    /// What the overlays will take until CONVERT is done.
    pub overlay_bytes: u64,
    /// Temporary files: unpacked archive members, copies of initramfs files.
    pub temp_bytes: u64,
    /// Most memory that a stage takes, of h2k, its appliance and the boot test's machine; `None` in plans of an older
    /// h2k.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// How long it takes; `None` where that was not to be measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<TimeForecast>,
}

impl Forecast {
    /// Bytes that the result and the unfinished work take.
    pub fn space(&self) -> u64 {
        self.target_bytes.saturating_add(self.overlay_bytes).saturating_add(self.temp_bytes)
    }
}

/// Makes the forecast. `allocated` and `sizes` are per disk, `unpacked` is what FETCH had to unpack.
pub fn forecast(
    sizes: &[u64],
    allocated: &[u64],
    unpacked: u64,
    facts: &GuestFacts,
    edits: &[Edit],
) -> Forecast {
    let source_bytes: u64 = allocated.iter().sum();
    let largest_initramfs =
        facts.kernels.iter().filter_map(|k| k.initramfs.as_ref()).map(|i| i.size).max().unwrap_or(0);
    Forecast {
        virtual_bytes: sizes.iter().sum(),
        source_bytes,
        target_bytes: source_bytes.min(used_bytes(facts).unwrap_or(source_bytes)),
        overlay_bytes: OVERLAY_BASE + edits.iter().map(|e| edit_bytes(e, largest_initramfs)).sum::<u64>(),
        temp_bytes: TEMP_BASE + unpacked + largest_initramfs,
        memory_bytes: None,
        time: None,
    }
}

/// Bytes in use on everything that was seen: used space of mounted file systems, all of what was not mounted.
fn used_bytes(facts: &GuestFacts) -> Option<u64> {
    if facts.mounts.is_empty() {
        return None;
    }
    let used: u64 = facts.mounts.iter().map(|m| m.size.saturating_sub(m.free)).sum();
    let unseen: u64 = facts
        .block
        .iter()
        .filter(|b| !b.fstype.is_empty() && b.fstype != "LVM2_member" && b.fstype != "swap")
        .filter(|b| !facts.mounts.iter().any(|m| m.device == b.name))
        .map(|b| b.size)
        .sum();
    Some(used.saturating_add(unseen))
}

fn edit_bytes(edit: &Edit, initramfs: u64) -> u64 {
    match &edit.change {
        Change::Write { after, .. } => after.to_bytes().map_or(0, |b| b.len() as u64),
        Change::Copy { size, .. } | Change::Place { size, .. } => *size,
        Change::AppendArchive { estimate, .. } => *estimate,
        Change::Run { .. } => initramfs.saturating_mul(REBUILD_FACTOR),
        _ => 0,
    }
}
