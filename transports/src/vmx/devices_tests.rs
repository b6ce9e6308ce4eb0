//! Tests of the disks and drives of a VMX.

use super::*;
use crate::source::SourceKind;

fn described(text: &str) -> (SourceVm, Vec<DiskFile>) {
    let mut vm = SourceVm::new("x", SourceKind::Vmx, "x.vmx");
    let disks = describe(&Dictionary::parse(text.as_bytes()).0, &mut vm);
    (vm, disks)
}

fn names(disks: &[DiskFile]) -> Vec<&str> {
    disks.iter().map(|d| d.file_name.as_str()).collect()
}

#[test]
fn disks_come_in_the_order_of_buses_controllers_and_units() {
    let mut text = String::new();
    for place in ["ide0:0", "sata0:1", "scsi1:0", "nvme0:0", "scsi0:10", "scsi0:2", "ide1:1"] {
        text.push_str(&format!("{place}.present = \"TRUE\"\n{place}.fileName = \"{place}\"\n"));
    }
    let (vm, disks) = described(&text);
    assert_eq!(names(&disks), ["scsi0:2", "scsi0:10", "scsi1:0", "nvme0:0", "sata0:1", "ide0:0", "ide1:1"]);
    assert_eq!(vm.warnings, Vec::<String>::new());
}

#[test]
fn absent_devices_and_controllers_are_left_out() {
    let (vm, disks) = described(
        "scsi0.present = \"TRUE\"\nscsi0:0.present = \"TRUE\"\nscsi0:0.fileName = \"a.vmdk\"\n\
         scsi0:1.present = \"FALSE\"\nscsi0:1.fileName = \"b.vmdk\"\n\
         sata0.present = \"FALSE\"\nsata0:0.present = \"TRUE\"\nsata0:0.fileName = \"c.vmdk\"\n\
         ide1:0.present = \"FALSE\"\nide1:0.deviceType = \"cdrom-image\"\nide1:0.fileName = \"d.iso\"\n",
    );
    assert_eq!(names(&disks), ["a.vmdk"]);
    assert_eq!(
        vm.warnings,
        [
            "scsi0:1 is not present: \"b.vmdk\" at scsi0:1 is left out",
            "sata0 is not present: \"c.vmdk\" at sata0:0 is left out",
        ]
    );
    assert!(vm.cdroms.is_empty());
}

#[test]
fn an_ide_disk_without_a_type_is_a_disk() {
    let (vm, disks) = described("ide0:0.present = \"TRUE\"\nide0:0.fileName = \"a.vmdk\"");
    assert_eq!(names(&disks), ["a.vmdk"]);
    assert!(vm.warnings.is_empty());
}

#[test]
fn a_disk_that_does_not_say_that_it_is_present_is_taken_with_a_warning() {
    let (vm, disks) = described("scsi0:0.fileName = \"a.vmdk\"\nscsi0:1.redo = \"\"\n");
    assert_eq!(names(&disks), ["a.vmdk"]);
    assert_eq!(vm.warnings, ["scsi0:0 does not say that it is present; \"a.vmdk\" is taken"]);
}

#[test]
fn drives_on_every_bus() {
    let (vm, disks) = described(
        "sata0:0.present = \"TRUE\"\nsata0:0.deviceType = \"cdrom-image\"\nsata0:0.fileName = \"a.iso\"\n\
         scsi0:6.present = \"TRUE\"\nscsi0:6.deviceType = \"cdrom-raw\"\nscsi0:6.fileName = \"auto detect\"\n\
         ide1:0.present = \"TRUE\"\nide1:0.deviceType = \"atapi-cdrom\"\n\
         floppy0.present = \"TRUE\"\nfloppy0.fileType = \"file\"\nfloppy0.fileName = \"a.flp\"\n",
    );
    assert!(disks.is_empty());
    let drives: Vec<_> = vm.cdroms.iter().map(|c| (c.slot.bus, c.slot.unit, c.image.as_deref())).collect();
    assert_eq!(drives, [(Bus::Scsi, 6, None), (Bus::Sata, 0, Some("a.iso")), (Bus::Ide, 0, None)]);
    assert_eq!(vm.floppies[0].image.as_deref(), Some("a.flp"));
}

#[test]
fn mapped_and_passed_through_devices_are_named() {
    let (vm, disks) = described(
        "scsi0:0.present = \"TRUE\"\nscsi0:0.deviceType = \"rawDisk\"\nscsi0:0.fileName = \"rdm.vmdk\"\n\
         scsi0:1.present = \"TRUE\"\nscsi0:1.deviceType = \"scsi-passthru\"\nscsi0:1.fileName = \"/dev/sg1\"\n\
         scsi0:2.present = \"TRUE\"\n",
    );
    assert_eq!(names(&disks), ["rdm.vmdk"]);
    assert_eq!(disks[0].traits.raw_mapping.as_deref(), Some("rawDisk"));
    assert_eq!(vm.warnings.len(), 2, "{:?}", vm.warnings);
    assert!(vm.warnings[0].contains("scsi-passthru"));
    assert_eq!(vm.warnings[1], "scsi0:2 names no file and is left out");
}

#[test]
fn controllers_give_model_and_mode_goes_along() {
    let (_, disks) = described(
        "scsi0.virtualDev = \"pvscsi\"\nscsi0:0.present = \"TRUE\"\nscsi0:0.fileName = \"a.vmdk\"\n\
         scsi0:0.mode = \"independent-persistent\"",
    );
    assert_eq!(disks[0].slot.model.as_deref(), Some("pvscsi"));
    assert_eq!(disks[0].mode.as_deref(), Some("independent-persistent"));
}
