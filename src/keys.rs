//! The secrets that open encrypted volumes, fetched from where the user says they are, each time that they are needed:
//! they are kept nowhere.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::unix::ffi::OsStringExt;
use std::sync::Mutex;

use h2k_config::{KeyRef, Secret, SecretPlace};
use h2k_fixers::offline::VolumeKey;

use crate::error::{Doing, Failure, FailureKind};

/// Largest secret in bytes: cryptsetup's own limit for a key file (8 MiB, cryptsetup(8) "NOTES ON PASSPHRASES").
const MAX_SECRET: u64 = 8 << 20;

/// What was read from standard input, which can be read once.
static FROM_STDIN: Mutex<Option<Secret>> = Mutex::new(None);

/// The keys with their secrets.
///
/// # Errors
/// A secret is not where it is said to be. The message names the place, never what is there.
pub fn read(keys: &[KeyRef]) -> Result<Vec<VolumeKey>, Failure> {
    let one = |key: &KeyRef| {
        let secret =
            secret(&key.secret).map_err(|f| f.context(format!("reading the key of {}", key.volume)))?;
        if secret.bytes().is_empty() {
            let message = format!("the key of {} is empty: nothing is in {}", key.volume, key.secret);
            return Err(Failure::message(FailureKind::Usage, message));
        }
        Ok(VolumeKey { volume: key.volume.clone(), secret })
    };
    keys.iter().map(one).collect()
}

/// Takes what another process read from its standard input for what this one's would say.
pub fn preset(secret: Secret) {
    *FROM_STDIN.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(secret);
}

fn secret(place: &SecretPlace) -> Result<Secret, Failure> {
    let usage = |message: String| Failure::message(FailureKind::Usage, message);
    match place {
        SecretPlace::File(path) => {
            Ok(Secret::passphrase(bytes(File::open(path).doing(format!("opening {}", path.display()))?)?))
        }
        SecretPlace::KeyFile(path) => {
            Ok(Secret::new(bytes(File::open(path).doing(format!("opening {}", path.display()))?)?))
        }
        SecretPlace::Env(name) => match std::env::var_os(name) {
            Some(value) => Ok(Secret::passphrase(value.into_vec())),
            None => Err(usage(format!("the environment has no variable {name}"))),
        },
        SecretPlace::Stdin => {
            let mut read = FROM_STDIN.lock().map_err(|_| usage("standard input is being read".to_owned()))?;
            if let Some(secret) = read.as_ref() {
                return Ok(secret.clone());
            }
            if io::stdin().is_terminal() {
                return Err(usage("standard input is a terminal, and nothing is asked for".to_owned()));
            }
            let secret = Secret::passphrase(bytes(io::stdin().lock())?);
            *read = Some(secret.clone());
            Ok(secret)
        }
    }
}

fn bytes(source: impl Read) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    source.take(MAX_SECRET + 1).read_to_end(&mut bytes).doing("reading a secret")?;
    if bytes.len() as u64 > MAX_SECRET {
        let message = format!("it is larger than {} MiB, which no key is", MAX_SECRET >> 20);
        return Err(Failure::message(FailureKind::Usage, message));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_fetched_and_errors_do_not_tell_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, "hunter2\n").unwrap();
        let keys = |text: &str| -> Vec<KeyRef> { vec![text.parse().unwrap()] };
        let file = read(&keys(&format!("all:file:{}", path.display()))).unwrap();
        assert_eq!(file[0].secret.bytes(), b"hunter2");
        let key_file = read(&keys(&format!("all:key-file:{}", path.display()))).unwrap();
        assert_eq!(key_file[0].secret.bytes(), b"hunter2\n");
        std::fs::write(&path, "\n").unwrap();
        for (text, told) in [
            (format!("/dev/sda2:file:{}", path.display()), "the key of /dev/sda2 is empty"),
            (format!("all:file:{}/none", dir.path().display()), "none"),
            ("all:env:H2K_TEST_NO_SUCH_VARIABLE".to_owned(), "no variable H2K_TEST_NO_SUCH_VARIABLE"),
        ] {
            let error = read(&keys(&text)).unwrap_err().chain();
            assert!(error.contains(told), "{error}");
        }
    }
}
