//! What an OVF says of the machine itself: CPUs, memory, firmware, TPM.

use super::envelope::VirtualSystem;
use super::item::Item;
use super::units::bytes_per_unit;
use crate::features::{Features, HostDevice, HostDeviceKind, Settings};
use crate::source::{Firmware, SourceVm, Tristate};

const PROCESSOR: u32 = 3;
const MEMORY: u32 = 4;
const SERIAL_PORT: u32 = 21;
const PARALLEL_PORT: u32 = 22;
const USB_CONTROLLER: u32 = 23;

/// Less memory than any guest has, in bytes: what a number of MiB without its unit looks like.
const IMPLAUSIBLE_MEMORY_BYTES: u64 = 1 << 20;

/// Fills in `vm` from `system`.
pub(super) fn describe(system: &VirtualSystem, vm: &mut SourceVm) {
    vm.guest_os.clone_from(&system.guest_os);
    processors(system, vm);
    vm.memory_bytes = first(system, MEMORY).and_then(|item| memory(item, &mut vm.warnings));
    firmware(system, vm);
    // An OVF lists all devices that the machine needs, so a TPM that is not listed is not there.
    let is_tpm = |item: &Item| item.subtype.as_deref().is_some_and(|s| s.eq_ignore_ascii_case("vmware.vtpm"));
    let has_tpm = system.items.iter().any(is_tpm) || setting(system, "vtpm.present") == Tristate::Yes;
    vm.tpm = if has_tpm { Tristate::Yes } else { Tristate::No };
    vm.disk_uuids_visible = setting(system, "disk.enableuuid");
    vm.features = Settings { keys: &system.settings, absent: Tristate::Unknown }.features();
    devices(system, &mut vm.features);
}

/// Devices that are items of their own.
fn devices(system: &VirtualSystem, features: &mut Features) {
    for item in &system.items {
        let subtype = item.subtype.as_deref().unwrap_or_default().to_ascii_lowercase();
        match item.kind {
            SERIAL_PORT | PARALLEL_PORT => features.ports.push(item.name.clone()),
            USB_CONTROLLER => features.usb_controllers.push(item.name.clone()),
            _ if subtype == "vmware.soundcard" => features.sound = Tristate::Yes,
            // Not `vmware.cdrom.remotepassthrough`, which is what an ordinary drive is called.
            _ if subtype.starts_with("vmware.pci.passthrough") => {
                features.host_devices.push(HostDevice { name: item.name.clone(), kind: HostDeviceKind::Pci })
            }
            _ => {}
        }
    }
}

fn first(system: &VirtualSystem, kind: u32) -> Option<&Item> {
    system.items.iter().find(|item| item.kind == kind)
}

fn processors(system: &VirtualSystem, vm: &mut SourceVm) {
    let Some(item) = first(system, PROCESSOR) else { return };
    vm.vcpus = item.quantity.and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
    vm.cores_per_socket = item.cores_per_socket.filter(|n| *n > 0);
    if let (Some(vcpus), Some(cores)) = (vm.vcpus, vm.cores_per_socket)
        && vcpus % cores != 0
    {
        vm.warnings.push(format!("{vcpus} vCPUs cannot be split into sockets of {cores} cores: no topology"));
        vm.cores_per_socket = None;
    }
}

fn memory(item: &Item, warnings: &mut Vec<String>) -> Option<u64> {
    let unit = item.units.as_deref().map_or(Some(1), bytes_per_unit);
    let bytes = item
        .quantity
        .zip(unit)
        .and_then(|(count, unit)| count.checked_mul(unit))
        .filter(|bytes| *bytes >= IMPLAUSIBLE_MEMORY_BYTES);
    if bytes.is_none() {
        warnings.push(format!(
            "the memory of {} {:?} is not understood",
            item.quantity.unwrap_or_default(),
            item.units.as_deref().unwrap_or("byte")
        ));
    }
    bytes
}

/// Firmware and Secure Boot, from VMware's settings or VirtualBox's section. VMware writes its firmware
/// setting into every OVF and the Secure Boot setting into those of machines that have it on; it means no
/// otherwise.
fn firmware(system: &VirtualSystem, vm: &mut SourceVm) {
    let word = system.settings.get("firmware").map(|word| word.trim().to_ascii_lowercase());
    vm.firmware = match word.as_deref() {
        Some("efi") => Firmware::Uefi,
        Some("bios") => Firmware::Bios,
        Some(other) => {
            vm.warnings.push(format!("firmware {other:?} is neither \"bios\" nor \"efi\""));
            Firmware::Unknown
        }
        None => system.virtualbox_firmware,
    };
    let stated =
        [setting(system, "bootoptions.efisecurebootenabled"), setting(system, "uefi.secureboot.enabled")];
    vm.secure_boot = if stated.contains(&Tristate::Yes) {
        Tristate::Yes
    } else if stated.contains(&Tristate::No) || word.is_some() || vm.firmware == Firmware::Bios {
        Tristate::No
    } else {
        Tristate::Unknown
    };
}

fn setting(system: &VirtualSystem, key: &str) -> Tristate {
    match system.settings.get(key).map(|value| value.trim().to_ascii_lowercase()).as_deref() {
        Some("true" | "1") => Tristate::Yes,
        Some("false" | "0") => Tristate::No,
        _ => Tristate::Unknown,
    }
}
