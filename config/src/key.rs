//! `--key`: which encrypted volume is opened with what. Only the place of a secret is ever written down, never the
//! secret: what is in an argument list can be read by every process of the host.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest name of a device or variable that is taken, in bytes.
const MAX_NAME: usize = 4096;

/// A key for one encrypted volume, or for all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct KeyRef {
    /// What it opens.
    pub volume: VolumeSelector,
    /// Where the secret is.
    pub secret: SecretPlace,
}

/// An encrypted volume, as the user names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum VolumeSelector {
    /// Every one that has no key of its own that fits.
    All,
    /// By the UUID in its header.
    Uuid(String),
    /// By the name that its device has in the guest: `/dev/sda2`, `/dev/vg0/home`.
    Device(String),
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretPlace {
    /// A passphrase in a file; a newline at its end is none of it.
    File(PathBuf),
    /// A key file, every byte of it.
    KeyFile(PathBuf),
    /// A passphrase in an environment variable.
    Env(String),
    /// A passphrase on standard input; a newline at its end is none of it.
    Stdin,
}

/// A `--key` that cannot be understood. Says nothing of what was given: it may be the secret itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// It names no place of a secret.
    #[error(
        "a key is VOLUME:file:PATH (a passphrase), VOLUME:key-file:PATH (a key file), VOLUME:env:NAME or VOLUME:-; \
         VOLUME is all, UUID=… or a device of the guest (what was given is not shown: it may be a secret)"
    )]
    Form,
    /// virt-v2v's form with the secret itself.
    #[error(
        "a key that is written into a command line or a file can be read by others: name the place of the secret with \
         file:PATH, key-file:PATH, env:NAME or -"
    )]
    Literal,
    /// No such volume can be.
    #[error("the volume of a key is all, UUID=… or a device of the guest such as /dev/sda2 or /dev/vg0/home")]
    Volume,
    /// The place of the secret is empty or too long.
    #[error("the place of a key's secret has no name, or too long a one")]
    Place,
}

impl FromStr for KeyRef {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (volume, secret) = split(text)?;
        Ok(Self { volume: volume.parse()?, secret })
    }
}

/// A kind of place: what marks it, and what its name means.
type PlaceKind = (&'static str, fn(&str) -> SecretPlace);

/// Marks of a secret's place.
const PLACES: [PlaceKind; 3] = [
    (":file:", |path| SecretPlace::File(path.into())),
    (":key-file:", |path| SecretPlace::KeyFile(path.into())),
    (":env:", |name| SecretPlace::Env(name.to_owned())),
];

/// Splits at the first mark: device names such as `/dev/disk/by-path/pci-0000:03:00.0` hold colons, and so may paths.
fn split(text: &str) -> Result<(&str, SecretPlace), KeyError> {
    if let Some(volume) = text.strip_suffix(":-") {
        return Ok((volume, SecretPlace::Stdin));
    }
    let marks = PLACES.iter().filter_map(|(mark, make)| text.find(mark).map(|at| (at, *mark, make)));
    match (marks.min_by_key(|(at, _, _)| *at), text.find(":key:")) {
        (None, Some(_)) => Err(KeyError::Literal),
        (None, None) => Err(KeyError::Form),
        (Some((at, mark, make)), _) => {
            let volume = text.get(..at).unwrap_or_default();
            let place = text.get(at + mark.len()..).unwrap_or_default();
            let good = !place.is_empty() && place.len() <= MAX_NAME && !place.contains(['\0', '\n']);
            if good { Ok((volume, make(place))) } else { Err(KeyError::Place) }
        }
    }
}

impl FromStr for VolumeSelector {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let uuid = text.strip_prefix("UUID=").or_else(|| text.strip_prefix("uuid="));
        match (text, uuid) {
            ("all", _) => Ok(VolumeSelector::All),
            (_, Some(uuid)) if is_uuid(uuid) => Ok(VolumeSelector::Uuid(uuid.to_ascii_lowercase())),
            _ if is_uuid(text) => Ok(VolumeSelector::Uuid(text.to_ascii_lowercase())),
            _ if text.starts_with("/dev/") && text.len() <= MAX_NAME && !text.contains(['\0', '\n']) => {
                Ok(VolumeSelector::Device(text.to_owned()))
            }
            _ => Err(KeyError::Volume),
        }
    }
}

/// 8-4-4-4-12 hexadecimal digits, as LUKS headers have them.
fn is_uuid(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

impl KeyRef {
    /// Makes the path of a secret absolute with `anchor`.
    pub(crate) fn anchor(&mut self, anchor: impl Fn(&Path) -> PathBuf) {
        if let SecretPlace::File(path) | SecretPlace::KeyFile(path) = &mut self.secret {
            *path = anchor(path);
        }
    }
}

impl fmt::Display for VolumeSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VolumeSelector::All => f.write_str("all"),
            VolumeSelector::Uuid(uuid) => write!(f, "UUID={uuid}"),
            VolumeSelector::Device(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for SecretPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretPlace::File(path) => write!(f, "file:{}", path.display()),
            SecretPlace::KeyFile(path) => write!(f, "key-file:{}", path.display()),
            SecretPlace::Env(name) => write!(f, "env:{name}"),
            SecretPlace::Stdin => f.write_str("-"),
        }
    }
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.volume, self.secret)
    }
}

impl From<KeyRef> for String {
    fn from(key: KeyRef) -> String {
        key.to_string()
    }
}

impl TryFrom<String> for KeyRef {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

/// The bytes that open a volume. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// A secret of these bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// A passphrase of these bytes, without the newline that editors and `echo` put at the end.
    pub fn passphrase(mut bytes: Vec<u8>) -> Self {
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        Self(bytes)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "0B105A00-77aa-4c1d-9e57-d3b1a0120001";

    #[test]
    fn forms_that_are_understood() {
        let uuid = VolumeSelector::Uuid(UUID.to_lowercase());
        let device = |name: &str| VolumeSelector::Device(name.to_owned());
        let cases: Vec<(String, VolumeSelector, SecretPlace)> = vec![
            ("all:-".to_owned(), VolumeSelector::All, SecretPlace::Stdin),
            ("all:env:PASS".to_owned(), VolumeSelector::All, SecretPlace::Env("PASS".to_owned())),
            (format!("UUID={UUID}:file:/k/a:b"), uuid.clone(), SecretPlace::File("/k/a:b".into())),
            (format!("{UUID}:key-file:k"), uuid, SecretPlace::KeyFile("k".into())),
            ("/dev/vg0/home:file:p".to_owned(), device("/dev/vg0/home"), SecretPlace::File("p".into())),
            (
                "/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part2:env:P".to_owned(),
                device("/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part2"),
                SecretPlace::Env("P".to_owned()),
            ),
        ];
        for (text, volume, secret) in cases {
            let key: KeyRef = text.parse().unwrap();
            assert_eq!(key, KeyRef { volume, secret }, "{text}");
            assert_eq!(key.to_string().parse::<KeyRef>(), Ok(key), "{text}");
        }
    }

    #[test]
    fn a_form_that_is_not_understood_is_not_repeated() {
        for (text, error) in [
            ("all:key:hunter2", KeyError::Literal),
            ("/dev/sda2:hunter2", KeyError::Form),
            ("hunter2", KeyError::Form),
            ("sda2:file:hunter2", KeyError::Volume),
            ("UUID=12:file:hunter2", KeyError::Volume),
            (":env:hunter2", KeyError::Volume),
            ("all:file:", KeyError::Place),
        ] {
            assert_eq!(text.parse::<KeyRef>(), Err(error), "{text}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Secret::new(b"hunter2".to_vec())), "Secret(…)");
        assert_eq!(Secret::passphrase(b"a\n\n".to_vec()).bytes(), b"a\n");
        assert_eq!(Secret::new(b"a\n".to_vec()).bytes(), b"a\n");
    }
}
