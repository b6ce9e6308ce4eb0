//! The names of a package in a guest: its directory in the driver store, and `oemN.inf`.

use std::collections::BTreeSet;

use super::Stage;
use crate::error::{GuestError, Result};
use crate::hive::{Hive, RegData};
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
    /// The names that the package has, or the next that are free. The sixteen digits only tell packages of one name
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
        let taken = taken(stage, hive)?;
        let free = (0..=MAX_NUMBER).find(|number| !taken.contains(number));
        let number = free.ok_or_else(|| GuestError::Unsupported("no oemN.inf is free".to_owned()))?;
        Ok(Self { inf: format!("oem{number}.inf"), number, store })
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
