//! Which drivers a guest takes, told by its facts.

use super::inspect::Hives;
use super::target::{Arch, ProductType, WindowsTarget};
use crate::error::Result;
use crate::facts::WindowsFacts;

/// Suites by their names in the registry, and their bits (winnt.h, `VER_SUITE_…`).
const SUITES: [(&str, u32); 9] = [
    ("Small Business", 0x0001),
    ("Enterprise", 0x0002),
    ("Terminal Server", 0x0010),
    ("Small Business(Restricted)", 0x0020),
    ("EmbeddedNT", 0x0040),
    ("DataCenter", 0x0080),
    ("Personal", 0x0200),
    ("Blade", 0x0400),
    ("Storage Server", 0x2000),
];
/// Updates by which Windows 7 and 2008 R2 take SHA-256: the first, the one that replaced it, and the last.
const SHA256_UPDATES: [&str; 3] = ["KB3033929", "KB3125574", "KB4474419"];
/// Where installed updates are listed.
const PACKAGES: &str = "Microsoft\\Windows\\CurrentVersion\\Component Based Servicing\\Packages";
/// Packages that are looked at.
const MAX_PACKAGES: usize = 50_000;

/// The guest as the choice of drivers sees it; `None` for an architecture that there are no drivers for.
///
/// # Errors
/// A hive is damaged.
pub(super) fn target(windows: &WindowsFacts, hives: &Hives) -> Result<Option<WindowsTarget>> {
    let version = &windows.version;
    let arch = match version.arch.as_str() {
        "x86_64" => Arch::Amd64,
        "i386" => Arch::X86,
        "aarch64" => Arch::Arm64,
        _ => return Ok(None),
    };
    let product_type = match version.product_type.as_str() {
        "LanmanNT" => ProductType::DomainController,
        "ServerNT" => ProductType::Server,
        _ => ProductType::Workstation,
    };
    let mut target = WindowsTarget::new(version.major, version.minor, version.build, arch, product_type);
    target.suite = suites(&version.suites);
    target.sha256_signatures |= updated(windows, hives)?;
    Ok(Some(target))
}

fn suites(names: &[String]) -> u32 {
    let bit = |name: &String| SUITES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|s| s.1);
    names.iter().filter_map(bit).fold(0, |all, bit| all | bit)
}

/// Whether a Windows 7 or 2008 R2 has an update by which it takes SHA-256.
fn updated(windows: &WindowsFacts, hives: &Hives) -> Result<bool> {
    if (windows.version.major, windows.version.minor) != (6, 1) {
        return Ok(false);
    }
    let Some(packages) = hives.software.key(PACKAGES)? else { return Ok(false) };
    for name in packages.names()?.into_iter().take(MAX_PACKAGES) {
        let name = name.to_uppercase();
        if SHA256_UPDATES.iter().any(|kb| name.starts_with(&format!("PACKAGE_FOR_{kb}"))) {
            return Ok(true);
        }
    }
    Ok(false)
}
