//! Is KVM proven? `/dev/kvm` may be there and usable and yet not run a guest: on some cloud machines QEMU aborts with
//! it, on others the guest hangs, and on others again (those whose KVM is made of page tables alone, kvm-pvm) the kernel
//! of a guest is emulated instruction by instruction, a thousand times slower than QEMU's own emulation. So a guest of
//! 512 bytes runs first. It goes into 64-bit mode and counts there, as a kernel would; only its own answer counts, in
//! time.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::exec::{Exec, ExecError};
use crate::state::owner::boot_id;

use super::verdict::Accel;

/// What the guest writes to the exit device. QEMU's status is twice that and one (hw/misc/debugexit.c).
const ANSWER: u8 = 0x2a;
/// A working KVM answers within a tenth of it, QEMU's own emulation in a fifth.
const LIMIT: Duration = Duration::from_secs(3);
/// Rounds of three instructions that the guest counts: a hundredth of a second for a processor, many minutes for KVM
/// where it emulates each of them.
const ROUNDS: u32 = 20_000_000;
/// Bytes of a boot sector.
const SECTOR: usize = 512;
/// Bytes of the image. SeaBIOS reads by cylinder, and a disk of less than one has none.
const IMAGE: u64 = 1 << 20;

static PROOF: OnceLock<Result<(), String>> = OnceLock::new();

/// Does KVM run a guest here? Tried once per process, and not again for an hour: the VMs of a batch have a process each.
pub fn proven() -> bool {
    proof().is_ok()
}

/// The proof, or why there is none.
pub fn proof() -> &'static Result<(), String> {
    PROOF.get_or_init(|| {
        if !Path::new("/dev/kvm").exists() {
            return Err("there is no /dev/kvm".to_owned());
        }
        let place = cache();
        if let Some(kept) = place.as_deref().and_then(Kept::read) {
            return kept.why_not.map_or(Ok(()), Err);
        }
        let proof = try_guest(Accel::Kvm, LIMIT);
        if let (Some(place), Some(kept)) = (place, Kept::now(&proof)) {
            // Where it cannot be kept, the next process tries again.
            let _tried_again = kept.write(&place);
        }
        proof
    })
}

/// How long a proof is kept: a machine that was too busy for it gets another chance.
const KEPT: Duration = Duration::from_secs(3600);

/// A proof of an earlier process on this host.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// The boot of the host that it was made in.
    boot: String,
    /// Size and time of QEMU's program, and of the device: another QEMU, or other rights, are tried anew.
    seen: Vec<(u64, i64)>,
    /// Why KVM was not proven, if so.
    why_not: Option<String>,
}

impl Kept {
    fn now(proof: &Result<(), String>) -> Option<Self> {
        let boot = boot_id().ok()?;
        let qemu = std::env::split_paths(&std::env::var_os("PATH")?)
            .map(|dir| dir.join("qemu-system-x86_64"))
            .find(|file| file.exists())?;
        let seen = [qemu.as_path(), Path::new("/dev/kvm")]
            .iter()
            .map(|path| fs::metadata(path).map(|m| (m.len(), m.ctime())))
            .collect::<Result<_, _>>()
            .ok()?;
        Some(Self { boot, seen, why_not: proof.clone().err() })
    }

    /// What is kept, as long as it holds.
    fn read(place: &Path) -> Option<Self> {
        let age = SystemTime::now().duration_since(fs::metadata(place).ok()?.modified().ok()?).ok()?;
        let kept: Self = serde_json::from_slice(&fs::read(place).ok()?).ok()?;
        let now = Self::now(&Ok(()))?;
        (age < KEPT && kept.boot == now.boot && kept.seen == now.seen).then_some(kept)
    }

    fn write(&self, place: &Path) -> std::io::Result<()> {
        let dir = place.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(dir)?;
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        serde_json::to_writer(&mut file, self)?;
        file.persist(place)?;
        Ok(())
    }
}

/// Where the proof is kept (XDG Base Directory Specification): of this user alone.
fn cache() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let dir = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    Some(dir.join("h2k/kvm.json"))
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

/// The test guest's boot sector. The firmware puts it at 0x7c00.
fn code() -> Vec<u8> {
    let [a, b, c, d] = ROUNDS.to_le_bytes();
    let parts: &[&[u8]] = &[
        // 16 bits: cli, cld; ax, ds, es, ss = 0, sp = 0x7c00.
        &[0xfa, 0xfc, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x7c],
        // Page tables at 0x1000, emptied: edi = 0x1000, ecx = 0xc00, eax = 0, rep stosd.
        &[0x66, 0xbf, 0x00, 0x10, 0x00, 0x00, 0x66, 0xb9, 0x00, 0x0c, 0x00, 0x00],
        &[0x66, 0x31, 0xc0, 0x67, 0x66, 0xf3, 0xab],
        // [0x1000] = 0x2007, [0x2000] = 0x3007, [0x3000] = 0x87: the first 2 MiB are where they are.
        &[0x66, 0xc7, 0x06, 0x00, 0x10, 0x07, 0x20, 0x00, 0x00],
        &[0x66, 0xc7, 0x06, 0x00, 0x20, 0x07, 0x30, 0x00, 0x00],
        &[0x66, 0xc7, 0x06, 0x00, 0x30, 0x87, 0x00, 0x00, 0x00],
        // cr3 = 0x1000; cr4 |= PAE; EFER (0xc0000080) |= LME.
        &[0x66, 0xb8, 0x00, 0x10, 0x00, 0x00, 0x0f, 0x22, 0xd8],
        &[0x0f, 0x20, 0xe0, 0x0c, 0x20, 0x0f, 0x22, 0xe0],
        &[0x66, 0xb9, 0x80, 0x00, 0x00, 0xc0, 0x0f, 0x32, 0x80, 0xcc, 0x01, 0x0f, 0x30],
        // lgdt [0x7cb0]; cr0 |= PG | PE; far jump to 8:0x7c6f.
        &[0x0f, 0x01, 0x16, 0xb0, 0x7c],
        &[0x0f, 0x20, 0xc0, 0x66, 0x0d, 0x01, 0x00, 0x00, 0x80, 0x0f, 0x22, 0xc0],
        &[0xea, 0x6f, 0x7c, 0x08, 0x00],
        // 64 bits: ds, es, ss = 0x10, esp = 0x7c00.
        &[0xb8, 0x10, 0x00, 0x00, 0x00, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x7c, 0x00, 0x00],
        // ecx = ROUNDS; again: [0x4000] += ecx, ecx -= 1, jnz again.
        &[0xb9, a, b, c, d, 0x01, 0x0c, 0x25, 0x00, 0x40, 0x00, 0x00, 0xff, 0xc9, 0x75, 0xf5],
        // out 0xf4, ANSWER; stop: hlt, jmp stop. Two bytes to the next multiple of eight.
        &[0xb0, ANSWER, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd, 0x90, 0x90],
        // Segment descriptors: none, 64-bit code, data.
        &[0; 8],
        &[0, 0, 0, 0, 0, 0x9a, 0x20, 0],
        &[0, 0, 0, 0, 0, 0x92, 0, 0],
        // Their size less one, and where they are: 0x7c98.
        &[0x17, 0x00, 0x98, 0x7c, 0x00, 0x00],
    ];
    parts.concat()
}

fn image() -> std::io::Result<tempfile::NamedTempFile> {
    let mut sector = code();
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
    fn the_far_jump_and_the_tables_are_where_the_code_says() {
        let code = code();
        let long_mode = code.windows(5).position(|w| w == [0xb8, 0x10, 0, 0, 0]).unwrap();
        assert_eq!(long_mode, 0x6f);
        assert_eq!(code.len(), 0xb0 + 6);
        assert_eq!(code.get(0xa5), Some(&0x9a));
    }

    #[test]
    fn a_proof_is_kept_for_this_boot_and_this_qemu() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("h2k/kvm.json");
        let Some(kept) = Kept::now(&Err("too slow".to_owned())) else { return };
        assert_eq!(Kept::read(&place), None);
        kept.write(&place).unwrap();
        assert_eq!(Kept::read(&place).unwrap().why_not.as_deref(), Some("too slow"));
        Kept { boot: "another".to_owned(), ..kept }.write(&place).unwrap();
        assert_eq!(Kept::read(&place), None);
        fs::write(&place, "{").unwrap();
        assert_eq!(Kept::read(&place), None);
    }

    #[test]
    fn kvm_is_proven_only_by_the_answer() {
        // Where KVM works this passes too: what matters is that it ends, and twice alike.
        let first = proof();
        assert_eq!(first.is_ok(), proven());
        assert!(first.as_ref().err().is_none_or(|why| !why.is_empty()));
    }
}
