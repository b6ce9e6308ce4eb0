//! Which Linux it is, by os-release(5) and the files around it.

use std::io::Read;

use crate::error::Result;
use crate::facts::SystemFacts;
use crate::guest::Guest;

use super::{release_files, text};

/// Programs that every Linux system has one of; their ELF header tells the architecture.
const PROGRAMS: &[&str] =
    &["/bin/sh", "/usr/bin/sh", "/sbin/init", "/usr/bin/env", "/bin/busybox", "/bin/bash"];
/// Bytes of an ELF header that hold class, byte order and machine (ELF-64 object file format, version 1.5).
const ELF_HEAD: usize = 20;
/// Longest text that is taken from os-release or a host name: longer ones are not names.
const MAX_FIELD: usize = 256;

/// The system whose root is mounted. `None` if the files do not say that it is a Linux.
///
/// # Errors
/// The guest could not be read.
pub fn system(guest: &dyn Guest, root: &str) -> Result<Option<SystemFacts>> {
    let Some(release) = release(guest)? else { return Ok(None) };
    let (major, minor) = version(&release.version);
    let (minor, osinfo) = match minor {
        Some(minor) => (minor, osinfo(&release, major, Some(minor))),
        // Debian, CentOS and Oracle leave the point release out of VERSION_ID; other files have it.
        None => {
            let minor = release_files::point_release(guest, &release.id, major)?;
            (minor.unwrap_or(0), osinfo(&release, major, minor))
        }
    };
    Ok(Some(SystemFacts {
        root: root.to_owned(),
        kind: "linux".to_owned(),
        distro: distro(&release.id),
        product: Some(release.name).filter(|p| !p.is_empty()).unwrap_or(release.id),
        osinfo,
        major,
        minor,
        arch: architecture(guest)?,
        hostname: release_files::hostname(guest)?,
        package_format: package_format(guest)?,
    }))
}

/// What a system says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Release {
    /// As in os-release(5): `rhel`, `sles`.
    pub(super) id: String,
    /// As in os-release(5): `6.10`; empty for rolling releases.
    pub(super) version: String,
    /// For people.
    pub(super) name: String,
}

fn release(guest: &dyn Guest) -> Result<Option<Release>> {
    let text = match text::config(guest, "/etc/os-release")? {
        Some(text) => Some(text),
        None => text::config(guest, "/usr/lib/os-release")?,
    };
    let Some(text) = text else { return release_files::release(guest) };
    let field = |key: &str| value(&text, key).unwrap_or_default();
    Ok(Some(Release { id: field("ID"), version: field("VERSION_ID"), name: field("PRETTY_NAME") }))
}

/// A value of os-release(5), which is in shell quoting: `KEY=value`, `KEY="value"` or `KEY='value'`.
pub(super) fn value(text: &str, key: &str) -> Option<String> {
    let line = text.lines().filter_map(|l| l.trim().strip_prefix(key)?.strip_prefix('=')).next_back()?;
    let line = line.trim();
    let bare = ['"', '\''].iter().find_map(|q| line.strip_prefix(*q)?.strip_suffix(*q)).unwrap_or(line);
    Some(plain(bare))
}

/// Text that may be shown: short, and without what would move a terminal's cursor.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| *c != '\\' && !c.is_control()).take(MAX_FIELD).collect()
}

/// Major and minor number. What is no number (a code name) is 0.
pub(super) fn version(text: &str) -> (i32, Option<i32>) {
    let mut parts = text.split('.').map(|p| p.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next())
}

/// The names that libguestfs uses, so that facts do not depend on who looked (guestfs(3), inspect_get_distro).
fn distro(id: &str) -> String {
    match id {
        "" => "unknown",
        "alpine" => "alpinelinux",
        "arch" => "archlinux",
        "kali" => "kalilinux",
        "ol" => "oraclelinux",
        "opensuse-leap" | "opensuse-tumbleweed" => "opensuse",
        "scientific" => "scientificlinux",
        "sled" | "sles_sap" | "sle-hpc" => "sles",
        "void" => "voidlinux",
        other => other,
    }
    .to_owned()
}

/// libosinfo's short id, as far as the rule that a distribution names its releases by is known (osinfo-db); empty
/// otherwise.
fn osinfo(release: &Release, major: i32, minor: Option<i32>) -> String {
    let Release { id, version, name } = release;
    let point = |family: &str| match minor {
        Some(minor) => format!("{family}{major}.{minor}"),
        None => String::new(),
    };
    match id.as_str() {
        "debian" | "fedora" | "almalinux" | "rocky" if major > 0 => format!("{id}{major}"),
        "ubuntu" if !version.is_empty() => format!("{id}{version}"),
        "rhel" | "ol" => point(id),
        "alpine" => point("alpinelinux"),
        "scientific" => point("scientificlinux"),
        "centos" if name.contains("Stream") => format!("centos-stream{major}"),
        "centos" if major >= 8 => format!("centos{major}"),
        "centos" if major == 7 => "centos7.0".to_owned(),
        "centos" => point("centos"),
        "opensuse" | "opensuse-leap" if !version.is_empty() => format!("opensuse{version}"),
        "opensuse-tumbleweed" => "opensusetumbleweed".to_owned(),
        "sles" | "sled" | "sles_sap" if major > 0 && major < 16 => suse(id, major, minor.unwrap_or(0)),
        "arch" => "archlinux".to_owned(),
        "gentoo" => "gentoo".to_owned(),
        _ => String::new(),
    }
}

/// Server and desktop are one in osinfo-db since 15.
fn suse(id: &str, major: i32, minor: i32) -> String {
    let family = match id {
        _ if major >= 15 => "sle",
        "sled" => "sled",
        _ => "sles",
    };
    if minor == 0 { format!("{family}{major}") } else { format!("{family}{major}sp{minor}") }
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
        for (id, version, name, osinfo) in [
            ("debian", "13", "", "debian13"),
            ("ubuntu", "26.04", "Ubuntu 26.04 LTS", "ubuntu26.04"),
            ("rhel", "9.4", "", "rhel9.4"),
            ("rhel", "10.0", "", "rhel10.0"),
            ("ol", "8.10", "", "ol8.10"),
            ("centos", "9", "CentOS Stream 9", "centos-stream9"),
            ("centos", "8", "CentOS Linux 8", "centos8"),
            ("centos", "7", "CentOS Linux 7 (Core)", "centos7.0"),
            ("centos", "6.10", "CentOS release 6.10 (Final)", "centos6.10"),
            ("sles", "11.4", "", "sles11sp4"),
            ("sles", "12", "", "sles12"),
            ("sles", "15.5", "", "sle15sp5"),
            ("sles", "16.0", "", ""),
            ("opensuse-leap", "15.6", "", "opensuse15.6"),
            ("opensuse-tumbleweed", "20240501", "", "opensusetumbleweed"),
            ("alpine", "3.19.1", "", "alpinelinux3.19"),
            ("gentoo", "2.15", "", "gentoo"),
            ("arch", "", "", "archlinux"),
            ("amzn", "2023", "", ""),
            ("photon", "5.0", "", ""),
        ] {
            let guest = MemoryGuest::new()
                .file("/etc/os-release", format!("ID={id}\nVERSION_ID={version}\nPRETTY_NAME='{name}'\n"));
            assert_eq!(system(&guest, "/dev/sda1").unwrap().unwrap().osinfo, osinfo, "{id} {version}");
        }
    }

    #[test]
    fn a_directory_in_the_files_place_says_nothing() {
        let guest = MemoryGuest::new().dir("/etc/os-release").file("/usr/lib/os-release", "ID=arch\n");
        assert_eq!(system(&guest, "/dev/sda1").unwrap().unwrap().distro, "archlinux");
    }

    #[test]
    fn files_without_os_release_say_nothing() {
        assert_eq!(system(&MemoryGuest::new().file("/etc/fstab", ""), "/dev/sda1").unwrap(), None);
    }
}
