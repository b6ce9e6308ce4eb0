//! Which disk a VMX has its firmware start: `bios.hddOrder`.

use super::devices::DiskFile;
use super::dictionary::Dictionary;
use crate::source::{Firmware, SourceVm};

/// Devices of an order that are looked at. VMware itself takes no more than 8 (KB 2011654).
const MAX_DEVICES: usize = 64;

/// The disk of `disks` that the BIOS tries first, if the VMX names one: `bios.hddOrder` lists devices
/// (`scsi0:1,scsi0:0`), which are tried one after the other (VMware KB 2011654, "Changing the boot order of a virtual
/// machine using vmx options").
///
/// `None` on EFI, whose boot entries are in its own variables.
pub(super) fn disk(dictionary: &Dictionary, disks: &[DiskFile], vm: &mut SourceVm) -> Option<usize> {
    let order = dictionary.text("bios.hddOrder").filter(|_| vm.firmware == Firmware::Bios)?;
    let place = |name: &str| disks.iter().position(|disk| disk.device().eq_ignore_ascii_case(name.trim()));
    let found = order.split(',').take(MAX_DEVICES).find_map(place);
    if found.is_none() {
        vm.warnings.push(format!("bios.hddOrder = {order:?} names no disk of the VM"));
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::vmx::describe;

    /// Disks at scsi0:0, scsi0:1 and ide0:0, in this order; a drive at sata0:0.
    const DISKS: &str = "scsi0:0.present = \"TRUE\"\nscsi0:0.fileName = \"a.vmdk\"\n\
                         scsi0:1.present = \"TRUE\"\nscsi0:1.fileName = \"b.vmdk\"\n\
                         ide0:0.present = \"TRUE\"\nide0:0.fileName = \"c.vmdk\"\n\
                         sata0:0.present = \"TRUE\"\nsata0:0.deviceType = \"cdrom-image\"\nsata0:0.fileName = \"d.iso\"\n";

    /// The boot disk of a VMX with these lines, and its warnings.
    fn boot_disk(lines: &str) -> (Option<usize>, Vec<String>) {
        let vm = describe(format!("{DISKS}{lines}\n").as_bytes(), Path::new("x.vmx")).vm;
        (vm.boot_disk, vm.warnings)
    }

    #[test]
    fn the_first_disk_that_is_there_is_started() {
        for (order, disk) in [
            ("scsi0:0", 0),
            ("scsi0:1,scsi0:0", 1),
            ("SCSI0:1", 1),
            (" ide0:0 , scsi0:0 ", 2),
            ("scsi0:7,sata0:0,,scsi0:1", 1),
        ] {
            let found = boot_disk(&format!("bios.hddOrder = \"{order}\""));
            assert_eq!(found, (Some(disk), Vec::new()), "{order}");
        }
    }

    #[test]
    fn an_order_that_names_no_disk_tells_nothing() {
        for order in ["scsi0:7", "sata0:0", "nonsense", ",", "scsi0", "scsi4294967296:0", "\u{fc}:0"] {
            let (disk, warnings) = boot_disk(&format!("bios.hddOrder = \"{order}\""));
            assert_eq!(disk, None, "{order}");
            assert_eq!(warnings, [format!("bios.hddOrder = {order:?} names no disk of the VM")]);
        }
    }

    #[test]
    fn without_an_order_and_on_efi_nothing_is_said() {
        for lines in [
            "",
            "bios.hddOrder = \"\"",
            "bios.bootOrder = \"cdrom,hdd\"",
            "firmware = \"efi\"\nbios.hddOrder = \"scsi0:1\"",
        ] {
            assert_eq!(boot_disk(lines), (None, Vec::new()), "{lines}");
        }
    }
}
