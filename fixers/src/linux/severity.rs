//! How much a mount weighs that cannot be settled.

use crate::Severity;

/// Mount points without which a system does not come up.
const NEEDED: [&str; 8] = ["/", "/boot", "/boot/efi", "/efi", "/usr", "/var", "/var/log", "/etc"];

/// Severity of a mount that will fail. systemd.mount(5): `noauto` and `nofail` keep a mount from stopping the boot.
pub(crate) fn of_mount(mountpoint: &str, options: &str) -> Severity {
    let has = |wanted: &str| options.split(',').any(|option| option == wanted);
    if has("noauto") {
        Severity::Information
    } else if NEEDED.contains(&mountpoint) && !has("nofail") {
        Severity::Critical
    } else {
        Severity::Warning
    }
}
