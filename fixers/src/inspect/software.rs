//! Software that takes notice when its machine moves: clusters, remote storage, guards.

use crate::error::Result;
use crate::facts::SoftwareFacts;
use crate::guest::Guest;

use super::text;

/// Kind and name of software, and the files of which one is there where it is set up (not only installed).
const KNOWN: &[(&str, &str, &[&str])] = &[
    ("kubernetes", "kubelet", &["/etc/kubernetes/kubelet.conf", "/var/lib/kubelet/config.yaml"]),
    ("kubernetes", "k3s", &["/etc/rancher/k3s/k3s.yaml", "/etc/systemd/system/k3s-agent.service"]),
    ("cluster", "corosync", &["/etc/corosync/corosync.conf"]),
    ("cluster", "keepalived", &["/etc/keepalived/keepalived.conf"]),
    ("multipath", "multipathd", &["/etc/multipath/bindings", "/etc/multipath/wwids"]),
    ("guard", "CrowdStrike Falcon", &["/opt/CrowdStrike/falconctl"]),
    ("guard", "SentinelOne", &["/opt/sentinelone/bin/sentinelctl"]),
    ("guard", "Trend Micro Deep Security", &["/opt/ds_agent/ds_agent"]),
    ("guard", "Sophos Protection", &["/opt/sophos-spl/base"]),
    ("guard", "Microsoft Defender", &["/opt/microsoft/mdatp/sbin/wdavdaemon"]),
];

/// Where open-iscsi keeps the targets that it knows, by distribution.
const ISCSI: [&str; 2] = ["/etc/iscsi/nodes", "/var/lib/iscsi/nodes"];

/// The software that is there.
///
/// # Errors
/// The guest could not be read.
pub(super) fn software(guest: &dyn Guest) -> Result<Vec<SoftwareFacts>> {
    let mut found = Vec::new();
    let mut add = |kind: &str, name: &str, file: &str| {
        found.push(SoftwareFacts { kind: kind.to_owned(), name: name.to_owned(), file: file.to_owned() });
    };
    for (kind, name, files) in KNOWN {
        if let Some(file) = text::first_there(guest, files)? {
            add(kind, name, file);
        }
    }
    for dir in ISCSI {
        if !text::names(guest, dir, "")?.is_empty() {
            add("iscsi", "open-iscsi", dir);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryGuest;

    #[test]
    fn what_is_set_up_is_found_and_an_empty_directory_is_not() {
        assert_eq!(software(&MemoryGuest::new()).unwrap(), []);
        let guest = MemoryGuest::new()
            .file("/etc/corosync/corosync.conf", "totem {}\n")
            .file("/var/lib/iscsi/nodes/iqn.2024-01.org.example:a/default", "x");
        let found = software(&guest).unwrap();
        let kinds: Vec<(&str, &str)> = found.iter().map(|s| (s.kind.as_str(), s.file.as_str())).collect();
        assert_eq!(kinds, [("cluster", "/etc/corosync/corosync.conf"), ("iscsi", "/var/lib/iscsi/nodes")]);
    }
}
