//! A batch file from what is found: an entry for each VM, with what its description says as a comment.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use h2k_transports::{Source, SourceVm, recognise};

use crate::error::{Doing, Failure};
use crate::event::Silent;
use crate::job::{Job, safe_name};
use crate::plan::text::bytes;
use crate::run;
use crate::ui::escape;

/// How deep directories are looked into.
const MAX_DEPTH: usize = 8;

/// Most names that are looked at.
const MAX_LOOKED: usize = 1_000_000;

/// What was found.
pub struct Found {
    /// What was given, or a path below it.
    pub sources: Vec<PathBuf>,
    /// What FETCH and FLATTEN say of it.
    pub vm: Result<Described, Failure>,
}

/// A VM with the sizes of its disks in bytes.
pub struct Described {
    /// The VM.
    pub vm: SourceVm,
    /// Virtual sizes of its disks.
    pub sizes: Vec<u64>,
}

/// Everything that the sources name: disk files together are one VM, directories are looked through for descriptions.
///
/// # Errors
/// A directory cannot be read.
pub fn find(sources: &[PathBuf], temp: &Path) -> Result<Vec<Found>, Failure> {
    let mut descriptions = Vec::new();
    let mut disks = Vec::new();
    for source in sources {
        if source.is_dir() {
            let mut looked = 0;
            walk(source, 0, &mut looked, &mut descriptions)?;
        } else if matches!(recognise(std::slice::from_ref(source)), Ok(Source::Disks(_))) {
            disks.push(source.clone());
        } else {
            descriptions.push(source.clone());
        }
    }
    let mut known = HashSet::new();
    descriptions.retain(|path| known.insert(path.clone()));
    let mut groups: Vec<Vec<PathBuf>> = descriptions.into_iter().map(|path| vec![path]).collect();
    if !disks.is_empty() {
        groups.push(disks);
    }
    Ok(groups.into_iter().map(|sources| Found { vm: describe(&sources, temp), sources }).collect())
}

/// Descriptions below a directory, sorted. Links are not followed.
fn walk(dir: &Path, depth: usize, looked: &mut usize, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let reading = || format!("reading {}", dir.display());
    let mut entries = Vec::new();
    for entry in fs::read_dir(dir).doing(reading())? {
        *looked += 1;
        if *looked > MAX_LOOKED {
            let message = format!("{} holds more than {MAX_LOOKED} names", dir.display());
            return Err(
                Failure::message(crate::error::FailureKind::Usage, message).hint("name a smaller directory")
            );
        }
        let entry = entry.doing(reading())?;
        entries.push((entry.path(), entry.file_type().doing(reading())?));
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    for (path, kind) in entries {
        if kind.is_dir() && depth < MAX_DEPTH {
            walk(&path, depth + 1, looked, found)?;
        } else if kind.is_file() && is_description(&path) {
            found.push(path);
        }
    }
    Ok(())
}

fn is_description(path: &Path) -> bool {
    let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    ending.is_some_and(|ending| ["vmx", "ovf", "ova"].contains(&ending.as_str()))
}

fn describe(sources: &[PathBuf], temp: &Path) -> Result<Described, Failure> {
    let job = Job { sources: sources.to_vec(), ..Job::default() };
    let located = run::locate(&job, Some(temp), &Silent)?;
    let sizes = located.flattened.sizes();
    Ok(Described { vm: located.flattened.fetched.vm, sizes })
}

/// The batch file. Paths below `base` are written relative to it.
pub fn text(found: &[Found], base: &Path) -> String {
    let mut out = "# What h2k batch init found. h2k batch example shows every key; h2k batch check FILE says whether\n\
                   # the file is right.\nversion: 1\n\ndefaults:\n  # Directory that the results are written to.\n  output: migrated\n"
        .to_owned();
    out.push_str(&networks(found));
    out.push_str("\nvms:\n");
    let mut names = HashSet::new();
    for found in found {
        match &found.vm {
            Ok(described) => out.push_str(&entry(found, described, base, &mut names)),
            Err(failure) => {
                let source = found.sources.first().map(|path| path.display().to_string()).unwrap_or_default();
                out.push_str(&format!("  # {}: {}\n", escape::line(&source), escape::line(&failure.chain())));
            }
        }
    }
    out
}

/// Where each network goes is for the user to say.
fn networks(found: &[Found]) -> String {
    let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for described in found.iter().filter_map(|found| found.vm.as_ref().ok()) {
        for nic in &described.vm.nics {
            let vms = users.entry(nic.network.as_deref().unwrap_or("*")).or_default();
            if vms.last() != Some(&described.vm.name.as_str()) {
                vms.push(&described.vm.name);
            }
        }
    }
    if users.is_empty() {
        return String::new();
    }
    let mut out = "\n# Where the source's networks go: network:NAME is a libvirt network, bridge:NAME a bridge of this host,\n\
                   # {bridge: NAME, vlan: 100} with a VLAN. To be looked at: default is only libvirt's own.\nnetworks:\n"
        .to_owned();
    for (network, vms) in users {
        let more = vms.len().saturating_sub(3);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let vms = vms.iter().take(3).copied().collect::<Vec<_>>().join(", ");
        out.push_str(&format!("  {}: network:default  # of {}{more}\n", quoted(network), escape::line(&vms)));
    }
    out
}

fn entry(found: &Found, described: &Described, base: &Path, names: &mut HashSet<String>) -> String {
    let vm = &described.vm;
    let mut lines = vec![hardware(vm)];
    for (index, disk) in vm.disks.iter().enumerate() {
        let size = described.sizes.get(index).map_or("unknown size".to_owned(), |size| bytes(*size));
        let slot = &disk.slot;
        let file = disk.location.file().and_then(Path::file_name).map(|name| name.to_string_lossy());
        let file = file.map_or(String::new(), |name| format!(" {name}"));
        lines.push(format!("disk {}{}:{}{file}, {size}", slot.bus, slot.controller, slot.unit));
    }
    for nic in &vm.nics {
        let mac = nic.mac.as_deref().unwrap_or("without a MAC address");
        lines.push(format!("NIC {mac} on {}", nic.network.as_deref().unwrap_or("a network without a name")));
    }
    let name = free_name(&vm.name, names);
    if name != safe_name(&vm.name) {
        lines.push(format!("another VM is called {} too", vm.name));
    }
    let mut out: String = lines.iter().map(|line| format!("  # {}\n", escape::line(line))).collect();
    let paths: Vec<String> = found.sources.iter().map(|path| quoted(&relative(path, base))).collect();
    match paths.as_slice() {
        [one] => out.push_str(&format!("  - source: {one}\n")),
        several => out.push_str(&format!("  - source: [{}]\n", several.join(", "))),
    }
    out.push_str(&format!("    name: {}\n", quoted(&name)));
    out
}

fn hardware(vm: &SourceVm) -> String {
    let system = vm.guest_os.as_deref().unwrap_or("a system that nothing names");
    let vcpus = vm.vcpus.map_or("unknown".to_owned(), |n| n.to_string());
    let memory = vm.memory_bytes.map_or("unknown".to_owned(), bytes);
    format!("{system}, {vcpus} vCPUs, {memory} of memory")
}

/// The VM's name; with a number if another VM has it.
fn free_name(name: &str, names: &mut HashSet<String>) -> String {
    let plain = safe_name(name);
    let numbered = (2..).map(|number| format!("{plain}-{number}"));
    let mut free = std::iter::once(plain.clone()).chain(numbered).filter(|name| !names.contains(name));
    let name = free.next().unwrap_or_else(|| plain.clone());
    names.insert(name.clone());
    name
}

fn relative(path: &Path, base: &Path) -> String {
    let path = path.strip_prefix(base).unwrap_or(path);
    path.display().to_string()
}

/// A text as YAML takes it for nothing else: plain where it is a plain word, in double quotes otherwise. JSON's quoting
/// is YAML's (YAML 1.2.2, section 1.2, "YAML is a strict superset of JSON").
fn quoted(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+".contains(c));
    let word = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    if plain && !word.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    let shown: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    serde_json::to_string(&shown).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use h2k_transports::{SourceKind, SourceNic, Tristate};
    use insta::assert_snapshot;

    use super::*;

    fn found(name: &str, path: &str, network: Option<&str>) -> Found {
        let mut vm = SourceVm::new(name, SourceKind::Vmx, path);
        vm.vcpus = Some(2);
        vm.memory_bytes = Some(4 << 30);
        vm.guest_os = Some("debian12-64".to_owned());
        vm.nics.push(SourceNic {
            mac: Some("00:50:56:00:00:01".to_owned()),
            mac_static: true,
            model: None,
            network: network.map(str::to_owned),
            connection: None,
            pci_slot: None,
            start_connected: Tristate::Unknown,
        });
        Found { sources: vec![path.into()], vm: Ok(Described { vm, sizes: Vec::new() }) }
    }

    #[test]
    fn what_is_found_is_written_as_a_batch_file() {
        let mut all = vec![
            found("web01", "/srv/exports/web01/web01.vmx", Some("VM Network")),
            found("db: 1\n- x", "/srv/exports/db \"1\"/db.vmx", Some("Lab #2")),
            found("web01", "/elsewhere/web01.vmx", None),
        ];
        let lost = Failure::message(crate::error::FailureKind::Failed, "disk\n- source: /etc");
        all.push(Found { sources: vec!["/srv/lost.vmx".into()], vm: Err(lost) });
        let text = text(&all, Path::new("/srv"));
        assert_snapshot!(text, @r#"
        # What h2k batch init found. h2k batch example shows every key; h2k batch check FILE says whether
        # the file is right.
        version: 1

        defaults:
          # Directory that the results are written to.
          output: migrated

        # Where the source's networks go: network:NAME is a libvirt network, bridge:NAME a bridge of this host,
        # {bridge: NAME, vlan: 100} with a VLAN. To be looked at: default is only libvirt's own.
        networks:
          "*": network:default  # of web01
          "Lab #2": network:default  # of db: 1\n- x
          "VM Network": network:default  # of web01

        vms:
          # debian12-64, 2 vCPUs, 4.0 GiB of memory
          # NIC 00:50:56:00:00:01 on VM Network
          - source: exports/web01/web01.vmx
            name: web01
          # debian12-64, 2 vCPUs, 4.0 GiB of memory
          # NIC 00:50:56:00:00:01 on Lab #2
          - source: "exports/db \"1\"/db.vmx"
            name: "db: 1_- x"
          # debian12-64, 2 vCPUs, 4.0 GiB of memory
          # NIC 00:50:56:00:00:01 on a network without a name
          # another VM is called web01 too
          - source: /elsewhere/web01.vmx
            name: web01-2
          # /srv/lost.vmx: disk\n- source: /etc
        "#);
        let read = h2k_config::batch::read(Path::new("/srv/night.yaml"), &text, None).unwrap();
        assert_eq!(read.vms.len(), 3);
        assert_eq!(read.defaults.network.len(), 3);
        let names: Vec<_> = read.vms.iter().filter_map(|vm| vm.name.as_deref()).collect();
        assert_eq!(names, ["web01", "db: 1_- x", "web01-2"]);
    }
}
