//! What rules look at of this host. Gathered once for all VMs of a process.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use crate::validate::machine::firmware;

/// This host, as far as rules look at it. What could not be found out is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// Processors.
    pub cpus: Option<u32>,
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// Its bridges by name, each with whether it tells VLANs apart.
    pub bridges: Option<BTreeMap<String, bool>>,
    /// OVMF, without and with Secure Boot.
    pub ovmf: (bool, bool),
    /// The TPM emulator.
    pub swtpm: bool,
}

/// This host.
pub fn this() -> &'static HostFacts {
    static HOST: LazyLock<HostFacts> = LazyLock::new(|| HostFacts {
        cpus: std::thread::available_parallelism().ok().and_then(|n| u32::try_from(n.get()).ok()),
        memory: fs::read_to_string("/proc/meminfo").ok().and_then(|text| memory(&text)),
        bridges: bridges(Path::new("/sys/class/net")),
        ovmf: (firmware::find(false).is_some(), firmware::find(true).is_some()),
        swtpm: is_in_path("swtpm"),
    });
    &HOST
}

/// `MemTotal` of proc_meminfo(5), in bytes.
fn memory(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|l| l.strip_prefix("MemTotal:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// Interfaces with a directory `bridge` (sysfs, net/bridge/br_sysfs_br.c).
fn bridges(dir: &Path) -> Option<BTreeMap<String, bool>> {
    let entries = fs::read_dir(dir).ok()?.flatten();
    let bridges = entries.filter(|entry| entry.path().join("bridge").is_dir());
    let filters = |entry: &fs::DirEntry| {
        fs::read_to_string(entry.path().join("bridge/vlan_filtering")).is_ok_and(|text| text.trim() == "1")
    };
    Some(bridges.filter_map(|entry| Some((entry.file_name().into_string().ok()?, filters(&entry)))).collect())
}

fn is_in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bridge_is_what_the_kernel_calls_one() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("br0/bridge")).unwrap();
        fs::create_dir_all(dir.path().join("eth0")).unwrap();
        fs::create_dir_all(dir.path().join("br1/bridge")).unwrap();
        fs::write(dir.path().join("br1/bridge/vlan_filtering"), "1\n").unwrap();
        assert_eq!(bridges(dir.path()), Some([("br0".to_owned(), false), ("br1".to_owned(), true)].into()));
        assert_eq!(bridges(&dir.path().join("absent")), None);
    }

    #[test]
    fn memory_is_told_in_kibibytes() {
        assert_eq!(memory("MemFree: 1 kB\nMemTotal:       24000 kB\n"), Some(24_576_000));
        assert_eq!(memory("nothing"), None);
    }
}
