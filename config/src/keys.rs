//! Every key that a configuration file and the environment may set: the one table.

use std::path::PathBuf;

use crate::choice::{Choice, LogFormat};
use crate::key::{KeyError, KeyRef};
use crate::network;
use crate::nic;
use crate::policy::{CloudInit, Compress, DiskBus, Engine, InitramfsWay, NicModel, TargetFormat, Tools};
use crate::settings::Settings;
use crate::yaml::de::{Wrong, from_node};
use crate::yaml::tree::Node;

/// Longest text of a value in bytes: `PATH_MAX`. An alias may repeat a text, so its length is bounded too.
pub const MAX_TEXT: usize = 4096;

/// Most entries of a list or a mapping. No host has as many networks.
pub const MAX_ENTRIES: usize = 1000;

/// Most threads that copy a disk.
const MAX_THREADS: usize = 16;

/// Longest boot in seconds: a day.
const MAX_BOOT_TIMEOUT: u64 = 86_400;

/// Shape of a key's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One text.
    Scalar,
    /// Several texts; in the environment separated by commas.
    List,
    /// Names with a text each; in the environment `NAME=TEXT` separated by commas.
    Map,
    /// As [`Kind::Map`], where a value in a file may also be a mapping: `{bridge: br1, vlan: 100}`.
    Networks,
    /// Settings of its own: only in files, neither an option nor a variable.
    Section,
}

/// A value as it was written, before its key gives it a meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Raw {
    /// A text.
    Text(String),
    /// Texts.
    List(Vec<String>),
    /// Names with texts.
    Map(Vec<(String, String)>),
    /// Settings of its own.
    Section(Node),
}

/// What a value, or each of several, is: for the schema of batch files.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// A path.
    Path,
    /// Any text.
    Text,
    /// `true` or `false`.
    Flag,
    /// One of these.
    Choice(fn() -> Vec<&'static str>),
    /// A whole number, the least and the most.
    Number(u64, u64),
    /// Bytes, with K, M, G or T.
    Bytes,
    /// Settings of its own.
    Own,
}

/// A key.
pub struct Key {
    /// Its name; the long option has the same.
    pub name: &'static str,
    /// Shape of its value.
    pub kind: Kind,
    /// What its value is, or each of its values.
    pub form: Form,
    /// What it sets, one line, for the manual.
    pub summary: &'static str,
    /// A value as it stands in a file, in one line.
    pub example: &'static str,
    /// Gives the value its meaning.
    pub set: fn(&mut Settings, Raw) -> Result<(), Wrong>,
}

impl Key {
    /// The key of this name.
    pub fn find(name: &str) -> Option<&'static Key> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// Its environment variable: `H2K_DISK_BUS` for `disk-bus`.
    pub fn variable(&self) -> String {
        format!("H2K_{}", self.name.to_uppercase().replace('-', "_"))
    }
}

/// Every key.
pub static KEYS: &[Key] = &[
    Key {
        name: "output",
        kind: Kind::Scalar,
        form: Form::Path,
        summary: "directory that the results are written to",
        example: "/srv/vms",
        set: |s, raw| set(&mut s.output, path(raw)),
    },
    Key {
        name: "format",
        kind: Kind::Scalar,
        form: Form::Choice(TargetFormat::names),
        summary: "format of the target's disks: qcow2 or raw",
        example: "qcow2",
        set: |s, raw| set(&mut s.format, choice(raw)),
    },
    Key {
        name: "compress",
        kind: Kind::Scalar,
        form: Form::Choice(Compress::names),
        summary: "how the clusters of qcow2 disks are compressed: zstd or zlib",
        example: "zstd",
        set: |s, raw| set(&mut s.compress, choice(raw)),
    },
    Key {
        name: "keep-base",
        kind: Kind::Scalar,
        form: Form::Flag,
        summary: "whether the repairs stay in an overlay, for h2k refix, until h2k accept: true or false",
        example: "false",
        set: |s, raw| set(&mut s.keep_base, flag(raw)),
    },
    Key {
        name: "disk-bus",
        kind: Kind::Scalar,
        form: Form::Choice(DiskBus::names),
        summary: "bus of the target's disks: virtio-blk, virtio-scsi or sata",
        example: "virtio-scsi",
        set: |s, raw| set(&mut s.disk_bus, choice(raw)),
    },
    Key {
        name: "nic-model",
        kind: Kind::Scalar,
        form: Form::Choice(NicModel::names),
        summary: "model of the target's NICs: virtio, e1000e, e1000 or rtl8139",
        example: "virtio",
        set: |s, raw| set(&mut s.nic_model, choice(raw)),
    },
    Key {
        name: "initramfs",
        kind: Kind::Scalar,
        form: Form::Choice(InitramfsWay::names),
        summary: "how drivers come into an initramfs that lacks them: auto, append or tool",
        example: "auto",
        set: |s, raw| set(&mut s.initramfs, choice(raw)),
    },
    Key {
        name: "network",
        kind: Kind::Networks,
        form: Form::Text,
        summary: "source network, or MAC address of a NIC, to network:NAME or bridge:NAME; * stands for all others",
        example: r#"{"VM Network": "bridge:br0", "00:50:56:aa:bb:01": "bridge:br1", "*": "network:default"}"#,
        set: networks,
    },
    Key {
        name: "mac",
        kind: Kind::Map,
        form: Form::Text,
        summary: "MAC address of a NIC on the source to the one on the target",
        example: r#"{"00:50:56:aa:bb:01": "52:54:00:aa:bb:01"}"#,
        set: macs,
    },
    Key {
        name: "ip",
        kind: Kind::List,
        form: Form::Text,
        summary: "addresses of a NIC: MAC=ADDRESS/LENGTH[,GATEWAY[,DNS]...]",
        example: r#"["00:50:56:aa:bb:01=192.0.2.10/24,192.0.2.1,192.0.2.53"]"#,
        set: addresses,
    },
    Key {
        name: "dhcp",
        kind: Kind::List,
        form: Form::Text,
        summary: "MAC addresses of NICs that get their addresses by DHCP",
        example: r#"["00:50:56:aa:bb:02"]"#,
        set: |s, raw| {
            Ok(list(raw)?.iter().try_for_each(|t| s.add_dhcp(nic::mac(t).map_err(|e| e.to_string())?))?)
        },
    },
    Key {
        name: "cloud-init",
        kind: Kind::Scalar,
        form: Form::Choice(CloudInit::names),
        summary: "what is done about cloud-init: keep, no-network or disable",
        example: "no-network",
        set: |s, raw| set(&mut s.cloud_init, choice(raw)),
    },
    Key {
        name: "skip-fixer",
        kind: Kind::List,
        form: Form::Text,
        summary: "ids of repairs that are not made",
        example: "[linux.guest-tools]",
        set: |s, raw| set(&mut s.skip_fixer, list(raw)),
    },
    Key {
        name: "key",
        kind: Kind::List,
        form: Form::Text,
        summary: "what opens encrypted volumes: VOLUME:file:PATH, VOLUME:key-file:PATH or VOLUME:env:NAME",
        example: r#"["all:file:/root/luks-passphrase"]"#,
        set: |s, raw| set(&mut s.key, list(raw).and_then(|all| keys(&all))),
    },
    Key {
        name: "root",
        kind: Kind::Scalar,
        form: Form::Text,
        summary: "root device of the system that is migrated, where the disks hold several",
        example: "/dev/sda2",
        set: |s, raw| set(&mut s.root, text(raw)),
    },
    Key {
        name: "tools",
        kind: Kind::Scalar,
        form: Form::Choice(Tools::names),
        summary: "what becomes of the old hypervisor's guest tools: keep, mask or remove",
        example: "mask",
        set: |s, raw| set(&mut s.tools, choice(raw)),
    },
    Key {
        name: "agent-packages",
        kind: Kind::Scalar,
        form: Form::Path,
        summary: "directory with packages of the QEMU guest agent, which are installed in the guest",
        example: "/srv/agent",
        set: |s, raw| set(&mut s.agent_packages, path(raw)),
    },
    Key {
        name: "virtio-win",
        kind: Kind::Scalar,
        form: Form::Path,
        summary: "directory or ISO image with virtio drivers for Windows",
        example: "/srv/virtio-win.iso",
        set: |s, raw| set(&mut s.virtio_win, path(raw)),
    },
    Key {
        name: "regenerate-identity",
        kind: Kind::Scalar,
        form: Form::Flag,
        summary: "whether the guest gets a new machine id and new SSH host keys: true or false",
        example: "false",
        set: |s, raw| set(&mut s.regenerate_identity, flag(raw)),
    },
    Key {
        name: "serial-console",
        kind: Kind::Scalar,
        form: Form::Flag,
        summary: "whether the guest gets a serial console: true or false",
        example: "false",
        set: |s, raw| set(&mut s.serial_console, flag(raw)),
    },
    Key {
        name: "customize",
        kind: Kind::Section,
        form: Form::Own,
        summary: "host name, users with SSH keys, files, units, first-boot scripts and packages to remove",
        example: "{hostname: web01.example.org, units: {enable: [ssh.service]}}",
        set: |s, raw| match raw {
            Raw::Section(node) => {
                s.customize = Some(from_node(&node)?);
                Ok(())
            }
            _ => Err("takes settings of its own".to_owned().into()),
        },
    },
    Key {
        name: "rules",
        kind: Kind::Section,
        form: Form::Own,
        summary: "concerns of your own: id, when (an expression over what was seen), severity, message, advice",
        example: "[{id: site.too-big, when: source.memory_mib > 65536, severity: warning, message: too big, advice: split it}]",
        set: |s, raw| match raw {
            Raw::Section(node) => {
                s.rules = Some(from_node(&node)?);
                Ok(())
            }
            _ => Err("takes a list of rules".to_owned().into()),
        },
    },
    Key {
        name: "severity",
        kind: Kind::Section,
        form: Form::Own,
        summary: "weight of concerns by their id: information, warning or critical",
        example: "{source.snapshots: critical}",
        set: |s, raw| match raw {
            Raw::Section(node) => {
                s.severity = Some(from_node(&node)?);
                Ok(())
            }
            _ => Err("takes ids with a severity each".to_owned().into()),
        },
    },
    Key {
        name: "accept",
        kind: Kind::Section,
        form: Form::Own,
        summary: "concerns that are accepted: their ids with the reason",
        example: "{disk.independent: \"data disk, moved by hand\"}",
        set: |s, raw| match raw {
            Raw::Section(node) => {
                s.accept = Some(from_node(&node)?);
                Ok(())
            }
            _ => Err("takes ids with a reason each".to_owned().into()),
        },
    },
    Key {
        name: "no-boot",
        kind: Kind::Scalar,
        form: Form::Flag,
        summary: "whether to leave out the boot test: true or false",
        example: "false",
        set: |s, raw| set(&mut s.no_boot, flag(raw)),
    },
    Key {
        name: "boot-timeout",
        kind: Kind::Scalar,
        form: Form::Number(1, MAX_BOOT_TIMEOUT),
        summary: "seconds that the boot test may take",
        example: "600",
        set: |s, raw| set(&mut s.boot_timeout, text(raw).and_then(|t| boot_timeout(&t))),
    },
    Key {
        name: "parent",
        kind: Kind::List,
        form: Form::Path,
        summary: "files, or directories of files, that may be parents of the source's disks",
        example: "[/srv/templates]",
        set: |s, raw| set(&mut s.parent, list(raw).map(|all| all.into_iter().map(PathBuf::from).collect())),
    },
    Key {
        name: "engine",
        kind: Kind::Scalar,
        form: Form::Choice(Engine::names),
        summary: "what copies the disks: native or qemu",
        example: "native",
        set: |s, raw| set(&mut s.engine, choice(raw)),
    },
    Key {
        name: "threads",
        kind: Kind::Scalar,
        form: Form::Number(1, MAX_THREADS as u64),
        summary: "threads that copy a disk; one per processor by default",
        example: "2",
        set: |s, raw| set(&mut s.threads, text(raw).and_then(|t| threads(&t))),
    },
    Key {
        name: "limit-rate",
        kind: Kind::Scalar,
        form: Form::Bytes,
        summary: "most bytes that are read per second and disk (100M, 1G)",
        example: "200M",
        set: |s, raw| set(&mut s.limit_rate, text(raw).and_then(|t| rate(&t))),
    },
    Key {
        name: "no-sample",
        kind: Kind::Scalar,
        form: Form::Flag,
        summary: "whether to leave out copying a sample, which tells how long a migration takes: true or false",
        example: "false",
        set: |s, raw| set(&mut s.no_sample, flag(raw)),
    },
    Key {
        name: "temp-dir",
        kind: Kind::Scalar,
        form: Form::Path,
        summary: "directory for temporary files",
        example: "/var/tmp",
        set: |s, raw| set(&mut s.temp_dir, path(raw)),
    },
    Key {
        name: "metrics",
        kind: Kind::Scalar,
        form: Form::Path,
        summary: "file that metrics for Prometheus are written to",
        example: "/var/lib/node_exporter/h2k.prom",
        set: |s, raw| set(&mut s.metrics, path(raw)),
    },
    Key {
        name: "state",
        kind: Kind::Scalar,
        form: Form::Path,
        summary: "file that remembers runs",
        example: "/var/lib/h2k/h2k.db",
        set: |s, raw| set(&mut s.state, path(raw)),
    },
    Key {
        name: "log-format",
        kind: Kind::Scalar,
        form: Form::Choice(LogFormat::names),
        summary: "form of what goes to stderr: text or json",
        example: "text",
        set: |s, raw| set(&mut s.log_format, choice(raw)),
    },
];

fn set<T>(field: &mut Option<T>, value: Result<T, String>) -> Result<(), Wrong> {
    *field = Some(value?);
    Ok(())
}

fn text(raw: Raw) -> Result<String, String> {
    match raw {
        Raw::Text(text) if text.is_empty() => Err("has no value".to_owned()),
        Raw::Text(text) => Ok(text),
        _ => Err("takes one value".to_owned()),
    }
}

fn path(raw: Raw) -> Result<PathBuf, String> {
    let text = text(raw)?;
    if text.contains('\0') {
        return Err("a path holds no zero byte".to_owned());
    }
    Ok(PathBuf::from(text))
}

fn choice<T: Choice>(raw: Raw) -> Result<T, String> {
    T::parse(&text(raw)?).map_err(|e| e.to_string())
}

fn flag(raw: Raw) -> Result<bool, String> {
    let text = text(raw)?;
    match text.to_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

/// Seconds that a boot may take, as text.
///
/// # Errors
/// It is no number of seconds from 1 to a day.
pub fn boot_timeout(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(seconds) if (1..=MAX_BOOT_TIMEOUT).contains(&seconds) => Ok(seconds),
        _ => Err(format!("{text:?} is no number of seconds from 1 to {MAX_BOOT_TIMEOUT}")),
    }
}

/// Threads that copy a disk, as text.
///
/// # Errors
/// It is no number from 1 to 16.
pub fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads) if (1..=MAX_THREADS).contains(&threads) => Ok(threads),
        _ => Err(format!("{text:?} is no number of threads from 1 to {MAX_THREADS}")),
    }
}

/// Bytes per second, as text: a number with K, M, G or T for powers of 1024.
///
/// # Errors
/// It is no such number, or 0.
pub fn rate(text: &str) -> Result<u64, String> {
    let units = [('K', 10), ('M', 20), ('G', 30), ('T', 40)];
    let unit = units
        .iter()
        .find_map(|(letter, bits)| Some((text.strip_suffix([*letter, letter.to_ascii_lowercase()])?, *bits)));
    let (number, bits) = unit.unwrap_or((text, 0));
    let bytes = number.parse::<u64>().ok().and_then(|n| n.checked_mul(1 << bits));
    bytes
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| format!("{text:?} is no number of bytes such as 500K, 100M or 1G"))
}

fn list(raw: Raw) -> Result<Vec<String>, String> {
    match raw {
        Raw::List(list) => Ok(list),
        Raw::Text(text) => Ok(split(&text)),
        _ => Err("takes a list".to_owned()),
    }
}

fn split(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn keys(texts: &[String]) -> Result<Vec<KeyRef>, String> {
    texts.iter().map(|text| text.parse()).collect::<Result<_, _>>().map_err(|e: KeyError| e.to_string())
}

fn networks(settings: &mut Settings, raw: Raw) -> Result<(), Wrong> {
    let pairs = match raw {
        Raw::Map(pairs) => pairs
            .into_iter()
            .map(|(source, target)| target.parse().map(|t| (source, t)))
            .collect::<Result<Vec<_>, _>>(),
        Raw::List(list) => list.iter().map(|text| network::pair(text)).collect(),
        Raw::Text(text) => split(&text).iter().map(|text| network::pair(text)).collect(),
        Raw::Section(_) => return Err("takes names with a value each".to_owned().into()),
    };
    for (source, target) in pairs.map_err(|e| e.to_string())? {
        settings.add_network(source, target)?;
    }
    Ok(())
}

fn macs(settings: &mut Settings, raw: Raw) -> Result<(), Wrong> {
    let pairs = match raw {
        Raw::Map(pairs) => pairs
            .into_iter()
            .map(|(old, new)| Ok((nic::mac(&old)?, nic::own_mac(&new)?)))
            .collect::<Result<Vec<_>, nic::NicError>>(),
        Raw::List(list) => list.iter().map(|text| nic::mac_pair(text)).collect(),
        Raw::Text(text) => split(&text).iter().map(|text| nic::mac_pair(text)).collect(),
        Raw::Section(_) => return Err("takes names with a value each".to_owned().into()),
    };
    for (old, new) in pairs.map_err(|e| e.to_string())? {
        settings.add_mac(old, new)?;
    }
    Ok(())
}

fn addresses(settings: &mut Settings, raw: Raw) -> Result<(), Wrong> {
    let texts = match raw {
        Raw::Text(text) => nic::entries(&text),
        other => list(other)?,
    };
    for text in texts {
        let (mac, address) = nic::address(&text).map_err(|e| e.to_string())?;
        settings.add_address(mac, address)?;
    }
    Ok(())
}
