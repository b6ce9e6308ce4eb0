//! BitLocker volumes: what their headers say, and how they are opened.

use super::inside::{OPEN_TABLE, own_path};
use super::session::Session;
use crate::error::{GuestError, Result};
use crate::facts::windows::{BitLockerFacts, BitLockerState};
use crate::facts::{BITLOCKER, BlockDevice, GuestFacts};
use crate::windows::bitlocker::{
    BitLockerError, FIRST_SECTOR, FirstSector, METADATA_SIZE, Metadata, clear_key, table, unlock,
};

/// What the headers of a volume hold, as bytes: one whole copy of the metadata.
struct Headers {
    first: FirstSector,
    block: Vec<u8>,
}

impl Headers {
    /// What device-mapper needs, which holds the key of the data.
    fn table(&self, volume: &BlockDevice, key: Option<&[u8]>) -> std::result::Result<String, BitLockerError> {
        let metadata = Metadata::parse(&self.block)?;
        if metadata.facts(self.first.maps).state != BitLockerState::Encrypted {
            return Err(BitLockerError::Converting);
        }
        let key = match key {
            Some(secret) => unlock(&metadata, secret)?,
            None => clear_key(&metadata)?.ok_or(BitLockerError::Key)?,
        };
        table(&metadata, &key, &own_path(volume), self.first.sector_size, volume.size)
    }
}

impl Session {
    /// Adds what the headers of BitLocker volumes say, and their GUID in place of a UUID, which libblkid does not tell.
    /// A volume whose headers are damaged is told as unknown.
    ///
    /// # Errors
    /// The appliance failed.
    pub(super) fn note_bitlocker(&self, facts: &mut GuestFacts) -> Result<()> {
        for device in facts.block.iter_mut().filter(|b| b.fstype == BITLOCKER && b.bitlocker.is_none()) {
            let mut told = BitLockerFacts::default();
            if let Ok(headers) = self.bitlocker_headers(&device.name)?
                && let Ok(metadata) = Metadata::parse(&headers.block)
            {
                told = metadata.facts(headers.first.maps);
                device.uuid = metadata.guid();
            }
            device.bitlocker = Some(told);
        }
        Ok(())
    }

    /// Opens a volume as `/dev/mapper/NAME`: with a password, a recovery password or the content of a startup key, or,
    /// where its protection is suspended, with the key that lies on it.
    ///
    /// # Errors
    /// The key does not fit, the volume is not encrypted as a whole, or its headers are damaged; the appliance failed.
    pub(super) fn open_bitlocker(&self, volume: &BlockDevice, key: Option<&[u8]>, name: &str) -> Result<()> {
        let doing = format!("opening the BitLocker volume on {}", volume.name);
        let table = self.bitlocker_headers(&volume.name)?.and_then(|headers| headers.table(volume, key));
        let table = table.map_err(|e| GuestError::Backend { doing, message: e.to_string() })?;
        self.run_inside(&OPEN_TABLE, &[&own_path(volume), name], table.as_bytes())
    }

    /// The first whole copy of the metadata. The outer error is the appliance's, the inner one the volume's.
    fn bitlocker_headers(&self, device: &str) -> Result<std::result::Result<Headers, BitLockerError>> {
        let read = |length: usize, at: u64| {
            let (length, at) =
                (i32::try_from(length).unwrap_or(i32::MAX), i64::try_from(at).unwrap_or(i64::MAX));
            self.ask(&format!("reading the headers of {device}"), |g| g.pread_device(device, length, at))
        };
        let first = match FirstSector::parse(&read(FIRST_SECTOR, 0)?) {
            Ok(found) => found,
            Err(e) => return Ok(Err(e)),
        };
        let size = self.size(device)?;
        let mut last = BitLockerError::Metadata("its places lie behind the volume's end");
        for at in first.places {
            if at.checked_add(METADATA_SIZE as u64).is_none_or(|end| end > size) {
                continue;
            }
            let block = read(METADATA_SIZE, at)?;
            match Metadata::parse(&block) {
                Ok(_) => return Ok(Ok(Headers { first, block })),
                Err(e) => last = e,
            }
        }
        Ok(Err(last))
    }
}
