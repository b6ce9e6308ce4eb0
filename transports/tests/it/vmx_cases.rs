//! The VMX cases that any tool of this kind is put through, and the blind spots of other parsers.

use h2k_transports::{Bus, DiskFormat, Firmware, PowerState, SourceKind, SourceVm, Tristate};

use crate::common::{disk_names, vmx_of};

#[test]
fn a_stored_vm_without_a_boot_disk_is_still_read() {
    let mut vm = vmx_of("static-mac.vmx");
    assert_eq!(vm.boot_disk, None);
    let stored = serde_json::to_value(&vm).unwrap();
    assert_eq!(stored.get("boot_disk"), None);
    assert_eq!(serde_json::from_value::<SourceVm>(stored).unwrap(), vm);
    vm.boot_disk = Some(0);
    let stored = serde_json::to_value(&vm).unwrap();
    assert_eq!(serde_json::from_value::<SourceVm>(stored).unwrap(), vm);
}

#[test]
fn vmx_1_many_disks_on_two_controllers() {
    let vm = vmx_of("vmx-1-21-disks.vmx");
    let places: Vec<_> = vm.disks.iter().map(|d| (d.slot.controller, d.slot.unit)).collect();
    let expected: Vec<_> =
        (0..7).chain(8..16).map(|unit| (0, unit)).chain((0..6).map(|unit| (1, unit))).collect();
    assert_eq!(places, expected);
    assert!(vm.disks.iter().all(|d| d.slot.bus == Bus::Scsi && d.slot.model.as_deref() == Some("pvscsi")));
    assert_eq!(disk_names(&vm)[20], "many-disks_20.vmdk");
    let drive = &vm.cdroms[0].slot;
    assert_eq!((drive.bus, drive.controller * 2 + drive.unit), (Bus::Ide, 2));
    let nic = &vm.nics[0];
    assert_eq!((nic.mac.as_deref(), nic.model.as_deref()), (Some("00:0c:29:36:ef:31"), Some("vmxnet3")));
    assert_eq!((nic.pci_slot, nic.network.as_deref()), (Some(192), Some("VM Network")));
    assert_eq!((vm.kind, vm.power), (SourceKind::Vmx, PowerState::Off));
    assert_eq!(vm.uuid.as_deref(), Some("564d8f6f-4e42-cb4e-1358-ab6c1f36ef31"));
    assert_eq!(vm.warnings, Vec::<String>::new());
}

#[test]
fn vmx_2_a_mac_that_vcenter_generated_and_a_sata_drive() {
    let vm = vmx_of("vmx-2-vpx-address.vmx");
    assert_eq!(vm.disks.len(), 1);
    assert_eq!(vm.nics[0].mac.as_deref(), Some("00:50:56:9b:5f:0d"));
    assert!(!vm.nics[0].mac_static);
    assert_eq!(vm.cdroms[0].slot.bus, Bus::Sata);
    assert_eq!(vm.cdroms[0].image, None);
    assert_eq!(vm.floppies.len(), 1);
}

#[test]
fn vmx_3_uefi_without_secure_boot() {
    let vm = vmx_of("vmx-3-efi.vmx");
    assert_eq!((vm.firmware, vm.secure_boot), (Firmware::Uefi, Tristate::No));
    assert_eq!((vm.cdroms[0].slot.controller, vm.cdroms[0].slot.unit), (1, 0));
    assert_eq!(vm.nvram.as_deref(), Some("efi-guest.nvram"));
}

#[test]
fn vmx_4_windows_with_e1000() {
    let vm = vmx_of("vmx-4-windows-7.vmx");
    assert_eq!((vm.name.as_str(), vm.guest_os.as_deref()), ("Windows 7 x64", Some("windows7-64")));
    assert_eq!(vm.nics[0].model.as_deref(), Some("e1000"));
    assert_eq!(disk_names(&vm), ["Windows 7 x64.vmdk"]);
    assert_eq!((vm.firmware, vm.vcpus), (Firmware::Bios, Some(1)));
}

#[test]
fn vmx_5_workstation_with_lower_case_keys() {
    let vm = vmx_of("vmx-5-workstation.vmx");
    assert_eq!(vm.memory_bytes, Some(2 << 30));
    assert_eq!((vm.vcpus, vm.cores_per_socket), (Some(1), Some(1)));
    assert_eq!(vm.genid.as_deref(), Some("8312995e-57b8-f814-4013-c1ba795f05ba"));
    let nic = &vm.nics[0];
    assert_eq!((nic.model.as_deref(), nic.connection.as_deref()), (Some("e1000e"), Some("bridged")));
    // The VMX names no network; a name for it is PLAN's to find.
    assert_eq!(nic.network, None);
    assert_eq!(nic.start_connected, Tristate::Yes);
}

#[test]
fn vmx_6_nvme_only() {
    let vm = vmx_of("vmx-6-nvme.vmx");
    let buses: Vec<_> = vm.disks.iter().map(|d| d.slot.bus).collect();
    assert_eq!(buses, [Bus::Nvme]);
    assert!(vm.nics.is_empty());
}

#[test]
fn vmx_7_scsi_before_sata_with_secure_boot() {
    let vm = vmx_of("vmx-7-scsi-and-sata.vmx");
    let places: Vec<_> = vm.disks.iter().map(|d| (d.slot.bus, d.slot.unit)).collect();
    assert_eq!(places, [(Bus::Scsi, 0), (Bus::Sata, 3)]);
    assert_eq!((vm.vcpus, vm.memory_bytes), (Some(2), Some(4 << 30)));
    assert_eq!((vm.firmware, vm.secure_boot), (Firmware::Uefi, Tristate::Yes));
    assert_eq!(vm.genid.as_deref(), Some("2f0de9ad-5b7c-f4de-d53f-23b1115d28b9"));
    assert_eq!(vm.disk_uuids_visible, Tristate::Yes);
    assert_eq!(vm.cdroms[0].slot.bus, Bus::Sata);
}

#[test]
fn blind_spot_static_mac() {
    let vm = vmx_of("static-mac.vmx");
    assert_eq!((vm.nics[0].mac.as_deref(), vm.nics[0].mac_static), (Some("00:50:56:00:11:22"), true));
}

#[test]
fn blind_spot_absent_disk() {
    let vm = vmx_of("absent-disk.vmx");
    assert_eq!(disk_names(&vm), ["absent-disk.vmdk"]);
    assert!(vm.warnings[0].contains("\"gone.vmdk\""), "{:?}", vm.warnings);
}

#[test]
fn blind_spot_ide_disk_without_type() {
    let vm = vmx_of("ide-disk-without-type.vmx");
    assert_eq!((vm.disks[0].slot.bus, disk_names(&vm)[0].as_str()), (Bus::Ide, "ide-disk.vmdk"));
}

#[test]
fn blind_spot_drives_on_sata_and_scsi() {
    let vm = vmx_of("drives-on-sata-and-scsi.vmx");
    let drives: Vec<_> = vm.cdroms.iter().map(|c| (c.slot.bus, c.slot.unit, c.image.as_deref())).collect();
    assert_eq!(drives, [(Bus::Scsi, 5, None), (Bus::Sata, 1, Some("a.iso"))]);
}

#[test]
fn blind_spot_tpm() {
    let vm = vmx_of("tpm.vmx");
    assert_eq!((vm.tpm, vm.secure_boot), (Tristate::Yes, Tristate::Yes));
    assert_eq!(vm.features.encrypted, Tristate::Yes);
}

#[test]
fn blind_spot_snapshot_delta() {
    let vm = vmx_of("snapshots.vmx");
    assert_eq!(disk_names(&vm), ["snapshots-000002.vmdk"]);
    assert_eq!(vm.disks[0].format, Some(DiskFormat::Vmdk));
}

#[test]
fn blind_spot_windows_1252() {
    let vm = vmx_of("windows-1252.vmx");
    assert_eq!(vm.name, "Büro «alt»");
    assert_eq!(disk_names(&vm), ["Büro.vmdk"]);
    assert_eq!(vm.warnings, Vec::<String>::new());
}

#[test]
fn blind_spot_split_extents() {
    // The descriptor names its extents; the VMX names the descriptor only.
    assert_eq!(disk_names(&vmx_of("split-extents.vmx")), ["split.vmdk"]);
}

#[test]
fn blind_spot_enable_uuid() {
    assert_eq!(vmx_of("enable-uuid.vmx").disk_uuids_visible, Tristate::Yes);
}
