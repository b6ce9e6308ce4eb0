//! What an OVF descriptor holds, section by section (DSP0243 1.1.0 and 2.1.1): data only.

use std::collections::BTreeMap;

use super::item::{self, Item};
use super::units::bytes_per_unit;
use super::virtualbox;
use super::xml::{self, Element, Space};
use crate::error::FetchError;
use crate::source::{DiskFormat, Firmware};
use crate::text::{encoding_for, without_mark};

/// How far into a document an encoding is looked for: the XML declaration is its first line.
const DECLARATION_BYTES: usize = 200;

/// Most devices of a machine. VMware's largest have some hundreds.
const MAX_DEVICES: usize = 4096;

/// An OVF descriptor of one virtual machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// `References`: the files of the package.
    pub files: Vec<FileReference>,
    /// `DiskSection`: the virtual disks.
    pub disks: Vec<DiskReference>,
    /// The virtual machine.
    pub system: VirtualSystem,
    /// What reading noticed.
    pub warnings: Vec<String>,
}

/// `References/File` (section 7.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileReference {
    /// Id.
    pub id: String,
    /// Name, relative to the OVF, as written.
    pub href: String,
    /// Size in the package, in bytes.
    pub size: Option<u64>,
    /// Compression, as written.
    pub compression: Option<String>,
    /// Size in bytes of the chunks that the file is split into.
    pub chunk_size: Option<u64>,
}

/// `DiskSection/Disk` (section 9.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiskReference {
    /// Id.
    pub id: String,
    /// Id of its file; a disk without one starts blank.
    pub file: Option<String>,
    /// Capacity in bytes.
    pub capacity_bytes: Option<u64>,
    /// Id of the disk that it is a delta of.
    pub parent: Option<String>,
    /// Format, as far as its URI is known.
    pub format: Option<DiskFormat>,
}

/// `VirtualSystem` with its hardware.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VirtualSystem {
    /// Id.
    pub id: String,
    /// `Name`.
    pub name: Option<String>,
    /// The guest system in the producer's word.
    pub guest_os: Option<String>,
    /// Hardware items that hold in the default configuration, in order.
    pub items: Vec<Item>,
    /// VMware's settings (`vmw:Config`, `vmw:ExtraConfig`), by lower-case key.
    pub settings: BTreeMap<String, String>,
    /// Firmware that VirtualBox's own section names.
    pub virtualbox_firmware: Firmware,
    /// MAC addresses, as written, of the enabled adapters of VirtualBox's own section, in slot order.
    pub virtualbox_macs: Vec<Option<String>>,
}

impl Envelope {
    /// Reads a descriptor.
    ///
    /// # Errors
    /// `Corrupt`, `Unsafe` or `Unsupported` for XML that is damaged, dangerous or too large, for a document
    /// that is no OVF 1 or 2 envelope, and for one that does not hold exactly one virtual system.
    pub fn parse(bytes: &[u8]) -> Result<Self, FetchError> {
        let (text, mut warnings) = decoded(bytes);
        let root = xml::parse(&text)?;
        if root.name != "Envelope" || root.space != Space::Ovf {
            return Err(FetchError::unsupported(format!(
                "the document is no OVF 1.x or 2.x envelope; its root element is {:?}",
                root.name
            )));
        }
        let system = one_system(&root)?;
        let section = |name| root.children(Space::Ovf, name);
        let elements = |name, inner| section(name).flat_map(move |s: &Element| s.children(Space::Ovf, inner));
        let configuration = default_configuration(&root, &mut warnings);
        let system = virtual_system(system, configuration.as_deref(), &mut warnings);
        let disks: Vec<_> = elements("DiskSection", "Disk").map(|d| disk(d, &mut warnings)).collect();
        if system.items.len().max(disks.len()) > MAX_DEVICES {
            return Err(FetchError::unsupported(format!(
                "the OVF describes more than {MAX_DEVICES} devices"
            )));
        }
        let files = elements("References", "File").map(file).collect();
        Ok(Self { files, disks, system, warnings })
    }
}

/// The document as text. UTF-8 unless a mark or the declaration says otherwise.
fn decoded(bytes: &[u8]) -> (String, Vec<String>) {
    let (bytes, fixed) = without_mark(bytes);
    let head = String::from_utf8_lossy(bytes.get(..DECLARATION_BYTES.min(bytes.len())).unwrap_or_default());
    let declared = || {
        let (_, rest) = head.split_once("<?xml")?.1.split_once("?>")?.0.split_once("encoding")?;
        let value = rest.trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        encoding_for(value.get(1..)?.split_once(quote)?.0)
    };
    let encoding = fixed.or_else(declared).unwrap_or(encoding_rs::UTF_8);
    let (text, replaced) = encoding.decode_without_bom_handling(&bytes);
    let warning =
        replaced.then(|| format!("the OVF holds bytes that are not {}; they are replaced", encoding.name()));
    (text.into_owned(), warning.into_iter().collect())
}

/// The only virtual system, which may stand in collections.
fn one_system(root: &Element) -> Result<&Element, FetchError> {
    let mut systems = Vec::new();
    collect_systems(root, &mut systems);
    match systems.as_slice() {
        [system] => Ok(system),
        [] => Err(FetchError::unsupported("the OVF describes no virtual system")),
        several => {
            let id = |s: &&Element| format!("{:?}", s.attribute(Space::Ovf, "id").unwrap_or_default());
            let names: Vec<String> = several.iter().map(id).collect();
            Err(FetchError::unsupported(format!(
                "the OVF describes {} virtual systems: {}",
                several.len(),
                names.join(", ")
            ))
            .with_hint("export each of them as a package of its own"))
        }
    }
}

/// Depth is bounded by the XML reader.
fn collect_systems<'a>(element: &'a Element, systems: &mut Vec<&'a Element>) {
    systems.extend(element.children(Space::Ovf, "VirtualSystem"));
    for collection in element.children(Space::Ovf, "VirtualSystemCollection") {
        collect_systems(collection, systems);
    }
}

/// The deployment configuration that holds if nobody chooses (section 9.8): the one marked so, or the first.
fn default_configuration(root: &Element, warnings: &mut Vec<String>) -> Option<String> {
    let section = root.child(Space::Ovf, "DeploymentOptionSection")?;
    let all: Vec<&Element> = section.children(Space::Ovf, "Configuration").collect();
    let is_default =
        |c: &&&Element| c.attribute(Space::Ovf, "default").is_some_and(|v| matches!(v, "true" | "1"));
    let chosen = all.iter().find(is_default).or(all.first())?.attribute(Space::Ovf, "id")?;
    if all.len() > 1 {
        warnings
            .push(format!("the package has {} configurations; its default {chosen:?} is taken", all.len()));
    }
    Some(chosen.to_owned())
}

fn file(element: &Element) -> FileReference {
    let attribute = |name| element.attribute(Space::Ovf, name);
    FileReference {
        id: attribute("id").unwrap_or_default().to_owned(),
        href: attribute("href").unwrap_or_default().to_owned(),
        size: attribute("size").and_then(|v| v.trim().parse().ok()),
        compression: attribute("compression").filter(|v| !matches!(*v, "" | "identity")).map(str::to_owned),
        chunk_size: attribute("chunkSize").and_then(|v| v.trim().parse().ok()).filter(|size| *size > 0),
    }
}

fn disk(element: &Element, warnings: &mut Vec<String>) -> DiskReference {
    let attribute = |name| element.attribute(Space::Ovf, name).filter(|v| !v.is_empty());
    let id = attribute("diskId").unwrap_or_default().to_owned();
    // Without a unit a capacity is in bytes (section 9.1).
    let unit = attribute("capacityAllocationUnits").map_or(Some(1), bytes_per_unit);
    let capacity = attribute("capacity").and_then(|v| v.trim().parse::<u64>().ok());
    let capacity_bytes = capacity.zip(unit).and_then(|(count, unit)| count.checked_mul(unit));
    if capacity_bytes.is_none() {
        warnings.push(format!(
            "disk {id:?}: the capacity {:?} in {:?} is not understood",
            attribute("capacity").unwrap_or_default(),
            attribute("capacityAllocationUnits").unwrap_or("byte")
        ));
    }
    DiskReference {
        file: attribute("fileRef").map(str::to_owned),
        capacity_bytes,
        parent: attribute("parentRef").map(str::to_owned),
        format: attribute("format").and_then(format_of_uri),
        id,
    }
}

/// Formats are named by URIs, which every producer makes up; the format's name stands in all of them.
fn format_of_uri(uri: &str) -> Option<DiskFormat> {
    let uri = uri.to_ascii_lowercase();
    [
        ("vmdk", DiskFormat::Vmdk),
        ("vhdx", DiskFormat::Vhdx),
        ("vhd", DiskFormat::Vhd),
        ("qcow", DiskFormat::Qcow2),
    ]
    .into_iter()
    .find(|(word, _)| uri.contains(word))
    .map(|(_, format)| format)
}

fn virtual_system(
    element: &Element,
    configuration: Option<&str>,
    warnings: &mut Vec<String>,
) -> VirtualSystem {
    let hardware: Vec<&Element> = element.children(Space::Ovf, "VirtualHardwareSection").collect();
    if hardware.len() > 1 {
        warnings.push(format!("the OVF offers {} kinds of hardware; the first is taken", hardware.len()));
    }
    let hardware = hardware.first();
    let mut settings = BTreeMap::new();
    for name in ["Config", "ExtraConfig"] {
        for setting in hardware.iter().flat_map(|h| h.children(Space::Vmware, name)) {
            if let Some((key, value)) = item::setting(setting) {
                settings.entry(key).or_insert(value);
            }
        }
    }
    VirtualSystem {
        id: element.attribute(Space::Ovf, "id").unwrap_or_default().to_owned(),
        name: element.child_text(Space::Ovf, "Name").map(str::to_owned),
        guest_os: guest_os(element),
        items: hardware.map(|h| item::all(h, configuration)).unwrap_or_default(),
        settings,
        virtualbox_firmware: virtualbox::firmware(element),
        virtualbox_macs: virtualbox::adapters(element),
    }
}

/// VMware's and VirtualBox's own identifiers, or the description.
fn guest_os(system: &Element) -> Option<String> {
    let section = system.child(Space::Ovf, "OperatingSystemSection")?;
    section
        .attribute(Space::Vmware, "osType")
        .or_else(|| section.child_of_any("OSType").map(|e| e.text.as_str()))
        .filter(|word| !word.is_empty())
        .or_else(|| section.child_text(Space::Ovf, "Description"))
        .map(str::to_owned)
}

#[cfg(test)]
#[path = "envelope_tests.rs"]
mod tests;
