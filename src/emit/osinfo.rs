//! libosinfo's names of operating systems: short id (`debian12`) ↔ full id (`http://debian.org/debian/12`).
//!
//! libvirt's metadata takes the full id only (<https://libosinfo.org/>, "OS id"). The families below are those of
//! osinfo-db; a version is not looked up, so that a release newer than this table is named as well.

/// How a family writes a version in its full id.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// As in the short id.
    Plain,
    /// `15sp5` is `15.5`.
    ServicePack,
}

/// A family: short id without version, full id without version, style.
type Family = (&'static str, &'static str, Style);

/// Families, a longer short id before one that it begins with.
const FAMILIES: &[Family] = &[
    ("almalinux", "http://almalinux.org/almalinux/", Style::Plain),
    ("alpinelinux", "http://alpinelinux.org/alpinelinux/", Style::Plain),
    ("altlinux", "http://altlinux.org/altlinux/", Style::Plain),
    ("alt", "http://altlinux.org/alt/", Style::Plain),
    ("centos-stream", "http://centos.org/centos-stream/", Style::Plain),
    ("centos", "http://centos.org/centos/", Style::Plain),
    ("debian", "http://debian.org/debian/", Style::Plain),
    ("fedora", "http://fedoraproject.org/fedora/", Style::Plain),
    ("freebsd", "http://freebsd.org/freebsd/", Style::Plain),
    ("netbsd", "http://netbsd.org/netbsd/", Style::Plain),
    ("ol", "http://oracle.com/ol/", Style::Plain),
    ("openbsd", "http://openbsd.org/openbsd/", Style::Plain),
    ("opensuse", "http://opensuse.org/opensuse/", Style::Plain),
    ("rhel", "http://redhat.com/rhel/", Style::Plain),
    ("rocky", "http://rockylinux.org/rocky/", Style::Plain),
    ("scientificlinux", "http://scientificlinux.org/scientificlinux/", Style::Plain),
    ("sled", "http://suse.com/sled/", Style::ServicePack),
    ("slem", "http://suse.com/slem/", Style::Plain),
    ("sles", "http://suse.com/sles/", Style::ServicePack),
    ("sle", "http://suse.com/sle/", Style::ServicePack),
    ("ubuntu", "http://ubuntu.com/ubuntu/", Style::Plain),
    ("ucs", "http://univention.de/ucs/", Style::Plain),
    ("win", "http://microsoft.com/win/", Style::Plain),
];

/// Ids that follow no family's rule.
const EXACT: &[(&str, &str)] = &[
    ("archlinux", "http://archlinux.org/archlinux/rolling"),
    ("debiantesting", "http://debian.org/debian/testing"),
    ("fedora-rawhide", "http://fedoraproject.org/fedora/rawhide"),
    ("fedora-unknown", "http://fedoraproject.org/fedora/unknown"),
    ("gentoo", "http://gentoo.org/gentoo/rolling"),
    ("linux2016", "http://libosinfo.org/linux/2016"),
    ("linux2018", "http://libosinfo.org/linux/2018"),
    ("linux2020", "http://libosinfo.org/linux/2020"),
    ("linux2022", "http://libosinfo.org/linux/2022"),
    ("linux2024", "http://libosinfo.org/linux/2024"),
    ("opensuse-unknown", "http://opensuse.org/opensuse/unknown"),
    ("opensusetumbleweed", "http://opensuse.org/opensuse/tumbleweed"),
    ("rhel-unknown", "http://redhat.com/rhel/unknown"),
    ("rocky-unknown", "http://rockylinux.org/rocky/unknown"),
    ("voidlinux", "http://voidlinux.org/voidlinux/rolling"),
    ("winvista", "http://microsoft.com/win/vista"),
    ("winxp", "http://microsoft.com/win/xp"),
];

/// Full id of a short id, if its family is known.
pub fn full_id(short: &str) -> Option<String> {
    if let Some((_, full)) = EXACT.iter().find(|(s, _)| *s == short) {
        return Some((*full).to_owned());
    }
    FAMILIES.iter().find_map(|(family, base, style)| {
        let version = short.strip_prefix(family).filter(|v| is_version(v))?;
        Some(match (style, version.split_once("sp")) {
            (Style::ServicePack, Some((major, pack))) => format!("{base}{major}.{pack}"),
            _ => format!("{base}{version}"),
        })
    })
}

/// Short id of a full id, if its family is known.
pub fn short_id(full: &str) -> Option<String> {
    if let Some((short, _)) = EXACT.iter().find(|(_, f)| *f == full) {
        return Some((*short).to_owned());
    }
    FAMILIES.iter().find_map(|(family, base, style)| {
        let version = full.strip_prefix(base).filter(|v| is_version(v))?;
        Some(match (style, version.split_once('.')) {
            (Style::ServicePack, Some((major, pack))) => format!("{family}{major}sp{pack}"),
            _ => format!("{family}{version}"),
        })
    })
}

/// Does it look like the version part of an id: a digit first, then digits, letters, dots and hyphens?
fn is_version(text: &str) -> bool {
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || c.is_ascii_lowercase() || c == '.' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_go_there_and_back() {
        for (short, full) in [
            ("debian12", "http://debian.org/debian/12"),
            ("ubuntu22.04", "http://ubuntu.com/ubuntu/22.04"),
            ("rhel9.4", "http://redhat.com/rhel/9.4"),
            ("rhel9-unknown", "http://redhat.com/rhel/9-unknown"),
            ("centos7.0", "http://centos.org/centos/7.0"),
            ("centos-stream9", "http://centos.org/centos-stream/9"),
            ("sles15sp5", "http://suse.com/sles/15.5"),
            ("sles12", "http://suse.com/sles/12"),
            ("slem5.2", "http://suse.com/slem/5.2"),
            ("ol8.9", "http://oracle.com/ol/8.9"),
            ("win2k12r2", "http://microsoft.com/win/2k12r2"),
            ("winxp", "http://microsoft.com/win/xp"),
            ("alt9.2", "http://altlinux.org/alt/9.2"),
            ("altlinux7.0", "http://altlinux.org/altlinux/7.0"),
            ("archlinux", "http://archlinux.org/archlinux/rolling"),
        ] {
            assert_eq!(full_id(short).as_deref(), Some(full));
            assert_eq!(short_id(full).as_deref(), Some(short));
        }
    }

    #[test]
    fn what_is_unknown_stays_unknown() {
        for short in ["", "debian", "photon5", "win\"><x", "ubuntu22.04/../..", "rhel9 ", "debian12\n"] {
            assert_eq!(full_id(short), None, "{short:?}");
        }
        assert_eq!(short_id("http://example.org/os/1"), None);
    }
}
