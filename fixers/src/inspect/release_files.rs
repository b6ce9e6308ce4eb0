//! What tells a Linux apart where os-release(5) does not: the files of distributions that are older than it, and the
//! point releases and host names that it leaves out.

use crate::error::Result;
use crate::guest::Guest;

use super::os_release::{Release, plain, value, version};
use super::text;

/// How the names in the files of Red Hat's family begin, and their ids as os-release would have them. `Red Hat` is
/// last: its clones name it too.
const RED_HAT: &[(&str, &str)] = &[
    ("CentOS", "centos"),
    ("Scientific Linux", "scientific"),
    ("Oracle Linux", "ol"),
    ("Enterprise Linux Enterprise Linux", "ol"),
    ("AlmaLinux", "almalinux"),
    ("Rocky Linux", "rocky"),
    ("Fedora", "fedora"),
    ("Amazon Linux", "amzn"),
    ("Red Hat Enterprise Linux", "rhel"),
];

/// Files of one line, `NAME release VERSION (CODENAME)`. Oracle's and CentOS's systems have Red Hat's as well.
const RED_HAT_FILES: &[&str] =
    &["/etc/oracle-release", "/etc/centos-release", "/etc/redhat-release", "/etc/system-release"];

/// The system by the files that were there before os-release; `None` if there are none.
///
/// # Errors
/// The guest could not be read.
pub(super) fn release(guest: &dyn Guest) -> Result<Option<Release>> {
    for path in RED_HAT_FILES {
        if let Some(release) = red_hat(&first_line(guest, path)?) {
            return Ok(Some(release));
        }
    }
    if let Some(text) = text::config(guest, "/etc/SuSE-release")? {
        return Ok(suse(&text));
    }
    if let Some(text) = text::config(guest, "/etc/lsb-release")?
        && value(&text, "DISTRIB_ID").as_deref() == Some("Ubuntu")
    {
        let field = |key: &str| value(&text, key).unwrap_or_default();
        let (version, name) = (field("DISTRIB_RELEASE"), field("DISTRIB_DESCRIPTION"));
        return Ok(Some(Release { id: "ubuntu".to_owned(), version, name }));
    }
    let of = |id: &str, version: String, name: String| Some(Release { id: id.to_owned(), version, name });
    let debian = first_line(guest, "/etc/debian_version")?;
    if debian.starts_with(|c: char| c.is_ascii_digit()) {
        let name = format!("Debian GNU/Linux {debian}");
        return Ok(of("debian", version(&debian).0.to_string(), name));
    }
    let gentoo = first_line(guest, "/etc/gentoo-release")?;
    if let Some((_, version)) = gentoo.split_once(" release ") {
        return Ok(of("gentoo", version.to_owned(), gentoo.clone()));
    }
    let alpine = first_line(guest, "/etc/alpine-release")?;
    Ok(if alpine.is_empty() { None } else { of("alpine", alpine.clone(), format!("Alpine Linux v{alpine}")) })
}

/// `CentOS release 6.10 (Final)`.
fn red_hat(line: &str) -> Option<Release> {
    let (_, id) = RED_HAT.iter().find(|(name, _)| line.starts_with(name))?;
    let version = line.split_once(" release ")?.1.split(' ').next()?;
    Some(Release { id: (*id).to_owned(), version: version.to_owned(), name: line.to_owned() })
}

/// `SUSE Linux Enterprise Server 11 (x86_64)`, then `VERSION = 11` and `PATCHLEVEL = 4`.
fn suse(text: &str) -> Option<Release> {
    let title = plain(text.lines().next()?);
    let id = match &title {
        t if t.contains("Enterprise Server") => "sles",
        t if t.contains("Enterprise Desktop") => "sled",
        t if t.to_ascii_lowercase().starts_with("opensuse") => "opensuse",
        _ => return None,
    };
    let field = |wanted: &str| {
        let fields = text.lines().filter_map(|line| line.split_once('='));
        fields.filter(|(key, _)| key.trim() == wanted).map(|(_, value)| plain(value.trim())).next_back()
    };
    let version = field("VERSION")?;
    let version = match field("PATCHLEVEL").filter(|level| level != "0") {
        Some(level) => format!("{version}.{level}"),
        None => version,
    };
    Some(Release { id: id.to_owned(), version, name: title })
}

/// The minor version of a system whose os-release has the major one only.
///
/// # Errors
/// The guest could not be read.
pub(super) fn point_release(guest: &dyn Guest, id: &str, major: i32) -> Result<Option<i32>> {
    let files: &[&str] = match id {
        "debian" => &["/etc/debian_version"],
        "centos" | "ol" | "rhel" | "scientific" => RED_HAT_FILES,
        _ => return Ok(None),
    };
    for path in files {
        let line = first_line(guest, path)?;
        let number = line.split_once(" release ").map_or(line.as_str(), |(_, version)| version);
        match version(number.split(' ').next().unwrap_or_default()) {
            (same, Some(minor)) if same == major => return Ok(Some(minor)),
            _ => {}
        }
    }
    Ok(None)
}

/// The host name: where systemd keeps it, then where Red Hat, SUSE and OpenRC did before.
///
/// # Errors
/// The guest could not be read.
pub(super) fn hostname(guest: &dyn Guest) -> Result<String> {
    for path in ["/etc/hostname", "/etc/HOSTNAME"] {
        let name = first_line(guest, path)?;
        if !name.is_empty() {
            return Ok(name);
        }
    }
    for (path, key) in [("/etc/sysconfig/network", "HOSTNAME"), ("/etc/conf.d/hostname", "hostname")] {
        let text = text::config(guest, path)?.unwrap_or_default();
        if let Some(name) = value(&text, key).filter(|name| !name.is_empty()) {
            return Ok(name);
        }
    }
    Ok(String::new())
}

/// The first line that is neither empty nor a comment; empty if there is no such file.
fn first_line(guest: &dyn Guest, path: &str) -> Result<String> {
    let text = text::config(guest, path)?.unwrap_or_default();
    let line = text.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with('#'));
    Ok(plain(line.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use crate::inspect::os_release::system;
    use crate::memory::MemoryGuest;

    fn seen(guest: &MemoryGuest) -> String {
        let s = system(guest, "/dev/sda1").unwrap().unwrap();
        format!("{} {}.{} {} {}", s.distro, s.major, s.minor, s.osinfo, s.hostname)
    }

    #[test]
    fn systems_from_before_os_release() {
        for (path, text, want) in [
            (
                "/etc/redhat-release",
                "Red Hat Enterprise Linux Server release 6.10 (Santiago)\n",
                "rhel 6.10 rhel6.10 ",
            ),
            ("/etc/redhat-release", "CentOS release 6.10 (Final)\n", "centos 6.10 centos6.10 "),
            (
                "/etc/redhat-release",
                "Scientific Linux release 6.9 (Carbon)\n",
                "scientificlinux 6.9 scientificlinux6.9 ",
            ),
            ("/etc/oracle-release", "Oracle Linux Server release 6.10\n", "oraclelinux 6.10 ol6.10 "),
            (
                "/etc/SuSE-release",
                "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 2\n",
                "sles 11.2 sles11sp2 ",
            ),
            (
                "/etc/SuSE-release",
                "openSUSE 12.1 (x86_64)\nVERSION = 12.1\nCODENAME = Asparagus\n",
                "opensuse 12.1 opensuse12.1 ",
            ),
            (
                "/etc/lsb-release",
                "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=10.04\nDISTRIB_DESCRIPTION=\"Ubuntu 10.04 LTS\"\n",
                "ubuntu 10.4 ubuntu10.04 ",
            ),
            ("/etc/debian_version", "6.0.10\n", "debian 6.0 debian6 "),
            ("/etc/gentoo-release", "Gentoo Base System release 2.2\n", "gentoo 2.2 gentoo "),
            ("/etc/alpine-release", "3.8.5\n", "alpinelinux 3.8 alpinelinux3.8 "),
        ] {
            assert_eq!(seen(&MemoryGuest::new().file(path, text)), want, "{path}");
        }
        let unknown = MemoryGuest::new()
            .file("/etc/redhat-release", "Yellow Hat 3\n")
            .file("/etc/debian_version", "jessie/sid\n");
        assert_eq!(system(&unknown, "/dev/sda1").unwrap(), None);
    }

    #[test]
    fn clones_are_known_by_their_own_file() {
        let guest = MemoryGuest::new()
            .file("/etc/oracle-release", "Oracle Linux Server release 7.9\n")
            .file("/etc/redhat-release", "Red Hat Enterprise Linux Server release 7.9 (Maipo)\n")
            .file("/etc/sysconfig/network", "NETWORKING=yes\nHOSTNAME=db.example.com\n");
        assert_eq!(seen(&guest), "oraclelinux 7.9 ol7.9 db.example.com");
    }

    #[test]
    fn point_releases_come_from_other_files() {
        let centos = MemoryGuest::new()
            .file(
                "/etc/os-release",
                "ID=\"centos\"\nVERSION_ID=\"7\"\nPRETTY_NAME=\"CentOS Linux 7 (Core)\"\n",
            )
            .file("/etc/centos-release", "CentOS Linux release 7.9.2009 (Core)\n")
            .file("/etc/HOSTNAME", "c7\n");
        assert_eq!(seen(&centos), "centos 7.9 centos7.0 c7");
        let stale = MemoryGuest::new()
            .file("/etc/os-release", "ID=rhel\nVERSION_ID=9\n")
            .file("/etc/redhat-release", "Red Hat Enterprise Linux release 8.10 (Ootpa)\n");
        assert_eq!(seen(&stale), "rhel 9.0  ");
    }
}
