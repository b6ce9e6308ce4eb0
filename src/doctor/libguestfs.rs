//! libguestfs: the small VM ("appliance") through which guests are read and repaired. supermin builds it from this
//! host's kernel and packages when it is first used; guestfs(3), supermin(1).

use std::path::{Path, PathBuf};

use super::version;
use super::{Finding, Host, Packages};

/// Oldest libguestfs that is known to work.
const OLDEST: (u32, u32) = (1, 44);

/// Where distributions keep what the appliance is built from.
const SUPERMIN_D: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/guestfs/supermin.d",
    "/usr/lib64/guestfs/supermin.d",
    "/usr/lib/guestfs/supermin.d",
];

const LIBRARY: Packages =
    Packages { debian: "libguestfs-tools", fedora: "libguestfs guestfs-tools", suse: "libguestfs" };
const SUPERMIN: Packages = Packages { debian: "supermin", fedora: "supermin", suse: "supermin" };
const KERNEL: Packages = Packages {
    debian: "linux-image-amd64 or linux-image-generic",
    fedora: "kernel-core",
    suse: "kernel-default",
};
const XFS: Packages =
    Packages { debian: "libguestfs-xfs", fedora: "libguestfs-xfs", suse: "libguestfs-appliance" };
const NTFS: Packages = Packages { debian: "ntfs-3g", fedora: "libguestfs-winsupport", suse: "ntfs-3g" };

/// A fixed appliance needs neither supermin nor a kernel: guestfs(3), "FIXED APPLIANCE".
fn fixed(host: &dyn Host) -> Option<PathBuf> {
    let dir = PathBuf::from(host.variable("LIBGUESTFS_PATH")?);
    host.list(&dir).is_ok_and(|files| files.iter().any(|f| f.ends_with("README.fixed"))).then_some(dir)
}

pub(super) fn library(host: &dyn Host) -> Finding {
    // h2k is linked to the library: what can be missing is the tool that tells its version.
    let text = match host.says("guestfish", &["--version"]) {
        Ok(text) => text,
        Err(e) => return Finding::warn(format!("its version is unknown: {e}")).install(LIBRARY),
    };
    let line = version::line(&text);
    match version::of(line) {
        Some(found) if found < OLDEST => {
            Finding::warn(format!("{line}: older than {}.{}", OLDEST.0, OLDEST.1)).install(LIBRARY)
        }
        _ => Finding::ok(line),
    }
}

pub(super) fn supermin(host: &dyn Host) -> Finding {
    if let Some(dir) = fixed(host) {
        return Finding::ok(format!("not needed: a fixed appliance is in {}", dir.display()));
    }
    match host.says("supermin", &["--version"]) {
        Ok(text) => Finding::ok(version::line(&text)),
        Err(e) => Finding::fail(format!("{e}: the appliance cannot be built")).install(SUPERMIN),
    }
}

/// supermin takes a kernel of this host, as the user that runs it: `SUPERMIN_KERNEL`, then `/lib/modules/*/vmlinuz`,
/// then `/boot/vmlinuz-*`. Ubuntu's are readable by root only.
pub(super) fn kernel(host: &dyn Host) -> Finding {
    if fixed(host).is_some() {
        return Finding::ok("not needed: there is a fixed appliance");
    }
    let kernels = match kernels(host) {
        Ok(kernels) => kernels,
        Err(e) => return Finding::fail(format!("kernels cannot be listed: {e}")),
    };
    match (kernels.iter().rev().find(|k| host.readable(k)), kernels.last()) {
        (Some(kernel), _) => Finding::ok(kernel.display().to_string()),
        (None, Some(kernel)) => Finding::fail(format!("{} cannot be read by this user", kernel.display()))
            .advice("sudo chmod 0644 /boot/vmlinuz-* (again after each kernel update), or run h2k as root"),
        (None, None) => Finding::fail("there is no kernel in /boot or /lib/modules").install(KERNEL),
    }
}

fn kernels(host: &dyn Host) -> std::io::Result<Vec<PathBuf>> {
    if let Some(kernel) = host.variable("SUPERMIN_KERNEL") {
        return Ok(vec![PathBuf::from(kernel)]);
    }
    let is_kernel =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz-"));
    let mut kernels: Vec<PathBuf> = host.list(Path::new("/boot"))?.into_iter().filter(is_kernel).collect();
    for modules in host.list(Path::new("/lib/modules"))? {
        kernels.extend(host.list(&modules)?.into_iter().filter(|path| path.ends_with("vmlinuz")));
    }
    Ok(kernels)
}

/// Debian and Fedora keep XFS apart, in a file of its own beside the others; SUSE's list names xfsprogs itself.
pub(super) fn xfs(host: &dyn Host) -> Finding {
    match packed(host, "xfs", "xfsprogs") {
        Ok(Some(list)) => Finding::ok(list),
        Ok(None) => {
            Finding::warn("the appliance cannot read XFS: VMs with it are not inspected").install(XFS)
        }
        Err(e) => Finding::warn(e),
    }
}

/// Debian's list names ntfs-3g, Fedora keeps it apart; supermin takes it along only where the host has it.
pub(super) fn ntfs(host: &dyn Host) -> Finding {
    let without =
        |why: &str| Finding::warn(format!("{why}: VMs with Windows are not inspected")).install(NTFS);
    match packed(host, "winsupport", "ntfs-3g") {
        Ok(Some(list)) if fixed(host).is_some() || host.says("ntfs-3g", &["--version"]).is_ok() => {
            Finding::ok(list)
        }
        Ok(Some(_)) => without("ntfs-3g is not installed, the appliance cannot read NTFS"),
        Ok(None) => without("the appliance cannot read NTFS"),
        Err(e) => Finding::warn(e),
    }
}

/// Where it is said that the appliance holds a package: in a list of its own that ends in `list`, or in another.
///
/// # Errors
/// A directory of lists cannot be listed; why, in words.
fn packed(host: &dyn Host, list: &str, package: &str) -> Result<Option<String>, String> {
    if fixed(host).is_some() {
        return Ok(Some("as the fixed appliance was built".to_owned()));
    }
    for dir in SUPERMIN_D {
        let files = host.list(Path::new(dir)).map_err(|e| format!("{dir} cannot be listed: {e}"))?;
        let lists =
            |file: &PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().contains("packages"));
        for file in files.iter().filter(|file| lists(file)) {
            let named = file.to_string_lossy().ends_with(list);
            if named || host.read(file).is_ok_and(|text| text.lines().any(|line| line.trim() == package)) {
                return Ok(Some(file.display().to_string()));
            }
        }
    }
    Ok(None)
}
