//! The driver database of Windows 8 and newer, written as Windows itself writes it. Read from the SYSTEM hives of real
//! Windows 10 systems with third-party drivers.

use super::Depth;
use super::publish::{MAP, Published, map_with};
use crate::error::Result;
use crate::hive::{HiveEditor, RegData};
use crate::windows::Arch;
use crate::windows::drivers::{Package, Trust};
use crate::windows::inf::{Device, RegistryData, RegistryValue, Root, Text};

/// The database's key.
const DATABASE: &str = "DriverDatabase";
/// `SignerScore` of a package that Microsoft's laboratory signed, of one signed by somebody else whom Windows trusts, and
/// of one that nobody signed (SetupAPI's `SIGNERSCORE_…`).
const SCORE_WHQL: u32 = 0x0D00_0005;
const SCORE_AUTHENTICODE: u32 = 0x0F00_0000;
const SCORE_UNSIGNED: u32 = 0x8000_0000;
/// `StatusFlags` of a package that was imported, and of one whose drivers are configured.
const IMPORTED: u32 = 0x112;
const CONFIGURED: u32 = 0x12;
/// `ConfigScope` of every configuration that was seen.
const SCOPE: u32 = 7;
/// What marks the match of a hardware id, and of a compatible id.
const HARDWARE_ID: [u8; 4] = [1, 0xff, 0, 0];
const COMPATIBLE_ID: [u8; 4] = [2, 0xff, 0, 0];

/// Registers a package.
pub(super) fn register(
    editor: &mut HiveEditor,
    package: &Package,
    name: &Published,
    depth: Depth,
) -> Result<()> {
    if let Some(map) = map_with(editor.hive(), name.number)? {
        editor.set(DATABASE, MAP, map)?;
    }
    let inf = format!("{DATABASE}\\DriverInfFiles\\{}", name.inf);
    editor.set(&inf, "", RegData::MultiSz(vec![name.store.clone()]))?;
    editor.set(&inf, "Active", RegData::Sz(name.store.clone()))?;
    let key = format!("{DATABASE}\\DriverPackages\\{}", name.store);
    // A package that is listed stays as Windows has described it.
    if editor.hive().value(&key, "")?.is_none() {
        describe(editor, &key, package, name, depth)?;
    }
    for device in &package.devices {
        device_ids(editor, device, name)?;
    }
    let class = package.class_guid.to_lowercase();
    editor.set(&format!("{DATABASE}\\DeviceIds\\{class}"), &name.inf, RegData::none())?;
    if depth == Depth::Configured {
        let mut sections: Vec<String> = Vec::new();
        for device in &package.devices {
            configure(editor, &key, device)?;
            if !sections.contains(&device.install.section) {
                sections.push(device.install.section.clone());
            }
        }
        editor.set(&inf, "Configurations", RegData::MultiSz(sections))?;
    }
    Ok(())
}

fn describe(
    editor: &mut HiveEditor,
    key: &str,
    package: &Package,
    name: &Published,
    depth: Depth,
) -> Result<()> {
    let trust = package.catalog.as_ref().and_then(|c| c.signature.as_ref()).map(|s| (s.trust(), s));
    let (score, signer) = match trust {
        Some((Trust::Microsoft, signature)) => (SCORE_WHQL, Some(signature.signer.clone())),
        Some((_, signature)) => (SCORE_AUTHENTICODE, Some(signature.signer.clone())),
        None => (SCORE_UNSIGNED, None),
    };
    editor.set(key, "", RegData::Sz(name.inf.clone()))?;
    editor.set(key, "Version", RegData::binary(version(package)))?;
    editor.set(key, "Provider", RegData::Sz(package.provider.clone()))?;
    editor.set(key, "InfName", RegData::Sz(package.inf_name.to_lowercase()))?;
    // When it was imported: the driver's own date, so that a plan is the same each time it is made.
    editor.set(key, "ImportDate", RegData::binary(package.version.date.to_le_bytes()))?;
    if let Some(catalog) = &package.catalog {
        editor.set(key, "Catalog", RegData::Sz(catalog.name.to_lowercase()))?;
    }
    if let Some(signer) = signer {
        editor.set(key, "SignerName", RegData::Sz(signer))?;
    }
    editor.set(key, "SignerScore", RegData::Dword(score))?;
    let flags = if depth == Depth::Configured { CONFIGURED } else { IMPORTED };
    editor.set(key, "StatusFlags", RegData::Dword(flags))
}

/// Architecture and origin, class, date and version.
fn version(package: &Package) -> Vec<u8> {
    // winnt.h, `PROCESSOR_ARCHITECTURE_…`.
    let arch: u32 = match package.arch {
        Arch::X86 => 0,
        Arch::Amd64 => 9,
        Arch::Arm64 => 12,
    };
    let mut bytes = (arch << 16 | 0xff00).to_le_bytes().to_vec();
    bytes.extend([0; 4]);
    bytes.extend(guid(&package.class_guid));
    bytes.extend(package.version.date.to_le_bytes());
    for part in package.version.version.iter().rev() {
        bytes.extend(part.to_le_bytes());
    }
    bytes.extend([0; 8]);
    bytes
}

/// The bytes of `{4D36E97B-E325-11CE-BFC1-08002BE10318}`: three little-endian numbers, then eight bytes.
fn guid(text: &str) -> [u8; 16] {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let mut bytes = [0; 16];
    for (place, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *place = std::str::from_utf8(pair).ok().and_then(|p| u8::from_str_radix(p, 16).ok()).unwrap_or(0);
    }
    let [a, b, c, d, e, f, g, h, rest @ ..] = bytes;
    let mut mixed = [d, c, b, a, f, e, h, g, 0, 0, 0, 0, 0, 0, 0, 0];
    if let Some(tail) = mixed.get_mut(8..) {
        tail.copy_from_slice(&rest);
    }
    mixed
}

fn device_ids(editor: &mut HiveEditor, device: &Device, name: &Published) -> Result<()> {
    let marks = std::iter::once(HARDWARE_ID).chain(std::iter::repeat(COMPATIBLE_ID));
    for (id, mark) in device.ids().zip(marks) {
        let key = format!("{DATABASE}\\DeviceIds\\{id}");
        // An id that is a hardware id of one model stays one where another has it as a compatible id.
        let known = editor.hive().value(&key, &name.inf)?;
        if known != Some(RegData::binary(HARDWARE_ID)) {
            editor.set(&key, &name.inf, RegData::binary(mark))?;
        }
    }
    Ok(())
}

/// The configuration of a device: what plug and play would work out of the INF file, where it is needed before it runs.
fn configure(editor: &mut HiveEditor, package: &str, device: &Device) -> Result<()> {
    let install = &device.install;
    let key = format!("{package}\\Configurations\\{}", install.section);
    editor.set(&key, "ConfigFlags", RegData::Dword(0))?;
    editor.set(&key, "ConfigScope", RegData::Dword(SCOPE))?;
    if let Some(service) = install.function_driver() {
        editor.set(&key, "Service", RegData::Sz(service.name.clone()))?;
    }
    if !install.includes.is_empty() {
        editor.set(&key, "IncludedInfs", RegData::MultiSz(install.includes.clone()))?;
    }
    values(editor, &format!("{key}\\Device"), &install.hardware)?;
    for service in &install.services {
        values(editor, &format!("{key}\\Services\\{}", service.name), &service.registry)?;
    }
    for id in device.ids() {
        let descriptor = format!("{package}\\Descriptors\\{id}");
        editor.set(&descriptor, "Configuration", RegData::Sz(install.section.clone()))?;
        editor.set(&descriptor, "Description", RegData::Sz(token(&device.description)))?;
        editor.set(&descriptor, "Manufacturer", RegData::Sz(token(&device.manufacturer)))?;
    }
    for text in [&device.description, &device.manufacturer] {
        if let Some(name) = string_name(text) {
            editor.set(&format!("{package}\\Strings"), &name, RegData::Sz(text.value.clone()))?;
        }
    }
    Ok(())
}

/// As the database writes a text that stands for another: in lower case.
fn token(text: &Text) -> String {
    string_name(text).map_or_else(|| text.value.clone(), |name| format!("%{name}%"))
}

/// The name between the percent signs, where the text is one name.
fn string_name(text: &Text) -> Option<String> {
    let name = text.token.trim().strip_prefix('%')?.strip_suffix('%')?;
    (!name.is_empty() && !name.contains('%')).then(|| name.to_lowercase())
}

/// Registry values of an INF file below a key.
pub(super) fn values(editor: &mut HiveEditor, base: &str, values: &[RegistryValue]) -> Result<()> {
    for value in values.iter().filter(|value| value.root == Root::Relative) {
        let key = if value.key.is_empty() { base.to_owned() } else { format!("{base}\\{}", value.key) };
        let keeps = value.flags & RegistryValue::NO_CLOBBER != 0;
        if keeps && editor.hive().value(&key, &value.name)?.is_some() {
            continue;
        }
        match data(&value.data) {
            Some(data) => editor.set(&key, &value.name, data)?,
            None if matches!(value.data, RegistryData::Key) => editor.create(&key)?,
            None => {}
        }
    }
    Ok(())
}

fn data(data: &RegistryData) -> Option<RegData> {
    Some(match data {
        RegistryData::Key | RegistryData::Delete => return None,
        RegistryData::Sz(text) => RegData::Sz(text.clone()),
        RegistryData::ExpandSz(text) => RegData::ExpandSz(text.clone()),
        RegistryData::MultiSz(texts) => {
            RegData::MultiSz(texts.iter().filter(|text| !text.is_empty()).cloned().collect())
        }
        RegistryData::Dword(number) => RegData::Dword(*number),
        RegistryData::Binary(bytes) => RegData::binary(bytes.clone()),
        RegistryData::None => RegData::none(),
        RegistryData::Other(kind, bytes) => RegData::from_raw(u32::from(*kind), bytes),
    })
}
