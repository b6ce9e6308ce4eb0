//! Is KVM proven? `/dev/kvm` may be there and usable and yet not run a guest: on some cloud machines QEMU aborts with
//! it, on others the guest hangs. So a guest of 512 bytes runs first, and only its own answer counts.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use crate::exec::{Exec, ExecError};

use super::verdict::Accel;

/// What the guest writes to the exit device. QEMU's status is twice that and one (hw/misc/debugexit.c).
const ANSWER: u8 = 0x2a;
/// A working KVM answers within a tenth of it.
const LIMIT: Duration = Duration::from_secs(5);
/// Bytes of a boot sector.
const SECTOR: usize = 512;
/// Bytes of the image. SeaBIOS reads by cylinder, and a disk of less than one has none.
const IMAGE: u64 = 1 << 20;

static PROOF: OnceLock<Result<(), String>> = OnceLock::new();

/// Does KVM run a guest here? Tried once per process.
pub fn proven() -> bool {
    proof().is_ok()
}

/// The proof, or why there is none.
pub fn proof() -> &'static Result<(), String> {
    PROOF.get_or_init(|| match Path::new("/dev/kvm").exists() {
        true => try_guest(Accel::Kvm, LIMIT),
        false => Err("there is no /dev/kvm".to_owned()),
    })
}

/// Runs the small guest.
fn try_guest(accel: Accel, limit: Duration) -> Result<(), String> {
    let image = image().map_err(|e| format!("no image for the test guest could be written: {e}"))?;
    let Some(path) = image.path().to_str() else {
        return Err("the temporary directory is not UTF-8".to_owned());
    };
    let (accel, cpu) = match accel {
        Accel::Kvm => ("kvm", "host"),
        Accel::Tcg => ("tcg", "max"),
    };
    let disk = serde_json::json!({
        "driver": "raw", "node-name": "disk", "read-only": true,
        "file": { "driver": "file", "filename": path, "read-only": true },
    });
    let result = Exec::new("qemu-system-x86_64")
        .args([
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-machine",
            "pc",
            "-m",
            "32",
            "-no-reboot",
        ])
        .args(["-accel", accel, "-cpu", cpu, "-blockdev", &disk.to_string()])
        .args(["-device", "virtio-blk-pci,drive=disk,bootindex=1"])
        .args(["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"])
        .timeout(limit)
        .run();
    match result {
        Err(ExecError::Failed { status, .. }) if status.code() == Some(i32::from(ANSWER) * 2 + 1) => Ok(()),
        Err(ExecError::TimedOut { .. }) => {
            Err(format!("a test guest gave no answer within {} s", limit.as_secs()))
        }
        Err(error) => Err(error.to_string().lines().collect::<Vec<_>>().join(" ")),
        Ok(_) => Err("a test guest ended without its answer".to_owned()),
    }
}

/// `mov al, 0x2a; out 0xf4, al; hlt; jmp $-1`.
fn image() -> std::io::Result<tempfile::NamedTempFile> {
    let code = [0xb0, ANSWER, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd];
    let mut sector: Vec<u8> = code.to_vec();
    sector.resize(SECTOR - 2, 0);
    sector.extend([0x55, 0xaa]);
    let mut file = tempfile::NamedTempFile::with_prefix("h2k-kvm-")?;
    std::io::Write::write_all(&mut file, &sector)?;
    file.as_file().set_len(IMAGE)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_small_guest_answers_where_guests_run() {
        // Time enough for a busy machine: here it is not the time that is tested.
        try_guest(Accel::Tcg, Duration::from_secs(60)).unwrap();
    }

    #[test]
    fn kvm_is_proven_only_by_the_answer() {
        // Where KVM works this passes too: what matters is that it ends, and twice alike.
        let first = proof();
        assert_eq!(first.is_ok(), proven());
        assert!(first.as_ref().err().is_none_or(|why| !why.is_empty()));
    }
}
