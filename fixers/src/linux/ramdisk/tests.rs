//! From a guest that needs nothing: break one thing, expect the edits for it, carry them out, expect none.

use h2k_config::{DiskBus, Policy};

use crate::edit::Change;
use crate::facts::GuestFacts;
use crate::initramfs::{Compression, testing};
use crate::inspect::gather;
use crate::linux::testing::{facts, show, show_concerns};
use crate::{Edit, Fixer, GuestMut, MemoryGuest, Proposal};

use super::Initramfs;

mod append;
mod debian;
mod dracut;
mod kernels;
mod others;

const KERNEL: &str = "6.1.0-56-amd64";
const IMAGE: &str = "/boot/initrd.img-6.1.0-56-amd64";
const VIRTIO: &[&str] = &[
    "virtio",
    "virtio_ring",
    "virtio_pci",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_blk",
    "virtio_scsi",
    "virtio_net",
    "scsi_mod",
    "scsi_common",
    "sd_mod",
];

fn image(kernel: &str, modules: &[&str]) -> Vec<u8> {
    testing::pack(Compression::Gzip, &testing::modules(kernel, modules))
}

fn index(modules: &[&str]) -> String {
    modules.iter().map(|m| format!("kernel/drivers/{m}.ko:\n")).collect()
}

/// A kernel with all drivers as modules, and what is given in its initramfs.
fn with_kernel(guest: MemoryGuest, kernel: &str, image_path: &str, inside: &[&str]) -> MemoryGuest {
    guest
        .file(&format!("/boot/vmlinuz-{kernel}"), "")
        .file(image_path, image(kernel, inside))
        .file(&format!("/usr/lib/modules/{kernel}/modules.dep"), index(VIRTIO))
        .file(&format!("/usr/lib/modules/{kernel}/modules.builtin"), index(&["libata"]))
}

fn debian(inside: &[&str]) -> MemoryGuest {
    let guest = MemoryGuest::new()
        .file("/usr/sbin/mkinitramfs", "")
        .file("/usr/sbin/update-initramfs", "")
        .file("/etc/initramfs-tools/initramfs.conf", "MODULES=most\nCOMPRESS=zstd\n")
        .file("/etc/initramfs-tools/update-initramfs.conf", "update_initramfs=yes\nbackup_initramfs=no\n")
        .file("/etc/initramfs-tools/modules", "# List of modules\n");
    with_kernel(guest, KERNEL, IMAGE, inside)
}

const RHEL_KERNEL: &str = "5.14.0-427.el9.x86_64";
const RHEL_IMAGE: &str = "/boot/initramfs-5.14.0-427.el9.x86_64.img";

fn rhel(inside: &[&str]) -> MemoryGuest {
    with_kernel(MemoryGuest::new().file("/usr/bin/dracut", ""), RHEL_KERNEL, RHEL_IMAGE, inside)
}

fn facts_of(guest: &MemoryGuest) -> GuestFacts {
    let mut facts = facts();
    gather(guest, &mut facts).unwrap();
    facts
}

fn plan_for(guest: &MemoryGuest, bus: DiskBus) -> Proposal {
    let policy = Policy { disk_bus: bus, ..Policy::default() };
    Initramfs.plan(&facts_of(guest), guest, &policy).unwrap()
}

/// What the generator would do, as far as it matters: the image of a kernel. Programs name the kernel after an option,
/// or last.
fn generate(guest: &mut MemoryGuest, argv: &[String], path: &str) {
    let option = argv.iter().position(|a| a == "-k" || a == "--kernel-version");
    // Of update-initramfs both.
    let kernel = option.and_then(|at| argv.get(at + 1)).or(argv.last()).unwrap();
    let kernel = kernel.strip_prefix("vmlinuz-").unwrap_or(kernel);
    guest.put(path, &image(kernel, VIRTIO));
}

/// Plans, carries the edits out, looks at the guest anew, and plans again: there must be nothing left to do.
fn run_for(guest: &mut MemoryGuest, bus: DiskBus) -> Proposal {
    let proposal = plan_for(guest, bus);
    for edit in &proposal.edits {
        assert_eq!(edit.fixer, Initramfs.id());
        guest.apply(edit).unwrap();
        if let Change::Run { argv, changes } = &edit.change {
            assert!(!changes.is_empty());
            generate(guest, argv, &changes[0]);
        }
    }
    assert_eq!(plan_for(guest, bus).edits, Vec::<Edit>::new(), "not idempotent");
    proposal
}

fn run(guest: &mut MemoryGuest) -> Proposal {
    run_for(guest, DiskBus::VirtioBlk)
}

fn changes(edit: &Edit) -> Vec<&str> {
    assert!(matches!(edit.change, Change::Run { .. }));
    edit.paths()
}
