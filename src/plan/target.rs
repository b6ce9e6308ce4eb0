//! Decides the target's hardware from what the hypervisor and the disks say.

mod networks;
mod windows;

use h2k_config::{Choice, DiskBus, NicModel, Policy};
use h2k_fixers::GuestFacts;
use h2k_fixers::facts::FirmwareOnDisk;
use h2k_fixers::windows::SYSTEM_VOLUME;
use h2k_transports::{Firmware, SourceDisk, SourceVm, Tristate};

use crate::emit::domain::{
    Clock, CpuTopology, Domain, DomainDisk, Helpers, Machine, TargetBus, TargetFirmware,
};
pub use networks::mapping;
pub use windows::{Drivers, needs_tpm, wanted_bus};

/// Memory of a VM whose source does not say, in bytes.
pub const DEFAULT_MEMORY: u64 = 2 << 30;
/// CPUs of a VM whose source does not say.
pub const DEFAULT_VCPUS: u32 = 2;
/// Libvirt network of a NIC that nothing maps.
pub const DEFAULT_NETWORK: &str = "default";
/// Major version of the first Linux that drives devices of virtio 1.0.
const KNOWS_VIRTIO_1: u32 = 4;
/// virtio-blk gives the guest 20 bytes of serial (virtio 1.2, section 5.2.6, `VIRTIO_BLK_T_GET_ID`).
pub const MAX_SERIAL: usize = 20;

/// Decides the target. `drivers` are those that a Windows guest has after the edits; without them it is taken for ready for
/// whatever is wanted.
pub fn target(
    name: &str,
    source: &SourceVm,
    facts: &GuestFacts,
    policy: &Policy,
    sizes: &[u64],
    drivers: Option<&Drivers>,
) -> Domain {
    let firmware = firmware(source, facts);
    let machine = machine(facts);
    let transitional = machine == Machine::Q35 && knows_old_virtio_only(facts);
    let uuid = source.uuid.clone().unwrap_or_else(|| derived_uuid(name, source));
    Domain {
        name: name.to_owned(),
        genid: source.genid.clone(),
        osinfo: facts.system().map(|s| s.osinfo.clone()).unwrap_or_default(),
        memory_bytes: source.memory_bytes.unwrap_or(DEFAULT_MEMORY),
        cpu: topology(source),
        machine,
        firmware,
        tpm: source.tpm == Tristate::Yes || needs_tpm(facts, firmware),
        clock: if facts.init.clock_local { Clock::Localtime } else { Clock::Utc },
        hyperv: facts.windows().map(windows::enlightenments).unwrap_or_default(),
        helpers: match facts.windows() {
            Some(windows) => windows::helpers(windows, machine, drivers),
            None => Helpers { transitional, ..Helpers::default() },
        },
        disks: disks(source, facts, policy, sizes, &uuid, bus(facts, policy, drivers)),
        nics: networks::nics(source, policy, &uuid, nic_model(facts, policy, drivers, transitional)),
        cdroms: u32::try_from(source.cdroms.len()).unwrap_or(0),
        uuid: Some(if policy.regenerate_identity { another_uuid(&uuid, name) } else { uuid }),
    }
}

/// The UUID of a copy whose original goes on running: no host runs two VMs of one, and on KVM systemd makes a new machine
/// id of it (machine-id(5), "Initialization"). Derived, so that plan and migrate agree.
fn another_uuid(uuid: &str, name: &str) -> String {
    version8(&format!("{uuid}\0{name}\0another"))
}

/// MAC of NIC `index`: the source's, or one that is the same each time it is derived.
pub fn mac(source: &SourceVm, uuid: &str, index: usize) -> (String, bool) {
    if let Some(mac) = source.nics.get(index).and_then(|n| n.mac.clone()) {
        return (mac, true);
    }
    let hash = blake3::hash(format!("{uuid}/nic{index}").as_bytes());
    let [a, b, c, ..] = *hash.as_bytes();
    // 52:54:00 is the prefix that QEMU and libvirt use for made-up addresses.
    (format!("52:54:00:{a:02x}:{b:02x}:{c:02x}"), false)
}

/// The facts with the MACs that the user wants the target's NICs to have.
pub fn with_macs(facts: &GuestFacts, policy: &Policy) -> GuestFacts {
    let mut facts = facts.clone();
    for nic in facts.hardware.nics.iter_mut().filter(|nic| nic.source_mac.is_none()) {
        if let Some(new) = policy.macs.get(&nic.mac).filter(|new| **new != nic.mac) {
            nic.source_mac = Some(std::mem::replace(&mut nic.mac, new.clone()));
        }
    }
    facts
}

/// A UUID for a VM whose source gives none: derived, so that plan and migrate agree. RFC 9562, version 8.
pub fn derived_uuid(name: &str, source: &SourceVm) -> String {
    version8(&format!("{name}\0{}", source.path.display()))
}

fn version8(text: &str) -> String {
    let hex = blake3::hash(text.as_bytes()).to_hex();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
    format!("{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

fn topology(source: &SourceVm) -> CpuTopology {
    let vcpus = source.vcpus.unwrap_or(DEFAULT_VCPUS).max(1);
    match source.cores_per_socket {
        Some(cores) if cores > 0 && vcpus.is_multiple_of(cores) => {
            CpuTopology { sockets: vcpus / cores, cores, threads: 1 }
        }
        _ => CpuTopology { sockets: vcpus, cores: 1, threads: 1 },
    }
}

/// Q35 needs PCI Express support: every Linux since about 2008 and Windows since Vista.
fn machine(facts: &GuestFacts) -> Machine {
    let old = facts.system().is_some_and(|s| match (s.kind.as_str(), s.distro.as_str()) {
        ("windows", _) => s.major < 6,
        (_, "rhel" | "centos" | "oraclelinux" | "scientificlinux" | "debian") => s.major < 6 && s.major > 0,
        (_, "ubuntu") => s.major < 10 && s.major > 0,
        (_, "sles") => s.major < 11 && s.major > 0,
        _ => false,
    });
    if old { Machine::I440fx } else { Machine::Q35 }
}

/// Whether one of the guest's kernels drives virtio devices with the ids and registers of virtio 0.9 alone. Linux knows those
/// of virtio 1.0 since 4.0 (`virtio_pci_modern.c`), some distributions' older ones too; devices with both serve all of them.
/// Behind PCI Express ports QEMU makes such with the new ones only, unless it is told.
fn knows_old_virtio_only(facts: &GuestFacts) -> bool {
    let major = |version: &str| version.split('.').next().and_then(|number| number.parse::<u32>().ok());
    facts.kernels.iter().filter_map(|kernel| major(&kernel.version)).any(|major| major < KNOWS_VIRTIO_1)
}

/// The disks have the last word where they are unequivocal: a disk without an EFI system partition cannot boot on
/// UEFI, and one without boot code cannot boot on a BIOS. A contradiction is a concern of its own.
pub fn firmware(source: &SourceVm, facts: &GuestFacts) -> TargetFirmware {
    let uefi = TargetFirmware::Uefi { secure_boot: source.secure_boot == Tristate::Yes };
    match (source.firmware, facts.firmware) {
        (_, FirmwareOnDisk::Uefi) | (Firmware::Uefi, FirmwareOnDisk::Either | FirmwareOnDisk::Unknown) => {
            uefi
        }
        (_, FirmwareOnDisk::Bios | FirmwareOnDisk::Either | FirmwareOnDisk::Unknown) => TargetFirmware::Bios,
    }
}

/// The bus of all disks.
fn bus(facts: &GuestFacts, policy: &Policy, drivers: Option<&Drivers>) -> TargetBus {
    if let Some(windows) = facts.windows() {
        return windows::bus(windows, policy.disk_bus, drivers);
    }
    match policy.disk_bus {
        DiskBus::VirtioBlk => TargetBus::VirtioBlk,
        DiskBus::VirtioScsi => TargetBus::VirtioScsi,
        DiskBus::Sata => TargetBus::Sata,
    }
}

/// The model of all NICs.
fn nic_model(
    facts: &GuestFacts,
    policy: &Policy,
    drivers: Option<&Drivers>,
    transitional: bool,
) -> &'static str {
    match (facts.windows(), policy.nic_model) {
        (Some(windows), NicModel::Virtio) => windows::nic_model(windows, machine(facts), drivers),
        (None, NicModel::Virtio) if transitional => "virtio-transitional",
        (_, model) => model.name(),
    }
}

fn disks(
    source: &SourceVm,
    facts: &GuestFacts,
    policy: &Policy,
    sizes: &[u64],
    uuid: &str,
    bus: TargetBus,
) -> Vec<DomainDisk> {
    let boot = boot_disk(source, facts);
    let ending = match policy.format {
        h2k_config::TargetFormat::Qcow2 => "qcow2",
        h2k_config::TargetFormat::Raw => "raw",
    };
    let mut next_boot = 2;
    source
        .disks
        .iter()
        .enumerate()
        .map(|(index, disk)| DomainDisk {
            file: format!("disk{index}.{ending}").into(),
            format: policy.format,
            bus,
            target: device_name(bus, index),
            serial: Some(serial(disk, uuid, index)),
            boot_order: Some(if index == boot {
                1
            } else {
                next_boot += 1;
                next_boot - 1
            }),
            size: sizes.get(index).copied().unwrap_or(0),
        })
        .collect()
}

/// The disk that the firmware is to start: on UEFI the one with the ESP. On a BIOS the one that the source names, if it has
/// boot code; the one that the system boots from as far as it tells, if it has; else the first that has.
fn boot_disk(source: &SourceVm, facts: &GuestFacts) -> usize {
    let of = |mountpoint: &str| facts.mounted_at(mountpoint).and_then(|b| b.disk);
    let has_code = |disk: &usize| facts.disks.get(*disk).is_some_and(|d| d.boot_code);
    let by_code = || {
        let own = ["/boot", "/", SYSTEM_VOLUME].into_iter().filter_map(of);
        let told = source.boot_disk.into_iter().chain(own).find(has_code);
        told.or_else(|| facts.disks.iter().position(|d| d.boot_code))
    };
    match firmware(source, facts) {
        TargetFirmware::Uefi { .. } => facts.bootloader.esp.as_deref().and_then(of).unwrap_or(0),
        TargetFirmware::Bios => by_code().unwrap_or(0),
    }
}

fn serial(disk: &SourceDisk, uuid: &str, index: usize) -> String {
    let own = disk
        .serial
        .as_deref()
        .map(|s| s.chars().filter(char::is_ascii_graphic).take(MAX_SERIAL).collect::<String>());
    own.filter(|s| !s.is_empty()).unwrap_or_else(|| {
        let head: String = uuid.chars().filter(char::is_ascii_hexdigit).take(12).collect();
        format!("{head}-{index}")
    })
}

/// `vda` … `vdz`, `vdaa` …, as the Linux kernel counts (drivers/block/virtio_blk.c, `virtblk_name_format`).
fn device_name(bus: TargetBus, index: usize) -> String {
    let mut letters = Vec::new();
    let mut n = index + 1;
    while n > 0 {
        n -= 1;
        letters.push(b'a' + u8::try_from(n % 26).unwrap_or(0));
        n /= 26;
    }
    letters.reverse();
    format!("{}{}", bus.prefix(), String::from_utf8_lossy(&letters))
}

#[cfg(test)]
mod tests;
