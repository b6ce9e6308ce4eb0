//! The section `customize`: what the administrator wants changed in the guest besides the repairs.
//!
//! Names are checked when they are read, so that a mistake is told with its line, and so that none of them can be
//! anything else than a name where it is used.

use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Longest host name in bytes (hostname(7)); Linux takes 64.
const MAX_HOSTNAME: usize = 64;
/// Longest user or group name (useradd(8)).
const MAX_USER: usize = 32;
/// Longest unit name (systemd.unit(5)).
const MAX_UNIT: usize = 255;
/// Longest path in bytes: `PATH_MAX`.
const MAX_PATH: usize = 4096;

/// What is wanted in the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Customize {
    /// Host name.
    pub hostname: Option<Hostname>,
    /// Users that are there afterwards, with their SSH keys.
    pub users: Vec<User>,
    /// Files of this host that are copied into the guest.
    pub files: Vec<CopyIn>,
    /// systemd units.
    pub units: Units,
    /// Scripts of this host that run once at the guest's first boot, in this order.
    pub first_boot: Vec<PathBuf>,
    /// Packages that are removed.
    pub remove_packages: Vec<Package>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct User {
    /// Name.
    pub name: UserName,
    /// Public keys, as lines of authorized_keys (sshd(8)).
    #[serde(default)]
    pub ssh_keys: Vec<SshKey>,
    /// Groups besides its own.
    #[serde(default)]
    pub groups: Vec<UserName>,
    /// Login shell of a new user; `/bin/sh` by default.
    #[serde(default)]
    pub shell: Option<GuestPath>,
}

/// A file that is copied in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CopyIn {
    /// File of this host.
    pub from: PathBuf,
    /// File in the guest.
    pub to: GuestPath,
    /// Permission bits; those of the file that is there, or 0644.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// Owner and group; those of the file that is there, or root.
    #[serde(default)]
    pub owner: Option<Owner>,
}

/// What becomes of systemd units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Units {
    /// Started at boot.
    pub enable: Vec<UnitName>,
    /// Not started at boot.
    pub disable: Vec<UnitName>,
    /// Not started at all.
    pub mask: Vec<UnitName>,
}

impl Customize {
    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The files of this host that are named, to be made absolute or to be read.
    pub fn host_files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.files.iter_mut().map(|f| &mut f.from).chain(&mut self.first_boot)
    }
}

/// Reads a text and checks it at once, so that a YAML reader knows the place of the mistake.
struct Text<T>(PhantomData<T>);

impl<T: TryFrom<String, Error = String>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::try_from(text.to_owned()).map_err(E::custom)
    }
}

/// A text that was checked when it was read.
macro_rules! checked {
    ($(#[$doc:meta])* $name:ident, $check:expr, $wanted:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Text(PhantomData))
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                let check: fn(&str) -> bool = $check;
                if check(&text) { Ok(Self(text)) } else { Err(format!("{text:?} is no {}", $wanted)) }
            }
        }
    };
}

checked!(
    /// A host name: labels of letters, digits and dashes (RFC 1123, section 2.1).
    Hostname,
    |text| {
        let label = |l: &str| {
            !l.is_empty()
                && l.len() <= 63
                && !l.starts_with('-')
                && !l.ends_with('-')
                && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        text.len() <= MAX_HOSTNAME && text.split('.').all(label)
    },
    "host name: labels of letters, digits and dashes, 64 characters at most"
);

checked!(
    /// A user or group name, as useradd(8) takes it.
    UserName,
    |text| {
        let rest = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
        text.len() <= MAX_USER
            && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_')
            && text.bytes().all(rest)
    },
    "user or group name: lower-case letters, digits, _ and -, 32 characters at most"
);

checked!(
    /// A unit's name with its suffix (systemd.unit(5)).
    UnitName,
    |text| {
        let kinds = ["service", "socket", "timer", "path", "target", "mount", "automount", "swap", "slice"];
        let plain = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
        text.len() <= MAX_UNIT
            && !text.starts_with('.')
            && text.chars().all(plain)
            && text.rsplit_once('.').is_some_and(|(stem, kind)| !stem.is_empty() && kinds.contains(&kind))
    },
    "unit name with its suffix (such as sshd.service)"
);

checked!(
    /// A package's name, as dpkg, rpm, apk and pacman take it.
    Package,
    |text| {
        text.len() <= MAX_UNIT
            && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-._".contains(&b))
    },
    "package name"
);

checked!(
    /// An absolute path of a file in the guest, without `.` and `..`.
    GuestPath,
    |text| {
        text.len() <= MAX_PATH
            && text.len() > 1
            && text.starts_with('/')
            && !text.chars().any(char::is_control)
            && text.split('/').skip(1).all(|c| !c.is_empty() && c != "." && c != "..")
    },
    "absolute path of a file in the guest"
);

checked!(
    /// A line of authorized_keys: one line that holds a key's type and its base64.
    SshKey,
    |text| {
        const KINDS: [&str; 4] = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];
        let words: Vec<&str> = text.split(' ').collect();
        let key = |pair: &[&str]| {
            matches!(pair, [kind, data] if KINDS.iter().any(|k| kind.starts_with(k)) && data.starts_with("AAAA"))
        };
        text.len() <= 16 * 1024 && !text.chars().any(char::is_control) && words.windows(2).any(key)
    },
    "public SSH key on one line (such as \"ssh-ed25519 AAAA… name\")"
);

checked!(
    /// Owner and group: `name:group` or `uid:gid`.
    Owner,
    |text| {
        let part = |p: &str| {
            p.parse::<u32>().is_ok() || UserName::try_from(p.to_owned()).is_ok()
        };
        text.split_once(':').is_some_and(|(user, group)| part(user) && part(group))
    },
    "owner: write user:group, each a name or a number"
);

checked!(
    /// Permission bits in octal.
    Mode,
    |text| (3..=5).contains(&text.len()) && u32::from_str_radix(text, 8).is_ok_and(|mode| mode <= 0o7777),
    "mode: write octal permission bits such as 0644"
);

impl Mode {
    /// The bits.
    pub fn bits(&self) -> u32 {
        u32::from_str_radix(self.as_str(), 8).unwrap_or(0o600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes<T: TryFrom<String>>(good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(T::try_from((*text).to_owned()).is_ok(), "{text:?} is refused");
        }
        for text in bad {
            assert!(T::try_from((*text).to_owned()).is_err(), "{text:?} is taken");
        }
    }

    #[test]
    fn names_are_names() {
        let long = "a".repeat(70);
        takes::<Hostname>(
            &["web01", "web01.example.org", "1a"],
            &["", ".", "-a", "a b", "a..b", "a\nb", "ü", &long],
        );
        takes::<UserName>(&["admin", "_apt", "www-data"], &["", "Root", "a:b", "a b", "-a", "../x", "a\n"]);
        takes::<UnitName>(
            &["sshd.service", "getty@tty1.service", "dev-disk-by\\x2duuid.swap"],
            &["sshd", ".service", "../x.service", "a/b.service", "a b.service", "x.conf"],
        );
        takes::<Package>(
            &["open-vm-tools", "libstdc++6", "python3.11"],
            &["", "-rf", "a b", "a;b", "--purge"],
        );
        takes::<GuestPath>(
            &["/etc/motd", "/a b/c"],
            &["", "/", "etc/motd", "/etc/../x", "/a//b", "/a/", "/a\nb"],
        );
        takes::<Owner>(&["root:root", "0:0", "admin:100"], &["root", "a:b:c", ":", "Root:x"]);
        takes::<Mode>(&["0644", "755", "4755"], &["rw", "", "0", "99999", "888"]);
    }

    #[test]
    fn a_key_is_one_line_with_a_key() {
        takes::<SshKey>(
            &[
                "ssh-ed25519 AAAAC3Nz me@host",
                "no-pty,command=\"x y\" ssh-rsa AAAAB3Nz",
                "sk-ssh-ed25519@openssh.com AAAAG",
            ],
            &[
                "",
                "ssh-ed25519",
                "AAAAC3Nz",
                "ssh-ed25519 AAAA\nssh-rsa AAAA",
                "-----BEGIN OPENSSH PRIVATE KEY-----",
            ],
        );
    }
}
