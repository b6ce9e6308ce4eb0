//! `windows.geometry`: the number of heads in the boot sector of Windows before Vista.

use h2k_config::Policy;

use super::SYSTEM_VOLUME;
use crate::hive::Hex;
use crate::{Change, Edit, Fixer, Guest, GuestFacts, Proposal, error::Result};

const ID: &str = "windows.geometry";
/// Where an NTFS boot sector has the number of heads (two bytes, little-endian).
const HEADS: u16 = 0x1a;
/// The heads that SeaBIOS gives every disk of more than 8 GB, and those below it but the smallest.
const WANTED: [u8; 2] = [0xff, 0x00];
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
        "The boot code of Windows before Vista reads its first sectors by cylinder, head and sector, counted with the          number of heads that stands in the boot sector. Where the source's BIOS had another geometry than the target's,          it reads the wrong ones and stops with \"A disk read error occurred\" or a black screen. One byte is changed;          newer versions read by block number and are left alone."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, _: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        let Some(windows) = facts.windows().filter(|windows| windows.version.major < 6) else {
            return Ok(proposal);
        };
        let Some(sector) = guest.boot_sector(SYSTEM_VOLUME)? else { return Ok(proposal) };
        let at = usize::from(HEADS);
        let now = sector.get(at..at + WANTED.len()).unwrap_or_default();
        if sector.get(3..11) == Some(NTFS) && now != WANTED {
            let reason = format!("{} is started by a BIOS that counts 255 heads", windows.version.product);
            let change = Change::BootSector {
                path: SYSTEM_VOLUME.to_owned(),
                offset: HEADS,
                before: Hex(now.to_vec()),
                after: Hex(WANTED.to_vec()),
            };
            proposal.edits.push(Edit::new(ID, reason, change));
        }
        Ok(proposal)
    }
}
