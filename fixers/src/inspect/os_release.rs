//! Which Linux it is, by os-release(5) and the files around it.

use std::io::Read;

use crate::error::Result;
use crate::facts::SystemFacts;
use crate::guest::Guest;

/// Programs that every Linux system has one of; their ELF header tells the architecture.
const PROGRAMS: &[&str] = &["/bin/sh", "/usr/bin/sh", "/sbin/init", "/usr/bin/env", "/bin/busybox"];
/// Bytes of an ELF header that hold class, byte order and machine (ELF-64 object file format, version 1.5).
const ELF_HEAD: usize = 20;
/// Longest text that is taken from os-release or a host name: longer ones are not names.
const MAX_FIELD: usize = 256;

/// The system whose root is mounted. `None` if the files do not say that it is a Linux.
///
/// # Errors
/// The guest could not be read.
pub fn system(guest: &dyn Guest, root: &str) -> Result<Option<SystemFacts>> {
    let text = match guest.read("/etc/os-release")? {
        Some(text) => Some(text),
        None => guest.read("/usr/lib/os-release")?,
    };
    let Some(text) = text else { return Ok(None) };
    let text = String::from_utf8_lossy(&text);
    let field = |key: &str| value(&text, key).unwrap_or_default();
    let id = field("ID");
    let (major, mut minor) = version(&field("VERSION_ID"));
    if id == "debian" {
        // Debian's VERSION_ID has no point release; /etc/debian_version has.
        minor = version(&first_line(guest, "/etc/debian_version")?).1;
    }
    Ok(Some(SystemFacts {
        root: root.to_owned(),
        kind: "linux".to_owned(),
        product: Some(field("PRETTY_NAME")).filter(|p| !p.is_empty()).unwrap_or_else(|| id.clone()),
        osinfo: osinfo(&id, &field("VERSION_ID"), major),
        distro: distro(&id),
        major,
        minor,
        arch: architecture(guest)?,
        hostname: first_line(guest, "/etc/hostname")?,
        package_format: package_format(guest)?,
    }))
}

/// A value of os-release(5), which is in shell quoting: `KEY=value`, `KEY="value"` or `KEY='value'`.
fn value(text: &str, key: &str) -> Option<String> {
    let line = text.lines().filter_map(|l| l.trim().strip_prefix(key)?.strip_prefix('=')).next_back()?;
    let line = line.trim();
    let bare = ['"', '\''].iter().find_map(|q| line.strip_prefix(*q)?.strip_suffix(*q)).unwrap_or(line);
    let plain: String = bare.chars().filter(|c| *c != '\\' && !c.is_control()).take(MAX_FIELD).collect();
    Some(plain)
}

fn version(text: &str) -> (i32, i32) {
    let mut parts = text.split('.').map(|p| p.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

/// The names that libguestfs uses, so that facts do not depend on who looked (guestfs(3), inspect_get_distro).
fn distro(id: &str) -> String {
    match id {
        "" => "unknown",
        "arch" => "archlinux",
        "ol" => "oraclelinux",
        "opensuse-leap" | "opensuse-tumbleweed" => "opensuse",
        "sled" | "sles_sap" => "sles",
        "almalinux" | "amzn" | "centos" | "debian" | "fedora" | "rhel" | "rocky" | "sles" | "ubuntu" => id,
        other => other,
    }
    .to_owned()
}

/// libosinfo's short id, as far as the rule that a distribution names its releases by is known; empty otherwise.
fn osinfo(id: &str, version_id: &str, major: i32) -> String {
    match id {
        "debian" | "fedora" | "almalinux" | "rocky" if major > 0 => format!("{id}{major}"),
        "ubuntu" | "rhel" | "ol" if !version_id.is_empty() => format!("{id}{version_id}"),
        "centos" if major >= 8 => format!("centos-stream{major}"),
        "centos" if major > 0 => format!("centos{major}.0"),
        "opensuse-leap" => format!("opensuse{version_id}"),
        "sles" => format!("sles{}", version_id.replace('.', "sp")),
        "arch" => "archlinux".to_owned(),
        _ => String::new(),
    }
}

fn first_line(guest: &dyn Guest, path: &str) -> Result<String> {
    let text = guest.read(path)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with('#')).unwrap_or_default();
    Ok(line.chars().filter(|c| !c.is_control()).take(MAX_FIELD).collect())
}

fn architecture(guest: &dyn Guest) -> Result<String> {
    for program in PROGRAMS {
        if !guest.exists(program)? {
            continue;
        }
        let mut head = [0u8; ELF_HEAD];
        let Ok(mut stream) = guest.open(program) else { continue };
        if stream.read_exact(&mut head).is_ok()
            && let Some(arch) = elf_machine(&head)
        {
            return Ok(arch.to_owned());
        }
    }
    Ok("unknown".to_owned())
}

/// Architecture by `e_machine`; numbers from the ELF registry.
fn elf_machine(head: &[u8; ELF_HEAD]) -> Option<&'static str> {
    let [0x7f, b'E', b'L', b'F', class, order, .., low, high] = *head else { return None };
    let machine = match order {
        1 => u16::from_le_bytes([low, high]),
        2 => u16::from_be_bytes([low, high]),
        _ => return None,
    };
    Some(match (machine, class, order) {
        (62, ..) => "x86_64",
        (3, ..) => "i386",
        (183, ..) => "aarch64",
        (40, ..) => "arm",
        (21, _, 1) => "ppc64le",
        (21, ..) => "ppc64",
        (22, ..) => "s390x",
        (243, ..) => "riscv64",
        _ => "unknown",
    })
}

fn package_format(guest: &dyn Guest) -> Result<String> {
    for (path, format) in [
        ("/var/lib/dpkg/status", "deb"),
        ("/var/lib/rpm", "rpm"),
        ("/usr/lib/sysimage/rpm", "rpm"),
        ("/lib/apk/db/installed", "apk"),
        ("/var/lib/pacman/local", "pacman"),
        ("/var/db/pkg", "ebuild"),
    ] {
        if guest.exists(path)? {
            return Ok(format.to_owned());
        }
    }
    Ok(String::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryGuest;

    fn elf(machine: u16) -> Vec<u8> {
        let mut head = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0];
        head.extend(machine.to_le_bytes());
        head
    }

    #[test]
    fn debian_is_read_from_its_files() {
        let guest = MemoryGuest::new()
            .file(
                "/usr/lib/os-release",
                "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n",
            )
            .link("/etc/os-release", "../usr/lib/os-release")
            .file("/etc/debian_version", "12.15\n")
            .file("/etc/hostname", "web01\n")
            .file("/var/lib/dpkg/status", "")
            .file("/usr/bin/dash", elf(62))
            .link("/bin/sh", "/usr/bin/dash");
        let found = system(&guest, "/dev/sda1").unwrap().unwrap();
        assert_eq!(
            (found.distro.as_str(), found.major, found.minor, found.arch.as_str(), found.osinfo.as_str()),
            ("debian", 12, 15, "x86_64", "debian12")
        );
        assert_eq!((found.hostname.as_str(), found.package_format.as_str()), ("web01", "deb"));
    }

    #[test]
    fn names_of_releases_follow_each_distribution() {
        for (id, version, name) in [
            ("ubuntu", "22.04", "ubuntu22.04"),
            ("rhel", "9.4", "rhel9.4"),
            ("centos", "9", "centos-stream9"),
            ("sles", "15.5", "sles15sp5"),
            ("gentoo", "2.15", ""),
        ] {
            assert_eq!(osinfo(id, version, super::version(version).0), name);
        }
    }

    #[test]
    fn files_without_os_release_say_nothing() {
        assert_eq!(system(&MemoryGuest::new().file("/etc/fstab", ""), "/dev/sda1").unwrap(), None);
    }
}
