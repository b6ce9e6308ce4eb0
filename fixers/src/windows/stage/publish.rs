//! The names of a package in a guest: its directory in the driver store, and `oemN.inf`.

use std::collections::BTreeSet;

use super::Stage;
use super::files::STORE;
use crate::error::{GuestError, Result};
use crate::hive::{Hive, Key, RegData};
use crate::windows::drivers::Package;
use crate::windows::path;

/// Published names that are tried.
const MAX_NUMBER: u32 = 9999;
/// Where the database keeps which numbers are taken: a bit for each, the first one the highest of the first byte. Read
/// from the hive of a real Windows 10.
pub(super) const MAP: &str = "OemInfMap";

/// Under which names a package stands in a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::windows) struct Published {
    /// `oem4.inf`.
    pub inf: String,
    /// Its number.
    pub number: u32,
    /// Name in the driver store (`viostor.inf_amd64_0123456789abcdef`).
    pub store: String,
}

impl Published {
    /// The names that the package has, whoever published it, or the next that are free. The sixteen digits only tell packages of one name
    /// apart: Windows makes them from the package's files, and asks no more of them than that.
    pub(super) fn choose(stage: &Stage<'_>, hive: &Hive, package: &Package) -> Result<Self> {
        let hash = blake3::hash(&package.inf_bytes).to_hex();
        let digits = hash.get(..16).unwrap_or_default();
        let store = format!("{}_{}_{digits}", package.inf_name.to_lowercase(), package.arch);
        let there = hive.value(&format!("DriverDatabase\\DriverPackages\\{store}"), "")?;
        if let Some((inf, number)) =
            there.and_then(|d| d.text()).and_then(|inf| Some((inf.clone(), number(&inf)?)))
        {
            return Ok(Self { inf, number, store });
        }
        if let Some(packages) = hive.key("DriverDatabase\\DriverPackages")? {
            for key in packages.children()? {
                if let Some(known) = Self::same(stage, &key, package)? {
                    return Ok(known);
                }
            }
        }
        let taken = taken(stage, hive)?;
        let free = (0..=MAX_NUMBER).find(|number| !taken.contains(number));
        let number = free.ok_or_else(|| GuestError::Unsupported("no oemN.inf is free".to_owned()))?;
        Ok(Self { inf: format!("oem{number}.inf"), number, store })
    }
}

impl Published {
    /// The names of a package of the database, if it is this one: Windows, which imported it, made its own sixteen digits.
    fn same(stage: &Stage<'_>, key: &Key<'_>, package: &Package) -> Result<Option<Self>> {
        let store = key.name()?;
        let named = key.text("InfName")?.is_some_and(|name| name.eq_ignore_ascii_case(&package.inf_name));
        if !named || !store.to_lowercase().contains(&format!("_{}_", package.arch)) {
            return Ok(None);
        }
        let published = key.text("")?.and_then(|inf| Some((number(&inf)?, inf)));
        let Some((number, inf)) = published else { return Ok(None) };
        let holds = |below: &str, wanted: &[u8]| holds(stage, below, wanted);
        let dir = format!("{STORE}/{store}");
        let mut same = holds(&format!("INF/{inf}"), &package.inf_bytes)?
            && holds(&format!("{dir}/{}", package.inf_name), &package.inf_bytes)?;
        // One that is signed by another is another.
        if let Some(catalog) = &package.catalog {
            same = same && holds(&format!("{dir}/{}", catalog.name), &catalog.bytes)?;
        }
        Ok(same.then_some(Self { inf, number, store }))
    }
}

/// Whether a file below the system's directory has a content.
fn holds(stage: &Stage<'_>, below: &str, wanted: &[u8]) -> Result<bool> {
    let Some(path) = path::find(stage.guest, &stage.windows.system_root, below)? else { return Ok(false) };
    match stage.guest.read(&path) {
        Ok(content) => Ok(content.as_deref() == Some(wanted)),
        Err(GuestError::TooLarge { .. }) => Ok(false),
        Err(e) => Err(e),
    }
}

/// `oem4.inf` → 4.
fn number(name: &str) -> Option<u32> {
    name.to_lowercase().strip_prefix("oem")?.strip_suffix(".inf")?.parse().ok()
}

/// Numbers that the database, its map or the directory of INF files has.
fn taken(stage: &Stage<'_>, hive: &Hive) -> Result<BTreeSet<u32>> {
    let mut taken = BTreeSet::new();
    if let Some(infs) = hive.key("DriverDatabase\\DriverInfFiles")? {
        taken.extend(infs.names()?.iter().filter_map(|name| number(name)));
    }
    let map = hive.value("DriverDatabase", MAP)?.map(|data| data.bytes()).unwrap_or_default();
    for (at, byte) in (0u32..).zip(map) {
        taken.extend((0..8).filter(|bit| byte & (0x80 >> bit) != 0).map(|bit| at * 8 + bit));
    }
    if let Some(dir) = path::find(stage.guest, &stage.windows.system_root, "INF")? {
        let names = stage.guest.list(&dir)?.unwrap_or_default();
        // A catalog or a precompiled copy without its INF file takes the number as well.
        let stem = |name: &String| name.rsplit_once('.').map(|(stem, _)| format!("{stem}.inf"));
        taken.extend(names.iter().filter_map(|name| number(&stem(name)?)));
    }
    Ok(taken)
}

/// The map with a number taken; `None` where the database has none.
pub(super) fn map_with(hive: &Hive, number: u32) -> Result<Option<RegData>> {
    let Some(map) = hive.value("DriverDatabase", MAP)? else { return Ok(None) };
    let mut bytes = map.bytes();
    let (at, bit) = ((number / 8) as usize, number % 8);
    bytes.resize(bytes.len().max(at + 1), 0);
    if let Some(byte) = bytes.get_mut(at) {
        *byte |= 0x80 >> bit;
    }
    Ok(Some(RegData::binary(bytes)))
}
