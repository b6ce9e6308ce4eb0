//! Encrypted containers: opened with the keys that the user gave, so that what is in them can be seen.

use std::ffi::CString;

use h2k_config::{Secret, VolumeSelector};

use super::ffi;
use super::inside::{OPEN_LUKS, RENAME_VOLUME, own_path};
use super::session::{Access, Session};
use crate::error::{GuestError, Result};
use crate::facts::windows::{BitLockerFacts, BitLockerState};
use crate::facts::{BITLOCKER, BlockDevice, GuestFacts};
use crate::linux::names::{find_container, find_volume, place_of};

/// Most containers that are opened: each takes seconds, and no server has as many.
const MAX_CONTAINERS: usize = 64;
/// Containers within containers that are opened. Two are in use (LUKS on LVM on LUKS).
const MAX_LAYERS: usize = 4;

/// Longest name that a volume is given, in bytes: device-mapper's limit is 127 (`DM_NAME_LEN`).
const MAX_MAPPED: usize = 127;

/// A key for one encrypted volume, or for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeKey {
    /// What it opens.
    pub volume: VolumeSelector,
    /// What it opens it with.
    pub secret: Secret,
}

/// Whether the user means `container` by `selector`.
pub fn selects(facts: &GuestFacts, selector: &VolumeSelector, container: &BlockDevice) -> bool {
    match selector {
        VolumeSelector::All => true,
        VolumeSelector::Uuid(uuid) => container.uuid.eq_ignore_ascii_case(uuid),
        VolumeSelector::Device(name) => {
            find_container(facts, name).is_some_and(|found| found.name == container.name)
        }
    }
}

impl Session {
    /// Opens every container that there is a key for or that needs none, and what those hold in turn. `facts` get what
    /// appears.
    ///
    /// # Errors
    /// No key for a container fits; the appliance failed.
    pub(super) fn open_containers(&self, facts: &mut GuestFacts) -> Result<()> {
        let mut tried: Vec<String> = Vec::new();
        for _ in 0..MAX_LAYERS {
            let closed = closed(facts, &self.keys, &tried);
            if closed.is_empty() {
                return Ok(());
            }
            for (container, keys) in closed {
                tried.push(container.name.clone());
                if tried.len() > MAX_CONTAINERS {
                    let text = format!("more than {MAX_CONTAINERS} encrypted volumes are not opened");
                    return Err(GuestError::Unsupported(text));
                }
                facts.block.extend(self.open_container(&container, &keys)?);
            }
            self.ask("looking for volumes in what was opened", |g| g.lvm_scan(true))?;
            self.volumes(facts)?;
        }
        Ok(())
    }

    /// Opens a container; `None` where it should open without a key, does not, and there is none for it: it stays closed,
    /// as any other without a key.
    fn open_container(&self, container: &BlockDevice, keys: &[&Secret]) -> Result<Option<BlockDevice>> {
        // A UUID that is none would be a name with who knows what in it: the place of the container is as good.
        let plain = |uuid: &str| uuid.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') && uuid.len() >= 32;
        let kind = if container.fstype == BITLOCKER { "bitlk" } else { "luks" };
        let name = match container.uuid.as_str() {
            uuid if plain(uuid) => format!("{kind}-{uuid}"),
            _ => format!("{kind}-{}", container.name.trim_start_matches("/dev/").replace('/', "-")),
        };
        let doing = format!("opening the encrypted volume on {}", told(container));
        let mut said: Vec<String> = Vec::new();
        if is_open(container) {
            match self.open_bitlocker(container, None, &name) {
                Ok(()) => return self.opened_as(container, &name).map(Some),
                Err(_) if keys.is_empty() => return Ok(None),
                Err(e) => said.push(e.to_string()),
            }
        }
        for key in keys {
            match self.open_with(container, key, &name) {
                Ok(()) => return self.opened_as(container, &name).map(Some),
                Err(e) if said.contains(&e) => {}
                Err(e) => said.push(e),
            }
        }
        let said = said.join("; ");
        let message = match keys.len() {
            1 => format!("the key that was given for it does not open it ({said})"),
            n => format!("none of the {n} keys that were given for it opens it ({said})"),
        };
        Err(GuestError::Backend { doing, message })
    }

    /// What a container was opened as.
    fn opened_as(&self, container: &BlockDevice, name: &str) -> Result<BlockDevice> {
        let mapped = format!("/dev/mapper/{name}");
        let mut device = self.probe(&mapped)?;
        device.size = self.size(&mapped)?;
        device.inside = vec![container.name.clone()];
        Ok(device)
    }

    /// Opens with one key. The error is libguestfs' text, which never holds the key.
    fn open_with(
        &self,
        container: &BlockDevice,
        key: &Secret,
        name: &str,
    ) -> std::result::Result<(), String> {
        let device = container.name.as_str();
        if container.fstype == BITLOCKER {
            return self.open_bitlocker(container, Some(key.bytes()), name).map_err(|e| e.to_string());
        }
        let text = |s: &str| CString::new(s).map_err(|_| "a name holds a zero byte".to_owned());
        match CString::new(key.bytes()) {
            Ok(key) => ffi::luks_open(&self.handle, &text(device)?, &key, &text(name)?)
                .map_err(|()| ffi::last_error(&self.handle).0),
            // libguestfs takes a key up to its first zero byte.
            Err(_) => self
                .run_inside(&OPEN_LUKS, &[&own_path(container), name], key.bytes())
                .map_err(|e| e.to_string()),
        }
    }

    /// Gives the open volumes the names that crypttab has for them: a generator of initramfs that runs in the appliance
    /// finds what unlocks the root file system by that name, and the ciphers that it takes.
    ///
    /// # Errors
    /// The appliance failed.
    pub(super) fn name_as_the_guest(&mut self, facts: &mut GuestFacts) -> Result<()> {
        for (old, new) in renamed(facts) {
            self.run_inside(&RENAME_VOLUME, &[&old, &new], &[])?;
            let (old, new) = (format!("/dev/mapper/{old}"), format!("/dev/mapper/{new}"));
            rename(facts, &old, &new);
            for mount in &mut self.mounts {
                replace(&mut mount.device, &old, &new);
                replace(&mut mount.mountable, &old, &new);
            }
        }
        facts.mounts.clone_from(&self.mounts);
        self.note_encrypted(facts);
        Ok(())
    }

    /// Notes which devices lie in encrypted containers: their free space cannot be discarded.
    pub(super) fn note_encrypted(&mut self, facts: &GuestFacts) {
        let encrypted = facts.block.iter().filter(|b| !facts.containers(b).is_empty());
        self.encrypted = encrypted.map(|b| b.name.clone()).collect();
    }

    /// Takes volumes and arrays apart again, so that an array's metadata says that it is whole. What does not come
    /// apart was synchronised nonetheless.
    pub(super) fn take_apart(&self) {
        if self.access != Access::Writable || self.arrays.is_empty() {
            return;
        }
        let _ = self.handle.vg_activate_all(false);
        for array in &self.arrays {
            let _ = self.handle.md_stop(array);
        }
    }
}

/// Names below /dev/mapper that open volumes have, and that they should have. A name that is taken, or that dmsetup or
/// device-mapper would read as anything else than a name, is left alone.
fn renamed(facts: &GuestFacts) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for volume in &facts.crypttab {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let name = volume.name.as_str();
        let length = 1..=MAX_MAPPED;
        let good = length.contains(&name.len()) && name.chars().all(plain) && !name.starts_with(['-', '.']);
        let taken = name == "control"
            || facts.device(&format!("/dev/mapper/{name}")).is_some()
            || find_volume(facts, &format!("/dev/mapper/{name}")).is_some_and(|b| b.lv.is_some())
            || pairs.iter().any(|(_, new)| new == name);
        let opened = find_container(facts, &volume.device).and_then(|container| facts.opened(container));
        let old = opened.and_then(|device| device.name.strip_prefix("/dev/mapper/"));
        if let Some(old) = old.filter(|old| good && !taken && !pairs.iter().any(|(o, _)| o == old)) {
            pairs.push((old.to_owned(), name.to_owned()));
        }
    }
    pairs
}

fn rename(facts: &mut GuestFacts, old: &str, new: &str) {
    for device in &mut facts.block {
        replace(&mut device.name, old, new);
        for below in &mut device.inside {
            replace(below, old, new);
        }
    }
    for system in facts.systems.iter_mut().chain(&mut facts.others) {
        replace(&mut system.root, old, new);
    }
}

/// The device's name, alone or in libguestfs' name of a btrfs subvolume on it.
fn replace(name: &mut String, old: &str, new: &str) {
    let subvolume = format!("btrfsvol:{old}/");
    if name == old {
        new.clone_into(name);
    } else if let Some(path) = name.strip_prefix(&subvolume) {
        *name = format!("btrfsvol:{new}/{path}");
    }
}

/// Containers that are closed and can be opened, with their keys: those that name them first. One that needs no key may
/// have none. What was `tried` is not tried again.
fn closed<'a>(
    facts: &GuestFacts,
    keys: &'a [VolumeKey],
    tried: &[String],
) -> Vec<(BlockDevice, Vec<&'a Secret>)> {
    let closed = facts.block.iter().filter(|b| b.is_encrypted() && facts.opened(b).is_none());
    let with_keys = closed.filter(|b| !tried.contains(&b.name)).map(|container| {
        let mut own: Vec<&VolumeKey> =
            keys.iter().filter(|key| selects(facts, &key.volume, container)).collect();
        own.sort_by_key(|key| key.volume == VolumeSelector::All);
        (container.clone(), own.into_iter().map(|key| &key.secret).collect::<Vec<_>>())
    });
    with_keys.filter(|(container, keys)| is_open(container) || !keys.is_empty()).collect()
}

/// Whether a container opens without any key: a BitLocker volume that is encrypted as a whole and suspended.
fn is_open(container: &BlockDevice) -> bool {
    let whole = |volume: &BitLockerFacts| volume.suspended && volume.state == BitLockerState::Encrypted;
    container.bitlocker.as_ref().is_some_and(whole)
}

/// A container, for people: where it is, and the UUID that `--key` takes.
fn told(container: &BlockDevice) -> String {
    match container.uuid.as_str() {
        "" => place_of(container),
        uuid => format!("{} (UUID={uuid})", place_of(container)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{CryptVolume, LUKS};
    use crate::linux::testing::{device, facts};

    fn encrypted() -> GuestFacts {
        let mut facts = facts();
        let mapped = |name: &str, inside: &str| BlockDevice {
            name: format!("/dev/mapper/{name}"),
            inside: vec![inside.to_owned()],
            ..BlockDevice::default()
        };
        facts.block.extend([
            device(0, 3, LUKS),
            device(1, 2, LUKS),
            mapped("luks-1", "/dev/sda3"),
            mapped("luks-2", "/dev/sdb2"),
            BlockDevice { lv: Some(("vg".to_owned(), "lv".to_owned())), ..mapped("x", "/dev/mapper/luks-1") },
        ]);
        facts
    }

    fn named(lines: &[(&str, &str)]) -> Vec<(String, String)> {
        let entry = |(name, device): &(&str, &str)| CryptVolume {
            name: (*name).to_owned(),
            device: (*device).to_owned(),
        };
        renamed(&GuestFacts { crypttab: lines.iter().map(entry).collect(), ..encrypted() })
    }

    #[test]
    fn open_volumes_get_the_names_of_crypttab_if_they_are_names() {
        let pair = |old: &str, new: &str| (old.to_owned(), new.to_owned());
        assert_eq!(
            named(&[("root_crypt", "/dev/sda3"), ("data", "/dev/sdb2")]),
            [pair("luks-1", "root_crypt"), pair("luks-2", "data")]
        );
        assert_eq!(named(&[("luks-1", "/dev/sda3")]), []);
        assert_eq!(named(&[("a", "/dev/sda3"), ("b", "/dev/sda3")]), [pair("luks-1", "a")]);
        for hostile in ["$(reboot)", "a b", "-f", "../x", "control", "vg-lv", ""] {
            assert_eq!(named(&[(hostile, "/dev/sda3")]), [], "{hostile}");
        }
    }

    #[test]
    fn a_new_name_is_the_one_everywhere() {
        let mut facts = encrypted();
        facts.systems[0].root = "btrfsvol:/dev/mapper/luks-1/@".to_owned();
        rename(&mut facts, "/dev/mapper/luks-1", "/dev/mapper/a");
        assert_eq!(facts.systems[0].root, "btrfsvol:/dev/mapper/a/@");
        assert_eq!(facts.opened(facts.device("/dev/sda3").unwrap()).unwrap().name, "/dev/mapper/a");
        assert_eq!(facts.device("/dev/mapper/x").unwrap().inside, ["/dev/mapper/a"]);
        assert!(facts.device("/dev/mapper/luks-1").is_none());
    }

    #[test]
    fn what_can_be_opened_is_tried_once() {
        let mut facts = facts();
        let volume = |n, suspended, state| BlockDevice {
            uuid: format!("0a000000-0000-4000-8000-00000000000{n}"),
            bitlocker: Some(BitLockerFacts { suspended, state, protectors: Vec::new() }),
            ..device(0, n, BITLOCKER)
        };
        facts.block.extend([
            device(0, 3, LUKS),
            volume(4, true, BitLockerState::Encrypted),
            volume(5, true, BitLockerState::Converting),
            volume(6, false, BitLockerState::Encrypted),
        ]);
        let names = |keys: &[VolumeKey], tried: &[String]| -> Vec<(String, usize)> {
            closed(&facts, keys, tried).into_iter().map(|(b, keys)| (b.name, keys.len())).collect()
        };
        let told = |name: &str, keys| (name.to_owned(), keys);
        assert_eq!(names(&[], &[]), [told("/dev/sda4", 0)]);
        assert_eq!(names(&[], &["/dev/sda4".to_owned()]), []);
        let key =
            |volume: &str| VolumeKey { volume: volume.parse().unwrap(), secret: Secret::new(b"x".to_vec()) };
        let one = [key("UUID=0a000000-0000-4000-8000-000000000006")];
        assert_eq!(names(&one, &[]), [told("/dev/sda4", 0), told("/dev/sda6", 1)]);
        assert_eq!(names(&[key("all")], &[]).len(), 4);
    }

    #[test]
    fn a_key_opens_what_its_selector_means() {
        let facts = encrypted();
        let container = facts.device("/dev/sda3").unwrap();
        for (selector, means) in [
            ("all", true),
            ("/dev/sda3", true),
            ("/dev/sdb2", false),
            ("/dev/vg/lv", false),
            (&format!("UUID={}", container.uuid), true),
            ("UUID=0a000000-0000-4000-8000-0000000009ff", false),
        ] {
            assert_eq!(selects(&facts, &selector.parse().unwrap(), container), means, "{selector}");
        }
    }
}
