use super::*;
use crate::MemoryGuest;
use crate::facts::KernelFacts;
use crate::linux::testing::{ROOT, facts, run, show, show_concerns};

mod files;
mod grub;
mod legacy;
mod properties;
mod sealed;
mod variables;

/// The guest of [`facts`] with one file of the boot loader.
fn with(path: &str) -> GuestFacts {
    let mut facts = facts();
    let boot = &mut facts.bootloader;
    let list = match path {
        p if p.ends_with("grub.cfg") => &mut boot.grub_cfg,
        p if p.ends_with("grubenv") || p.ends_with("photon.cfg") => &mut boot.grubenv,
        p if p.starts_with("/boot/grub/") => &mut boot.grub_legacy,
        p if p.starts_with("/etc/default/grub") => &mut boot.grub_defaults,
        p if p.contains("/loader/entries/") => &mut boot.bls_entries,
        p if p.ends_with("/cmdline") => &mut boot.kernel_cmdline,
        p if p.contains("linux.conf") => &mut boot.extlinux,
        _ => return facts,
    };
    list.push(path.to_owned());
    facts
}

/// Plans for one file: the edits, and the concerns.
fn plan(path: &str, text: &str) -> (String, Vec<String>) {
    let mut guest = MemoryGuest::new().file(path, text);
    let proposal = run(&KernelArguments, &with(path), &mut guest);
    (show(&proposal.edits), show_concerns(&proposal))
}

fn stays(path: &str, text: &str) {
    assert_eq!(plan(path, text), (String::new(), Vec::new()), "{path}: {text}");
}

/// The one file after the edit, without concerns.
fn edited(path: &str, text: &str) -> String {
    let mut guest = MemoryGuest::new().file(path, text);
    let proposal = run(&KernelArguments, &with(path), &mut guest);
    assert_eq!(proposal.concerns, Vec::new());
    guest.read_text(path).unwrap().unwrap()
}

#[test]
fn a_guest_without_a_boot_loader_and_another_system_need_nothing() {
    let policy = Policy::default();
    assert_eq!(KernelArguments.plan(&facts(), &MemoryGuest::new(), &policy).unwrap(), Proposal::default());
    let mut facts = with("/boot/grub/grub.cfg");
    facts.systems[0].kind = "windows".to_owned();
    let guest = MemoryGuest::new().file("/boot/grub/grub.cfg", "linux /vmlinuz root=/dev/sda1\n");
    assert_eq!(KernelArguments.plan(&facts, &guest, &policy).unwrap(), Proposal::default());
}

#[test]
fn a_root_that_cannot_be_resolved_is_critical() {
    for root in [
        "/dev/sdb1",
        "/dev/sdc1",
        "/dev/hda1",
        "/dev/sda2",
        "8:17",
        "/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:1:0-part1",
    ] {
        let (edits, concerns) = plan("/etc/kernel/cmdline", &format!("root={root} ro\n"));
        assert_eq!(edits, "", "{root}");
        assert_eq!(concerns, ["Critical guest.boot.unresolved /etc/kernel/cmdline line 1"], "{root}");
    }
}

#[test]
fn one_concern_names_all_files() {
    let mut facts = with("/boot/grub/grub.cfg");
    facts.bootloader.kernel_cmdline.push("/etc/kernel/cmdline".to_owned());
    let guest = MemoryGuest::new()
        .file("/boot/grub/grub.cfg", "linux /a root=/dev/sdz1\nlinux /b root=/dev/sdz1\n")
        .file("/etc/kernel/cmdline", "root=/dev/sdz1");
    let proposal = KernelArguments.plan(&facts, &guest, &Policy::default()).unwrap();
    assert_eq!(
        show_concerns(&proposal),
        ["Critical guest.boot.unresolved /boot/grub/grub.cfg line 1, /etc/kernel/cmdline line 1"]
    );
    assert_eq!(
        proposal.concerns[0].message,
        "the kernel argument root=/dev/sdz1 stays: the VM has no such disk (it has 2)"
    );
}

#[test]
fn a_file_with_two_names_is_edited_once() {
    let mut facts = with("/boot/grub2/grubenv");
    facts.bootloader.grub_defaults = vec!["/etc/default/grub".to_owned(), "/etc/sysconfig/grub".to_owned()];
    let mut guest = MemoryGuest::new()
        .file("/etc/default/grub", "GRUB_CMDLINE_LINUX=\"root=/dev/sda1\"\n")
        .link("/etc/sysconfig/grub", "/etc/default/grub");
    let proposal = run(&KernelArguments, &facts, &mut guest);
    assert_eq!(proposal.edits.len(), 1);
}

#[test]
fn without_an_initramfs_the_kernel_understands_partition_uuids_only() {
    let mut facts = with("/etc/kernel/cmdline");
    facts.kernels = vec![kernel(Some("/boot/vmlinuz-6.1.0"))];
    facts.bootloader.grub_defaults = vec!["/etc/default/grub".to_owned()];
    let mut guest = MemoryGuest::new()
        .file("/etc/kernel/cmdline", "root=/dev/sda1")
        .file("/etc/default/grub", "GRUB_DISABLE_LINUX_UUID=true\n");
    let proposal = run(&KernelArguments, &facts, &mut guest);
    insta::assert_snapshot!(show(&proposal.edits), @r"
    write /etc/kernel/cmdline
    -root=/dev/sda1
    +root=PARTUUID=0b000000-01
    ");
}

fn kernel(image: Option<&str>) -> KernelFacts {
    let version = "6.1.0".to_owned();
    KernelFacts { version, image: image.map(str::to_owned), ..KernelFacts::default() }
}

#[test]
fn a_kernel_whose_image_was_not_found_may_have_an_initramfs() {
    let path = "/etc/kernel/cmdline";
    let mut facts = with(path);
    facts.kernels = vec![kernel(None)];
    let mut guest = MemoryGuest::new().file(path, "root=/dev/sda1");
    run(&KernelArguments, &facts, &mut guest);
    assert_eq!(guest.read_text(path).unwrap().unwrap(), format!("root=UUID={ROOT}"));
    facts.kernels = vec![kernel(Some("/boot/vmlinuz-linux"))];
    facts.bootloader.ukis = vec![crate::facts::UkiFacts::default()];
    let mut guest = MemoryGuest::new().file(path, "root=/dev/sda1");
    run(&KernelArguments, &facts, &mut guest);
    assert_eq!(guest.read_text(path).unwrap().unwrap(), format!("root=UUID={ROOT}"));
}

#[test]
fn the_reason_lists_what_changes() {
    let guest = MemoryGuest::new().file("/etc/kernel/cmdline", "root=/dev/sda1 resume=/dev/sda2");
    let proposal = KernelArguments.plan(&with("/etc/kernel/cmdline"), &guest, &Policy::default()).unwrap();
    assert_eq!(
        proposal.edits[0].reason,
        format!(
            "names of the old disk controllers do not hold on virtio: /dev/sda1 is UUID={ROOT}, \
             /dev/sda2 is UUID=0a000000-0000-4000-8000-000000000002"
        )
    );
}
