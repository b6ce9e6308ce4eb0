//! What a VMX says of the machine itself: firmware, CPUs, memory, identifiers.

use super::dictionary::Dictionary;
use super::ids::{bios_uuid, generation_id};
use crate::source::{Firmware, SourceVm, Tristate};

/// Bytes of the unit of `memSize`.
const MIB: u64 = 1 << 20;

/// Fills in `vm` from `dictionary`.
pub(super) fn describe(dictionary: &Dictionary, vm: &mut SourceVm) {
    vm.uuid = identifier(dictionary, "uuid.bios", &mut vm.warnings);
    vm.genid = dictionary
        .number("vm.genid")
        .zip(dictionary.number("vm.genidX"))
        .map(|(genid, genid_x)| generation_id(genid, genid_x));
    vm.guest_os = dictionary.text("guestOS").map(str::to_owned);
    vm.nvram = dictionary.text("nvram").map(str::to_owned);
    vm.disk_uuids_visible = dictionary.switch("disk.EnableUUID");
    firmware(dictionary, vm);
    processors(dictionary, vm);
    memory(dictionary, vm);
    vm.features = dictionary.settings().features();
}

fn identifier(dictionary: &Dictionary, name: &str, warnings: &mut Vec<String>) -> Option<String> {
    let value = dictionary.text(name)?;
    let uuid = bios_uuid(value);
    if uuid.is_none() {
        warnings.push(format!("{name} = {value:?} is no UUID and is left out"));
    }
    uuid
}

/// `firmware`, `uefi.secureBoot.enabled` and the virtual TPM. What a VMX does not mention of these is off:
/// VMware writes the keys only for what differs from its defaults.
fn firmware(dictionary: &Dictionary, vm: &mut SourceVm) {
    vm.firmware = match dictionary.text("firmware") {
        None => Firmware::Bios,
        Some(word) if word.eq_ignore_ascii_case("bios") => Firmware::Bios,
        Some(word) if word.eq_ignore_ascii_case("efi") => Firmware::Uefi,
        Some(word) => {
            vm.warnings.push(format!("firmware = {word:?} is neither \"bios\" nor \"efi\""));
            Firmware::Unknown
        }
    };
    let on = |name| dictionary.switch(name) == Tristate::Yes;
    vm.secure_boot = if on("uefi.secureBoot.enabled") { Tristate::Yes } else { Tristate::No };
    // Workstation and Fusion add a TPM on their own and say so in this key ("software").
    let added = dictionary.text("managedVM.autoAddVTPM").is_some();
    vm.tpm = if on("vtpm.present") || added { Tristate::Yes } else { Tristate::No };
}

fn processors(dictionary: &Dictionary, vm: &mut SourceVm) {
    // One CPU is what VMware gives a VM whose VMX does not name a number.
    vm.vcpus = match dictionary.text("numvcpus") {
        None => Some(1),
        Some(_) => positive(dictionary, "numvcpus", &mut vm.warnings),
    };
    vm.cores_per_socket = positive(dictionary, "cpuid.coresPerSocket", &mut vm.warnings);
    if let (Some(vcpus), Some(cores)) = (vm.vcpus, vm.cores_per_socket)
        && vcpus % cores != 0
    {
        vm.warnings.push(format!("{vcpus} vCPUs cannot be split into sockets of {cores} cores: no topology"));
        vm.cores_per_socket = None;
    }
}

fn memory(dictionary: &Dictionary, vm: &mut SourceVm) {
    let Some(text) = dictionary.text("memSize") else { return };
    vm.memory_bytes =
        dictionary.number::<u64>("memSize").filter(|m| *m > 0).and_then(|mib| mib.checked_mul(MIB));
    if vm.memory_bytes.is_none() {
        vm.warnings.push(format!("memSize = {text:?} is no number of MiB"));
    }
}

fn positive(dictionary: &Dictionary, name: &str, warnings: &mut Vec<String>) -> Option<u32> {
    let text = dictionary.text(name)?;
    let value = dictionary.number(name).filter(|n| *n > 0);
    if value.is_none() {
        warnings.push(format!("{name} = {text:?} is no positive number"));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceKind;

    fn described(text: &str) -> SourceVm {
        let mut vm = SourceVm::new("x", SourceKind::Vmx, "x.vmx");
        describe(&Dictionary::parse(text.as_bytes()).0, &mut vm);
        vm
    }

    #[test]
    fn an_empty_vmx_has_what_vmware_gives_it() {
        let vm = described("");
        assert_eq!(vm.firmware, Firmware::Bios);
        assert_eq!((vm.secure_boot, vm.tpm), (Tristate::No, Tristate::No));
        assert_eq!((vm.vcpus, vm.cores_per_socket, vm.memory_bytes), (Some(1), None, None));
        assert_eq!(vm.warnings, Vec::<String>::new());
    }

    #[test]
    fn a_tpm_in_either_spelling() {
        assert_eq!(described("vtpm.present = \"TRUE\"").tpm, Tristate::Yes);
        assert_eq!(described("managedVM.autoAddVTPM = \"software\"").tpm, Tristate::Yes);
        assert_eq!(described("vtpm.present = \"FALSE\"").tpm, Tristate::No);
    }

    #[test]
    fn nonsense_stays_unknown_with_a_warning() {
        let vm = described(
            "firmware = \"coreboot\"\nnumvcpus = \"0\"\nmemSize = \"lots\"\nuuid.bios = \"1\"\ncpuid.coresPerSocket = \"-1\"",
        );
        assert_eq!(vm.firmware, Firmware::Unknown);
        assert_eq!((vm.vcpus, vm.memory_bytes, vm.uuid, vm.cores_per_socket), (None, None, None, None));
        assert_eq!(vm.warnings.len(), 5);
    }

    #[test]
    fn a_topology_that_does_not_divide_is_dropped() {
        let vm = described("numvcpus = \"4\"\ncpuid.coresPerSocket = \"3\"");
        assert_eq!((vm.vcpus, vm.cores_per_socket, vm.warnings.len()), (Some(4), None, 1));
        let vm = described("numvcpus = \"4\"\ncpuid.coresPerSocket = \"2\"");
        assert_eq!(vm.cores_per_socket, Some(2));
    }

    #[test]
    fn passed_through_devices_are_named() {
        let vm = described("pciPassthru0.present = \"TRUE\"\npciPassthru1.present = \"FALSE\"");
        let names: Vec<&str> = vm.features.host_devices.iter().map(|d| d.name.as_str()).collect();
        assert_eq!(names, ["pcipassthru0"]);
    }
}
