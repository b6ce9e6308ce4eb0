//! From what the user has to the key of the data: two layers of AES-CCM.

use aes::Aes256;
use ccm::aead::{Aead, KeyInit};
use ccm::consts::{U12, U16};
use ccm::{Ccm, Nonce};

use super::BitLockerError;
use super::format::{Kind, Metadata, Protector};
use super::secret::Secrets;
use crate::bytes::{slice, u32_at};

/// AES-CCM with a tag of 16 bytes and a nonce of 12 (RFC 3610: M = 16, L = 3).
type Cipher = Ccm<Aes256, U16, U12>;

/// Bytes of the nonce, and of the tag after it.
const NONCE: usize = 12;
const TAG: usize = 16;
/// Bytes that a decrypted key begins with: its length with these, a version, its method.
const KEY_HEADER: usize = 12;

/// The key of the data (FVEK) of a volume whose protection is suspended, as it is stored: 16, 32 or 64 bytes. `None`
/// where no protector lies in the clear.
///
/// # Errors
/// The keys are of no known form, or do not open each other.
pub fn clear_key(metadata: &Metadata<'_>) -> Result<Option<Vec<u8>>, BitLockerError> {
    let protectors = metadata.protectors();
    let Some(protector) = protectors.iter().find(|p| p.kind == Kind::CLEAR_KEY) else { return Ok(None) };
    let key = protector.key().ok_or(BitLockerError::Key)?;
    data_key(metadata, protector, key).map(Some)
}

/// The same with a secret: a password, a recovery password or the content of a startup key (a `.BEK` file).
///
/// # Errors
/// [`BitLockerError::Secret`] where it fits no protector.
pub fn unlock(metadata: &Metadata<'_>, secret: &[u8]) -> Result<Vec<u8>, BitLockerError> {
    let secrets = Secrets::of(secret);
    for protector in metadata.protectors() {
        let Some(key) = secrets.key_for(&protector) else { continue };
        match data_key(metadata, &protector, &key) {
            Err(BitLockerError::Key) => {}
            found => return found,
        }
    }
    Err(BitLockerError::Secret)
}

/// Opens the VMK of a protector, and with it the key of the data.
fn data_key(
    metadata: &Metadata<'_>,
    protector: &Protector<'_>,
    key: &[u8],
) -> Result<Vec<u8>, BitLockerError> {
    let vmk = unseal(key, protector.sealed().ok_or(BitLockerError::Key)?)?;
    let sealed = metadata.data_key().ok_or(BitLockerError::Metadata("it has no key of the data"))?;
    unseal(&vmk, sealed)
}

/// Decrypts a key that another one protects.
fn unseal(key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, BitLockerError> {
    let cipher = Cipher::new_from_slice(key).map_err(|_| BitLockerError::Key)?;
    let (nonce, tag) = (slice(sealed, 0, NONCE), slice(sealed, NONCE, TAG));
    let (Some(nonce), Some(tag), Some(data)) = (nonce, tag, sealed.get(NONCE + TAG..)) else {
        return Err(BitLockerError::Key);
    };
    // Here the tag stands before what it is of; the crate wants it after.
    let together = [data, tag].concat();
    let plain =
        cipher.decrypt(Nonce::from_slice(nonce), together.as_slice()).map_err(|_| BitLockerError::Key)?;
    let length = u32_at(&plain, 0).and_then(|n| usize::try_from(n).ok());
    if length != Some(plain.len()) {
        return Err(BitLockerError::Key);
    }
    plain.get(KEY_HEADER..).map(<[u8]>::to_vec).ok_or(BitLockerError::Key)
}
