//! `[Version]` (Microsoft: "INF Version Section", "INF DriverVer Directive").

use super::error::Fault;
use super::lexer::{Section, Sections};
use super::number::integer;
use super::strings::Strings;
use super::types::Text;
use crate::windows::Arch;

const SIGNATURES: [&str; 3] = ["$Windows NT$", "$Chicago$", "$Windows 95$"];
/// Days from 1601-01-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 134_774;
/// Units of 100 nanoseconds in a day.
const DAY: u64 = 864_000_000_000;

/// `DriverVer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct DriverVersion {
    /// Date as a FILETIME: units of 100 nanoseconds since 1601-01-01, midnight UTC.
    pub date: u64,
    /// Version, the greatest part first: 1.34.3.83 is `[1, 34, 3, 83]`.
    pub version: [u16; 4],
}

/// `[Version]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// `Class`.
    pub class: Option<String>,
    /// `ClassGuid` with braces, upper-case.
    pub class_guid: Option<String>,
    /// `Provider`.
    pub provider: Text,
    /// `DriverVer`; all zeros where there is none.
    pub driver_ver: DriverVersion,
    /// `PnpLockdown`: Windows keeps others than itself from writing the driver's files.
    pub lockdown: bool,
    /// Decoration in lower case (`ntamd64`) or nothing, and the catalog's name.
    catalogs: Vec<(String, String)>,
}

impl Version {
    /// Name of the catalog for an architecture: `CatalogFile.NTamd64`, else `CatalogFile.NT`, else `CatalogFile`.
    pub fn catalog(&self, arch: Arch) -> Option<&str> {
        let wanted = [format!("nt{arch}"), "nt".to_owned(), String::new()];
        let found = wanted.iter().find_map(|want| self.catalogs.iter().find(|(own, _)| own == want));
        found.map(|(_, name)| name.as_str())
    }
}

pub(super) fn read(sections: &Sections, strings: &Strings) -> Result<Version, (u32, Fault)> {
    let section = sections.find("Version").ok_or((0, Fault::NoSignature))?;
    let value = |key| entry(section, strings, key);
    let signature = value("Signature").map(|(_, text)| text).unwrap_or_default();
    if !SIGNATURES.iter().any(|known| known.eq_ignore_ascii_case(&signature)) {
        return Err((section.line, Fault::NoSignature));
    }
    let class_guid = match value("ClassGuid") {
        Some((line, text)) => Some(guid(&text).map_err(|fault| (line, fault))?),
        None => None,
    };
    let driver_ver = match section.entry("DriverVer") {
        Some(line) => {
            let part = |at| strings.substitute(line.value(at));
            driver_version(&part(0), &part(1)).map_err(|fault| (line.number, fault))?
        }
        None => DriverVersion::default(),
    };
    let provider = section.entry("Provider").map(|line| line.value(0).to_owned()).unwrap_or_default();
    let lockdown = value("PnpLockdown").is_some_and(|(_, text)| integer("PnpLockdown", &text) == Ok(1));
    Ok(Version {
        class: value("Class").map(|(_, text)| text),
        class_guid,
        provider: Text { value: strings.substitute(&provider), token: provider },
        driver_ver,
        lockdown,
        catalogs: catalogs(section, strings),
    })
}

fn entry(section: &Section, strings: &Strings, key: &str) -> Option<(u32, String)> {
    let line = section.entry(key)?;
    Some((line.number, strings.substitute(line.value(0)).trim().to_owned()))
}

fn catalogs(section: &Section, strings: &Strings) -> Vec<(String, String)> {
    let decorated = |line: &super::Line| {
        let key = line.key.as_deref()?.to_ascii_lowercase();
        let rest = key.strip_prefix("catalogfile")?;
        let decoration = if rest.is_empty() { rest } else { rest.strip_prefix('.')? };
        let name = strings.substitute(line.value(0)).trim().to_owned();
        (!name.is_empty()).then(|| (decoration.to_owned(), name))
    };
    section.lines.iter().filter_map(decorated).collect()
}

/// A GUID with braces, upper-case.
fn guid(text: &str) -> Result<String, Fault> {
    let inner = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or(text);
    let lengths: Vec<usize> = inner.split('-').map(str::len).collect();
    let hex = inner.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
    if lengths != [8, 4, 4, 4, 12] || !hex {
        return Err(Fault::Malformed { what: "ClassGuid", wanted: "a GUID", value: text.to_owned() });
    }
    Ok(format!("{{{}}}", inner.to_ascii_uppercase()))
}

/// `mm/dd/yyyy` and `w.x.y.z`, of which the last parts may be missing.
fn driver_version(date: &str, version: &str) -> Result<DriverVersion, Fault> {
    let wrong = |wanted, value: &str| Fault::Malformed { what: "DriverVer", wanted, value: value.to_owned() };
    let not_a_date = || wrong("a date, mm/dd/yyyy", date);
    let parts: Result<Vec<i64>, _> = date.trim().split(['/', '-']).map(str::parse).collect();
    let [month, day, year] = parts.map_err(|_| not_a_date())?.try_into().map_err(|_| not_a_date())?;
    if !(1601..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return Err(not_a_date());
    }
    let days = u64::try_from(days_since_1970(year, month, day) + DAYS_TO_1970).map_err(|_| not_a_date())?;
    let mut numbers = [0; 4];
    let mut slots = numbers.iter_mut();
    for part in version.trim().split('.').filter(|part| !part.is_empty()) {
        let slot = slots.next().ok_or_else(|| wrong("a version, w.x.y.z", version))?;
        *slot = part.trim().parse().map_err(|_| wrong("a version, w.x.y.z", version))?;
    }
    Ok(DriverVersion { date: days * DAY, version: numbers })
}

/// Days of a date of the Gregorian calendar since 1970-01-01. March is taken as the year's first month, so that the day
/// that comes every four years is its last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}
