//! What the user has, as keys of protectors.

use sha2::{Digest, Sha256};

use super::format::{Kind, Protector, VALUE_KEY, entries};
use crate::bytes::{slice, u32_at};

/// Rounds of SHA-256 that a password goes through.
const ROUNDS: u64 = 1 << 20;
/// Groups of a recovery password, each six digits, a multiple of 11, of a number of 16 bits.
const GROUPS: usize = 8;
const GROUP_DIGITS: usize = 6;
const GROUP_FACTOR: u32 = 11;

/// Bytes of a startup key's header, and its version (the header is that of a volume's metadata).
const BEK_HEADER: usize = 48;
const BEK_VERSION: u32 = 1;
/// Value of an external key: a GUID (16 bytes), a time (8), then its properties.
const VALUE_EXTERNAL: u16 = 9;
const EXTERNAL_HEADER: usize = 24;
/// Longest startup key that is read; they have less than 200 bytes.
const MAX_BEK: usize = 4096;

/// A secret in each of the forms that it can be.
pub(super) struct Secrets {
    password: Option<[u8; 32]>,
    recovery: Option<[u8; 32]>,
    startup: Option<Vec<u8>>,
}

impl Secrets {
    pub(super) fn of(secret: &[u8]) -> Self {
        let text = std::str::from_utf8(secret).ok();
        Self { password: text.map(password), recovery: text.and_then(recovery), startup: startup(secret) }
    }

    /// The key that opens a protector, if this may be what it asks for.
    pub(super) fn key_for(&self, protector: &Protector<'_>) -> Option<Vec<u8>> {
        let stretched = |initial: &[u8; 32]| Some(stretch(initial, protector.salt()?).to_vec());
        match protector.kind {
            Kind::PASSWORD => stretched(self.password.as_ref()?),
            Kind::RECOVERY => stretched(self.recovery.as_ref()?),
            Kind::STARTUP => self.startup.clone(),
            _ => None,
        }
    }
}

/// SHA-256 twice over the password in UTF-16.
fn password(text: &str) -> [u8; 32] {
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    Sha256::digest(Sha256::digest(utf16)).into()
}

/// SHA-256 over the 16 bytes that a recovery password stands for; `None` where it is none.
pub(super) fn recovery(text: &str) -> Option<[u8; 32]> {
    let groups: Vec<&str> = text.trim().split('-').collect();
    if groups.len() != GROUPS {
        return None;
    }
    let mut key = Vec::new();
    for group in groups {
        let digits = group.len() == GROUP_DIGITS && group.bytes().all(|b| b.is_ascii_digit());
        let number: u32 = group.parse().ok().filter(|n: &u32| digits && n.is_multiple_of(GROUP_FACTOR))?;
        key.extend(u16::try_from(number / GROUP_FACTOR).ok()?.to_le_bytes());
    }
    Some(Sha256::digest(key).into())
}

/// The key in the content of a `.BEK` file.
fn startup(bytes: &[u8]) -> Option<Vec<u8>> {
    let size = usize::try_from(u32_at(bytes, 0)?).ok()?;
    if size != bytes.len() || size > MAX_BEK || u32_at(bytes, 4)? != BEK_VERSION {
        return None;
    }
    let external = entries(bytes.get(BEK_HEADER..)?).into_iter().find(|e| e.value == VALUE_EXTERNAL)?;
    let properties = entries(external.data.get(EXTERNAL_HEADER..)?);
    let key = properties.iter().find(|p| p.value == VALUE_KEY)?;
    slice(key.data, 4, 32).map(<[u8]>::to_vec)
}

/// Rounds over what came out last (32 bytes), what went in (32), the salt (16) and a count (8).
fn stretch(initial: &[u8; 32], salt: &[u8; 16]) -> [u8; 32] {
    let mut state = [0; 88];
    state[32..64].copy_from_slice(initial);
    state[64..80].copy_from_slice(salt);
    let mut last = [0; 32];
    for round in 0..ROUNDS {
        state[80..].copy_from_slice(&round.to_le_bytes());
        last = Sha256::digest(state).into();
        state[..32].copy_from_slice(&last);
    }
    last
}
