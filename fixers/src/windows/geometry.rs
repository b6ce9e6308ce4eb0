//! `windows.geometry`: the number of heads in the boot sector of Windows before Vista.

use h2k_config::Policy;

use super::SYSTEM_VOLUME;
use crate::hive::Hex;
use crate::{Change, Edit, Fixer, Guest, GuestFacts, Proposal, error::Result};

const ID: &str = "windows.geometry";
/// Where an NTFS boot sector has the number of heads (two bytes, little-endian).
const HEADS: u16 = 0x1a;
/// Bytes of a sector.
const SECTOR: u64 = 512;
/// Sectors of a track and heads of a disk, as QEMU describes every disk to the BIOS (hw/block/hd-geometry.c).
const SECTORS: u64 = 63;
const PHYSICAL_HEADS: u8 = 16;
/// Cylinders that a BIOS can count.
const MAX_CYLINDERS: u64 = 1024;
/// What marks an NTFS.
const NTFS: &[u8] = b"NTFS    ";

/// Brings the boot sector's heads in line with the target's BIOS.
pub struct Geometry;

impl Fixer for Geometry {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "sets the heads in the boot sector of XP and 2003 as the target's BIOS counts them"
    }

    fn explanation(&self) -> &'static str {
        "The boot code of Windows before Vista reads its first sectors by cylinder, head and sector, counted with the \
         number of heads that stands in the boot sector. Where the source's BIOS had another geometry than the target's, \
         it reads the wrong ones and stops with \"A disk read error occurred\" or a black screen. How many heads the \
         target's BIOS counts depends on the size of the disk: 255 from 4 GiB on, fewer below. One byte is changed; \
         newer versions read by block number and are left alone."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, _: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        let Some(windows) = facts.windows().filter(|windows| windows.version.major < 6) else {
            return Ok(proposal);
        };
        let Some(sector) = guest.boot_sector(SYSTEM_VOLUME)? else { return Ok(proposal) };
        // Of a disk that is not known, neither are its heads.
        let Some(size) = disk_size(facts) else { return Ok(proposal) };
        let heads = heads(size);
        let wanted = [heads, 0];
        let at = usize::from(HEADS);
        let now = sector.get(at..at + wanted.len()).unwrap_or_default();
        if sector.get(3..11) == Some(NTFS) && now != wanted {
            let reason = format!(
                "{} is started by a BIOS that counts {heads} heads on a disk of this size",
                windows.version.product
            );
            let change = Change::BootSector {
                path: SYSTEM_VOLUME.to_owned(),
                offset: HEADS,
                before: Hex(now.to_vec()),
                after: Hex(wanted.to_vec()),
            };
            proposal.edits.push(Edit::new(ID, reason, change));
        }
        Ok(proposal)
    }
}

/// Size in bytes of the disk that the system's volume lies on.
fn disk_size(facts: &GuestFacts) -> Option<u64> {
    let mount = facts.mounts.iter().find(|mount| mount.mountpoint == SYSTEM_VOLUME)?;
    let disk = facts.device(&mount.device)?.disk?;
    facts.disks.get(disk).map(|disk| disk.size)
}

/// The heads that SeaBIOS counts on a disk of this size in bytes (src/block.c, `setup_translation`): up to 8192 cylinders
/// of 16 heads it doubles the heads until 1024 cylinders are enough, beyond that they follow from the size ("LBA").
fn heads(size: u64) -> u8 {
    let tracks = size / SECTOR / SECTORS;
    let mut cylinders = tracks / u64::from(PHYSICAL_HEADS);
    if cylinders > 8 * MAX_CYLINDERS {
        return if tracks / MAX_CYLINDERS > 128 { 255 } else { 128 };
    }
    let mut heads = PHYSICAL_HEADS;
    while cylinders > MAX_CYLINDERS {
        cylinders /= 2;
        heads *= 2;
    }
    heads
}

#[cfg(test)]
mod tests {
    use super::heads;

    /// By hand from the two sources: sectors of a disk, what QEMU calls its cylinders, heads.
    #[test]
    fn heads_follow_the_disks_size() {
        for (sectors, cylinders, wanted) in [
            (0, 0, 16),
            (1_033_199, 1024, 16),
            (1_033_200, 1025, 32),
            (2_066_399, 2049, 32),
            // 1 GiB
            (2_097_152, 2080, 64),
            (4_132_799, 4099, 64),
            (4_132_800, 4100, 128),
            // 2 GiB
            (4_194_304, 4161, 128),
            (8_258_543, 8192, 128),
            // No longer doubled, and not yet 129 * 1024 tracks.
            (8_322_047, 8255, 128),
            (8_322_048, 8256, 255),
            // 4, 8 and 2048 GiB
            (8_388_608, 8322, 255),
            (16_777_216, 16_383, 255),
            (4_294_967_296, 16_383, 255),
        ] {
            assert_eq!((sectors / 1008).min(16_383), cylinders);
            assert_eq!(heads(sectors * 512), wanted, "{sectors}");
        }
        assert_eq!(heads(u64::MAX), 255);
    }
}
