//! Programs that h2k starts, and KVM, which they use.

use super::version;
use super::{Finding, Host, Packages};

/// Oldest QEMU that is known to work. Older ones lack what `qemu-img convert` and the boot test rely on.
const OLDEST_QEMU: (u32, u32) = (7, 0);

const QEMU: Packages = Packages { debian: "qemu-system-x86", fedora: "qemu-kvm", suse: "qemu-x86" };
const QEMU_IMG: Packages = Packages { debian: "qemu-utils", fedora: "qemu-img", suse: "qemu-img" };
const SWTPM: Packages = Packages { debian: "swtpm", fedora: "swtpm", suse: "swtpm" };
const LIBVIRT: Packages = Packages {
    debian: "libvirt-clients libxml2-utils",
    fedora: "libvirt-client libxml2",
    suse: "libvirt-client libxml2-tools",
};

pub(super) fn kvm(host: &dyn Host) -> Finding {
    match host.kvm() {
        Ok(()) => Finding::ok("runs a guest"),
        Err(why) => Finding::warn(
            "runs no guest: the appliance and the boot test are emulated, which takes longer",
        )
        .detail(why)
        .advice(
            "on a real machine, load kvm_intel or kvm_amd and join the group kvm; in a VM, switch on nested \
                 virtualisation",
        ),
    }
}

pub(super) fn qemu(host: &dyn Host) -> Finding {
    at_least(host, "qemu-system-x86_64", QEMU)
}

pub(super) fn qemu_img(host: &dyn Host) -> Finding {
    at_least(host, "qemu-img", QEMU_IMG)
}

fn at_least(host: &dyn Host, program: &str, packages: Packages) -> Finding {
    let text = match host.says(program, &["--version"]) {
        Ok(text) => text,
        Err(e) => return Finding::fail(e.to_string()).install(packages),
    };
    let line = version::line(&text);
    match version::of(line) {
        Some(found) if found >= OLDEST_QEMU => Finding::ok(line),
        Some(_) => {
            Finding::fail(format!("{line}: older than {}.{}", OLDEST_QEMU.0, OLDEST_QEMU.1)).install(packages)
        }
        None => Finding::warn(format!("its version cannot be read: {line}")),
    }
}

pub(super) fn swtpm(host: &dyn Host) -> Finding {
    match host.says("swtpm", &["--version"]) {
        Ok(text) => Finding::ok(version::line(&text)),
        Err(e) => Finding::warn(format!("{e}: VMs with a TPM cannot be boot-tested")).install(SWTPM),
    }
}

/// virt-xml-validate is a script around xmllint: both are needed.
pub(super) fn schemas(host: &dyn Host) -> Finding {
    let version = host.says("virt-xml-validate", &["--version"]);
    let lint = host.says("xmllint", &["--version"]);
    match (version, lint) {
        (Ok(text), Ok(_)) => Finding::ok(version::line(&text)),
        (Err(e), _) | (_, Err(e)) => {
            Finding::warn(format!("{e}: the domain XML is not checked against libvirt's schema"))
                .install(LIBVIRT)
        }
    }
}
