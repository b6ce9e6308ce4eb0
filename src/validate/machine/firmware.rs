//! Where distributions keep OVMF. The variables are copied, so that what the guest writes is thrown away.

use std::path::{Path, PathBuf};

/// OVMF's two parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ovmf {
    /// The code, read-only.
    pub code: PathBuf,
    /// The variables: in the table the template, in a run the copy.
    pub vars: PathBuf,
    /// Both are qcow2 images rather than raw.
    pub qcow2: bool,
}

/// A pair in the table: code, variables.
type Pair = (&'static str, &'static str);

/// Without Secure Boot, newest layout first.
const PLAIN: &[Pair] = &[
    // Debian, Ubuntu.
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    // Fedora, RHEL.
    ("/usr/share/edk2/ovmf/OVMF_CODE_4M.qcow2", "/usr/share/edk2/ovmf/OVMF_VARS_4M.qcow2"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.cc.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    // SUSE.
    ("/usr/share/qemu/ovmf-x86_64-4m-code.bin", "/usr/share/qemu/ovmf-x86_64-4m-vars.bin"),
    ("/usr/share/qemu/ovmf-x86_64-code.bin", "/usr/share/qemu/ovmf-x86_64-vars.bin"),
    // Arch.
    ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
    ("/usr/share/edk2-ovmf/x64/OVMF_CODE.fd", "/usr/share/edk2-ovmf/x64/OVMF_VARS.fd"),
    // Older Debian and Ubuntu.
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
];

/// With Secure Boot, the system management mode that guards it, and Microsoft's keys enrolled.
const SECURE: &[Pair] = &[
    ("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE_4M.secboot.qcow2", "/usr/share/edk2/ovmf/OVMF_VARS_4M.secboot.qcow2"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.secboot.fd", "/usr/share/edk2/ovmf/OVMF_VARS.secboot.fd"),
    ("/usr/share/qemu/ovmf-x86_64-smm-ms-code.bin", "/usr/share/qemu/ovmf-x86_64-smm-ms-vars.bin"),
    ("/usr/share/OVMF/OVMF_CODE.secboot.fd", "/usr/share/OVMF/OVMF_VARS.ms.fd"),
];

/// The first pair that is installed.
pub fn find(secure_boot: bool) -> Option<Ovmf> {
    let table = if secure_boot { SECURE } else { PLAIN };
    table
        .iter()
        .find(|(code, vars)| Path::new(code).is_file() && Path::new(vars).is_file())
        .map(|(code, vars)| Ovmf { code: code.into(), vars: vars.into(), qcow2: code.ends_with(".qcow2") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_both() {
        assert!(find(false).is_some());
        assert!(find(true).is_some());
    }

    #[test]
    fn both_parts_have_one_format() {
        for (code, vars) in PLAIN.iter().chain(SECURE) {
            assert_eq!(code.ends_with(".qcow2"), vars.ends_with(".qcow2"));
        }
    }
}
