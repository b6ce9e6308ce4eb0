//! Which Windows it is.

use super::Hives;
use crate::error::Result;
use crate::facts::windows::WindowsVersion;

const CURRENT_VERSION: &str = "Microsoft\\Windows NT\\CurrentVersion";

/// Reads the version; `set` is the control set in use.
///
/// # Errors
/// A hive is damaged.
pub(super) fn version(hives: &Hives, set: Option<&str>) -> Result<WindowsVersion> {
    let software = &hives.software;
    let text = |name: &str| -> Result<String> {
        Ok(software.value(CURRENT_VERSION, name)?.and_then(|data| data.text()).unwrap_or_default())
    };
    let number = |name: &str| -> Result<Option<u32>> {
        let number = software.value(CURRENT_VERSION, name)?.and_then(|data| data.number());
        Ok(number.and_then(|n| u32::try_from(n).ok()))
    };
    // "6.3" also stands in every Windows 10 and 11, which have numbers of their own beside it.
    let old = text("CurrentVersion")?;
    let mut parts = old.split('.').map(|part| part.parse().unwrap_or(0));
    let (old_major, old_minor) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    let build = [text("CurrentBuildNumber")?, text("CurrentBuild")?];
    let set = set.unwrap_or_default();
    let control = |key: &str, name: &str| hives.system.value(&format!("{set}\\Control\\{key}"), name);
    Ok(WindowsVersion {
        product: text("ProductName")?,
        major: number("CurrentMajorVersionNumber")?.unwrap_or(old_major),
        minor: number("CurrentMinorVersionNumber")?.unwrap_or(old_minor),
        build: build.iter().find_map(|b| b.parse().ok()).unwrap_or(0),
        edition: text("EditionID")?,
        installation: text("InstallationType")?,
        product_type: control("ProductOptions", "ProductType")?.and_then(|d| d.text()).unwrap_or_default(),
        suites: control("ProductOptions", "ProductSuite")?.and_then(|d| d.texts()).unwrap_or_default(),
        service_pack: service_pack(&text("CSDVersion")?),
        arch: architecture(
            control("Session Manager\\Environment", "PROCESSOR_ARCHITECTURE")?.and_then(|d| d.text()),
        ),
    })
}

/// `Service Pack 2` → 2.
fn service_pack(text: &str) -> u32 {
    text.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn architecture(text: Option<String>) -> String {
    match text.unwrap_or_default().to_ascii_uppercase().as_str() {
        "AMD64" => "x86_64",
        "X86" => "i386",
        "ARM64" => "aarch64",
        _ => "",
    }
    .to_owned()
}

/// libosinfo's short id, as its database has them; empty for what it does not know.
pub(super) fn osinfo(version: &WindowsVersion) -> &'static str {
    match (version.release(), version.major, version.minor) {
        ("xp", 5, 1) => "winxp",
        ("xp", 5, 2) => "winxp",
        ("2k3", ..) => "win2k3",
        ("2k8", ..) if version.is_server() => "win2k8",
        ("2k8", ..) => "winvista",
        ("w7", ..) => "win7",
        ("2k8R2", ..) => "win2k8r2",
        ("w8", ..) => "win8",
        ("2k12", ..) => "win2k12",
        ("w8.1", ..) => "win8.1",
        ("2k12R2", ..) => "win2k12r2",
        ("w10", ..) => "win10",
        ("w11", ..) => "win11",
        ("2k16", ..) => "win2k16",
        ("2k19", ..) => "win2k19",
        ("2k22", ..) => "win2k22",
        ("2k25", ..) => "win2k25",
        _ => "",
    }
}
