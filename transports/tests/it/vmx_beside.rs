//! What lies beside a VMX: disks elsewhere, locks, suspend images, snapshots.

use std::fs;
use std::os::unix::fs::symlink;

use h2k_transports::{FetchErrorKind, PowerState, ScratchNeed, needs_scratch, recognise};

use crate::common::{Dir, disk_names, fixture, vmx_dir};

#[test]
fn snapshots_are_named() {
    let dir = vmx_dir("snapshots.vmx");
    dir.write("snapshots.vmsd", &fixture("vmx/snapshots.vmsd"));
    assert_eq!(dir.fetch("").unwrap().snapshots, ["installed", "before \"upgrade\""]);
}

#[test]
fn a_suspended_vm_says_so_or_has_an_image() {
    let vm = vmx_dir("suspended.vmx").fetch("suspended.vmx").unwrap();
    assert_eq!(vm.power, PowerState::Suspended);
    assert!(vm.warnings[0].contains("suspended-1a2b3c4d.vmss"), "{:?}", vm.warnings);
    let dir = vmx_dir("static-mac.vmx");
    dir.write("other.vmss", b"");
    assert_eq!(dir.fetch("static-mac.vmx").unwrap().power, PowerState::Off);
    // Images of other VMs in the same directory, whose names only begin alike.
    for other in [
        "static-mac2.vmss",
        "static-mac-2.vmss",
        "static-mac-1a2b3c4.vmss",
        "static-mac-1a2b3c4d5.vmss",
        "static-mac-1a2b3c4g.vmss",
        "static-mac1a2b3c4d.vmss",
        "static-mac-\u{fc}\u{fc}\u{fc}\u{fc}.vmss",
        "static-mac-1a2b3c4d.vmsn",
    ] {
        dir.write(other, b"");
        assert_eq!(dir.fetch("static-mac.vmx").unwrap().power, PowerState::Off, "{other}");
    }
    dir.write("static-mac-1a2b3c4d.vmss", b"");
    assert_eq!(dir.fetch("static-mac.vmx").unwrap().power, PowerState::Suspended);
    let dir = vmx_dir("static-mac.vmx");
    dir.write("static-mac.vmss", b"");
    assert_eq!(dir.fetch("static-mac.vmx").unwrap().power, PowerState::Suspended);
}

#[test]
fn locks_of_every_kind() {
    for lock in
        ["static-mac.vmx.lck", "static-mac.vmx.lck/M1.lck", "static-mac.vmdk.lck/M2.lck", ".lck-a1b2c3"]
    {
        let dir = vmx_dir("static-mac.vmx");
        dir.write(lock, b"");
        let vm = dir.fetch("static-mac.vmx").unwrap();
        assert_eq!(vm.power, PowerState::Locked, "{lock}");
        assert!(vm.warnings.iter().any(|w| w.contains("the VM is locked")), "{:?}", vm.warnings);
    }
    // A lock of a disk that is not this VM's does not count.
    let dir = vmx_dir("static-mac.vmx");
    dir.write("other.vmdk.lck/M1.lck", b"");
    assert_eq!(dir.fetch("static-mac.vmx").unwrap().power, PowerState::Off);
}

#[test]
fn disks_on_a_datastore_are_taken_from_beside_the_vmx() {
    let vm = vmx_dir("datastore-paths.vmx").fetch("datastore-paths.vmx").unwrap();
    assert_eq!(disk_names(&vm), ["datastore.vmdk", "datastore_1.vmdk"]);
    assert_eq!(vm.warnings.len(), 2);
    assert!(vm.warnings[0].contains("/vmfs/volumes/"), "{:?}", vm.warnings);
}

#[test]
fn disks_outside_are_refused() {
    let dir = Dir::with(&[("outside.vmx", &fixture("vmx/outside.vmx"))]);
    let error = dir.fetch("outside.vmx").unwrap_err();
    assert_eq!(error.kind(), FetchErrorKind::Unsafe);
    assert!(error.to_string().contains("etc/passwd"), "{error}");
    assert!(error.hint().unwrap().contains("disk files themselves"));
}

#[test]
fn links_that_lead_out_are_refused_and_others_are_followed() {
    let other = Dir::with(&[("real.vmdk", b"KDMV")]);
    let dir = Dir::with(&[("static-mac.vmx", &fixture("vmx/static-mac.vmx")), ("inner/real.vmdk", b"KDMV")]);
    symlink(other.path.join("real.vmdk"), dir.path.join("static-mac.vmdk")).unwrap();
    assert_eq!(dir.fetch("static-mac.vmx").unwrap_err().kind(), FetchErrorKind::Unsafe);
    fs::remove_file(dir.path.join("static-mac.vmdk")).unwrap();
    symlink("inner/real.vmdk", dir.path.join("static-mac.vmdk")).unwrap();
    assert_eq!(disk_names(&dir.fetch("static-mac.vmx").unwrap()), ["real.vmdk"]);
}

#[test]
fn a_link_to_a_vmx_finds_the_disks_beside_the_real_one() {
    let real = vmx_dir("static-mac.vmx");
    let dir = Dir::new();
    symlink(real.path.join("static-mac.vmx"), dir.path.join("link.vmx")).unwrap();
    assert_eq!(dir.fetch("link.vmx").unwrap().path, real.path.join("static-mac.vmx"));
}

#[test]
fn a_missing_disk_is_named() {
    let dir = Dir::with(&[("static-mac.vmx", &fixture("vmx/static-mac.vmx"))]);
    let error = dir.fetch("static-mac.vmx").unwrap_err();
    assert_eq!(error.kind(), FetchErrorKind::NotFound);
    assert!(error.to_string().contains("scsi0:0: the disk \"static-mac.vmdk\""), "{error}");
}

#[test]
fn an_encrypted_vmx_is_not_a_vm_without_disks() {
    let error = vmx_dir("encrypted.vmx").fetch("encrypted.vmx").unwrap_err();
    assert_eq!(error.kind(), FetchErrorKind::Unsupported);
    assert!(error.to_string().contains("encrypted"), "{error}");
}

#[test]
fn nothing_is_unpacked_for_a_vmx() {
    let dir = vmx_dir("static-mac.vmx");
    let source = recognise(&[dir.path.join("static-mac.vmx")]).unwrap();
    assert_eq!(needs_scratch(&source).unwrap(), ScratchNeed::Nothing);
    dir.fetch("static-mac.vmx").unwrap();
    assert!(!dir.scratch().exists());
}
