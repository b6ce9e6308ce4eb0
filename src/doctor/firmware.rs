//! OVMF, the UEFI firmware of QEMU.

use super::{Finding, Host, Packages};

const OVMF: Packages = Packages { debian: "ovmf", fedora: "edk2-ovmf", suse: "qemu-ovmf-x86_64" };

pub(super) fn plain(host: &dyn Host) -> Finding {
    found(host, false, "OVMF is not installed: VMs with UEFI cannot be boot-tested")
}

pub(super) fn secure(host: &dyn Host) -> Finding {
    let missing = "OVMF with Microsoft's keys is not installed: VMs with Secure Boot cannot be boot-tested";
    found(host, true, missing)
}

fn found(host: &dyn Host, secure_boot: bool, missing: &str) -> Finding {
    match host.ovmf(secure_boot) {
        Some(code) => Finding::ok(code.display().to_string()),
        None => Finding::warn(missing).install(OVMF),
    }
}
