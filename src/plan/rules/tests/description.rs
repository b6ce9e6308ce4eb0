//! What the hypervisor says, and the disks' images.

use h2k_config::{Addressing, NetworkTarget, TargetFormat};
use h2k_fixers::facts::FirmwareOnDisk;
use h2k_transports::{
    Bus, Firmware, HostDevice, HostDeviceKind, PowerState, Slot, SourceCdrom, SourceFloppy, Tristate,
};
use serde_json::json;

use super::Case;
use super::bench::{MAC, Vm, image, images};

fn host_device(vm: &mut Vm, kind: HostDeviceKind) {
    vm.source.features.host_devices = vec![HostDevice { name: "pcipassthru0".to_owned(), kind }];
}

fn slot() -> Slot {
    Slot { bus: Bus::Ide, model: None, controller: 0, unit: 0 }
}

fn one(text: &str) -> Vec<String> {
    vec![text.to_owned()]
}

pub(super) const CASES: &[Case] = &[
    ("source.suspended", |vm| vm.source.power = PowerState::Suspended),
    ("source.locked", |vm| vm.source.power = PowerState::Locked),
    ("source.no-disks", |vm| vm.source.disks.clear()),
    ("source.notice", |vm| vm.source.warnings = one("line 3 is odd")),
    ("source.snapshots", |vm| vm.source.snapshots = one("before the upgrade")),
    ("source.unclean-shutdown", |vm| vm.source.features.clean_shutdown = Tristate::No),
    ("source.encrypted", |vm| vm.source.features.encrypted = Tristate::Yes),
    ("source.firmware-mismatch", |vm| vm.source.firmware = Firmware::Uefi),
    ("source.firmware-mismatch", |vm| vm.facts.firmware = FirmwareOnDisk::Uefi),
    ("source.firmware-unknown", |vm| {
        (vm.source.firmware, vm.facts.firmware) = (Firmware::Unknown, FirmwareOnDisk::Unknown);
    }),
    ("source.firmware-unknown", |vm| {
        (vm.source.firmware, vm.facts.firmware) = (Firmware::Unknown, FirmwareOnDisk::Either);
    }),
    ("source.memory-unknown", |vm| vm.source.memory_bytes = None),
    ("source.cpus-unknown", |vm| vm.source.vcpus = None),
    ("source.name-odd", |vm| vm.name = "Web 01".to_owned()),
    ("source.name-odd", |vm| vm.name = "-".to_owned()),
    ("source.tpm", |vm| vm.source.tpm = Tristate::Yes),
    ("source.secure-boot", |vm| vm.source.secure_boot = Tristate::Yes),
    ("source.nvram", |vm| {
        vm.source.nvram = Some("web01.nvram".to_owned());
        (vm.source.firmware, vm.facts.firmware) = (Firmware::Uefi, FirmwareOnDisk::Uefi);
    }),
    ("source.cpu-hotplug", |vm| vm.source.features.cpu_hotplug = Tristate::Yes),
    ("source.memory-hotplug", |vm| vm.source.features.memory_hotplug = Tristate::Yes),
    ("source.cpu-affinity", |vm| vm.source.features.cpu_affinity = Some("0,1".to_owned())),
    ("source.numa-affinity", |vm| vm.source.features.numa_affinity = Some("0".to_owned())),
    ("source.latency", |vm| vm.source.features.latency_sensitivity = Some("high".to_owned())),
    ("source.reservations", |vm| vm.source.features.shares = one("sched.cpu.min = 2000")),
    ("source.nested-virtualization", |vm| vm.source.features.nested_virtualization = Tristate::Yes),
    ("source.iommu", |vm| vm.source.features.iommu = Tristate::Yes),
    ("source.performance-counters", |vm| vm.source.features.performance_counters = Tristate::Yes),
    ("source.cpu-masks", |vm| vm.source.features.cpu_masks = one("cpuid.1.ecx")),
    ("source.host-smbios", |vm| vm.source.features.host_smbios = Tristate::Yes),
    ("source.time-sync", |vm| vm.source.features.time_sync = Tristate::Yes),
    ("source.guest-data", |vm| vm.source.features.guest_data = one("guestinfo.userdata")),
    ("source.isolation", |vm| vm.source.features.isolation = one("isolation.tools.copy.disable")),
    ("source.change-tracking", |vm| vm.source.features.change_tracking = Tristate::Yes),
    ("source.memory-odd", |vm| vm.source.memory_bytes = Some((1 << 30) + 4096)),
    ("source.passthrough", |vm| host_device(vm, HostDeviceKind::Pci)),
    ("source.vgpu", |vm| host_device(vm, HostDeviceKind::Vgpu)),
    ("source.sriov", |vm| host_device(vm, HostDeviceKind::Sriov)),
    ("source.usb-device", |vm| vm.source.features.usb_devices = one("path:1/2")),
    ("source.usb-controller", |vm| vm.source.features.usb_controllers = one("ehci")),
    ("source.ports", |vm| vm.source.features.ports = one("serial0")),
    ("source.sound", |vm| vm.source.features.sound = Tristate::Yes),
    ("source.graphics-3d", |vm| vm.source.features.graphics_3d = Tristate::Yes),
    ("source.floppy", |vm| vm.source.floppies = vec![SourceFloppy { slot: slot(), image: None }]),
    ("source.cd-image", |vm| {
        vm.source.cdroms = vec![
            SourceCdrom { slot: slot(), image: None },
            SourceCdrom { slot: slot(), image: Some("tools.iso".to_owned()) },
        ];
    }),
    ("disk.independent", |vm| vm.source.disks[0].mode = Some("independent-persistent".to_owned())),
    ("disk.shared", |vm| vm.source.disks[0].traits.shared = Some("multi-writer".to_owned())),
    ("disk.raw-mapping", |vm| vm.source.disks[0].traits.raw_mapping = Some("rawDisk".to_owned())),
    ("disk.raw-mapping", |vm| {
        vm.disks = vec![images(1 << 30, &[json!({"subformat": "vmfsPassthroughRawDeviceMap"})])];
    }),
    ("disk.io-limit", |vm| vm.source.disks[0].traits.io_limit = Some("500".to_owned())),
    ("disk.serials-visible", |vm| vm.source.disk_uuids_visible = Tristate::Yes),
    ("disk.serial-cut", |vm| vm.source.disks[0].serial = Some("6000C29a7d8c3e5f0123456789abcdef".to_owned())),
    ("disk.capacity-differs", |vm| vm.source.disks[0].capacity_bytes = Some(2 << 30)),
    ("disk.capacity-invalid", |vm| {
        vm.source.disks[0].capacity_bytes = None;
        vm.disks = vec![image(0)];
    }),
    ("disk.count", |vm| (0..230).for_each(|_| vm.add_disk())),
    ("disk.extent-alone", |vm| vm.disks = vec![images(1 << 30, &[json!({"orphan": true})])]),
    ("disk.sector-size", |vm| vm.disks = vec![images(1 << 30, &[json!({"sector": 4096})])]),
    ("disk.left-out", |vm| vm.disks = vec![images(1 << 30, &[json!({"notes": ["a bitmap"]})])]),
    ("disk.chain", |vm| vm.disks = vec![images(1 << 30, &[json!({}), json!({})])]),
    ("nic.none", |vm| {
        vm.source.nics.clear();
        vm.facts.hardware.nics.clear();
    }),
    ("nic.mac-unknown", |vm| vm.source.nics[0].mac = None),
    ("nic.mac-twice", |vm| vm.add_nic(MAC)),
    ("nic.mac-reserved", |vm| vm.source.nics[0].mac = Some("fe:54:00:00:00:01".to_owned())),
    ("nic.mac-generated", |vm| {
        vm.source.nics[0].mac = Some("00:0c:29:aa:bb:cc".to_owned());
        vm.source.nics[0].mac_static = false;
    }),
    ("nic.disconnected", |vm| vm.source.nics[0].start_connected = Tristate::No),
    ("nic.network-unmapped", |vm| vm.policy.networks.clear()),
    ("nic.mapping-unused", |vm| {
        vm.policy.networks.insert("00:50:56:00:00:99".to_owned(), NetworkTarget::bridge("br0"));
    }),
    ("nic.bridge-missing", |vm| vm.host.bridges = Some(Default::default())),
    ("nic.vlan", |vm| vm.policy.networks.get_mut("VM Network").unwrap().vlans = vec![60]),
    ("policy.nic-unknown", |vm| {
        vm.policy.addressing.insert("00:50:56:00:00:99".to_owned(), Addressing::Dhcp);
    }),
    ("policy.keep-base-raw", |vm| {
        vm.policy.keep_base = true;
        vm.policy.format = TargetFormat::Raw;
    }),
    ("policy.mac-taken", |vm| {
        vm.add_nic("00:50:56:00:00:02");
        vm.policy.macs.insert(MAC.to_owned(), "00:50:56:00:00:02".to_owned());
    }),
    ("policy.nic-twice", |vm| {
        let new = "52:54:00:00:00:01".to_owned();
        vm.policy.macs.insert(MAC.to_owned(), new.clone());
        vm.policy.addressing = [(MAC.to_owned(), Addressing::Dhcp), (new, Addressing::Dhcp)].into();
    }),
    ("target.space", |vm| vm.output.as_mut().unwrap().free = 1 << 30),
    ("target.space-tight", |vm| vm.output.as_mut().unwrap().free = 2 << 30),
    ("target.file-size", |vm| {
        vm.policy.format = TargetFormat::Raw;
        vm.output.as_mut().unwrap().largest_file = Some(1 << 20);
    }),
    ("host.memory", |vm| vm.host.memory = Some(1 << 30)),
    ("host.cpus", |vm| vm.host.cpus = Some(1)),
    ("host.no-ovmf", |vm| {
        vm.host.ovmf = (false, true);
        (vm.source.firmware, vm.facts.firmware) = (Firmware::Uefi, FirmwareOnDisk::Uefi);
    }),
];

/// Findings that come with another one.
#[test]
fn what_a_host_lacks_for_secure_boot_and_a_tpm() {
    let mut vm = Vm::sound();
    (vm.source.tpm, vm.host.swtpm) = (Tristate::Yes, false);
    assert_eq!(vm.found(), ["host.no-swtpm", "source.tpm"]);
    let mut vm = Vm::sound();
    (vm.source.firmware, vm.facts.firmware) = (Firmware::Uefi, FirmwareOnDisk::Uefi);
    (vm.source.secure_boot, vm.host.ovmf) = (Tristate::Yes, (true, false));
    assert_eq!(vm.found(), ["host.no-ovmf", "source.secure-boot"]);
}

/// What could not be found out about a host is no finding.
#[test]
fn a_host_that_does_not_tell_is_not_blamed() {
    let mut vm = Vm::sound();
    (vm.host.cpus, vm.host.memory, vm.host.bridges) = (None, None, None);
    assert_eq!(vm.found(), Vec::<String>::new());
}

#[test]
fn addresses_that_are_not_generated_or_are_replaced_are_no_finding() {
    for (mac, expected) in [
        ("00:50:56:80:00:01", 1),
        ("00:50:56:bf:ff:ff", 1),
        ("00:50:56:3f:00:01", 0),
        ("52:54:00:00:00:01", 0),
        ("00:0c:2", 0),
    ] {
        let mut vm = Vm::sound();
        vm.source.nics[0].mac = Some(mac.to_owned());
        vm.source.nics[0].mac_static = false;
        assert_eq!(vm.found().iter().filter(|id| *id == "nic.mac-generated").count(), expected, "{mac}");
        vm.policy.macs.insert(mac.to_owned(), "52:54:00:00:00:09".to_owned());
        assert!(!vm.found().contains(&"nic.mac-generated".to_owned()));
    }
}

#[test]
fn a_nic_that_is_mapped_by_either_of_its_addresses_is_mapped() {
    let new = "52:54:00:00:00:01";
    for mac in [MAC, new] {
        let mut vm = Vm::sound();
        vm.policy.macs.insert(MAC.to_owned(), new.to_owned());
        vm.policy.networks = [(mac.to_owned(), NetworkTarget::bridge("br0"))].into();
        assert_eq!(vm.found(), Vec::<String>::new(), "{mac}");
    }
}
