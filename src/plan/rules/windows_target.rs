//! Rules about the hardware that a Windows guest gets: what it has no driver for, and what it did not have before.

use h2k_fixers::Severity;
use h2k_fixers::facts::WindowsFacts;
use h2k_transports::Tristate;

use super::{Finding, Rule, Seen, found};
use crate::emit::domain::TargetBus;
use crate::plan::target::{needs_tpm, wanted_bus};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "windows.fallback",
        severity: Severity::Warning,
        acceptable: true,
        summary: "Windows has no driver for the hardware that is wanted; the target has other hardware",
        explanation: "It starts from disks whose driver is started by the boot loader, and has a network with cards that it \
                      knows. Without drivers from a virtio-win the target gets what the version of Windows brought along: SATA or \
                      IDE, an Intel or Realtek card. That works, and is slower. It can be changed later, once Windows has \
                      installed the drivers for a second disk and a second card.",
        advice: "give --virtio-win and plan again; or later: attach a second, small disk (\"virsh attach-disk NAME FILE vdz \
                 --targetbus virtio --config\") and a second NIC of model virtio, let Windows install their drivers from virtio-win, \
                 shut it down, and change bus and model of the others in the XML (\"virsh edit NAME\")",
        check: fallback,
    },
    Rule {
        id: "windows.no-disk-driver",
        severity: Severity::Critical,
        acceptable: true,
        summary: "Windows would stop with 0x7B: no driver of a disk that the target can have is started at boot",
        explanation: "Windows starts the drivers of the disks that it was installed on, and sets others to be started later. \
                      Neither a virtio driver nor the one of the target's own controller (storahci, msahci, or intelide and atapi) \
                      is started by the boot loader in every control set.",
        advice: "give --virtio-win with drivers that fit this Windows; or set the driver's Start to 0 on the source and remove its \
                 key StartOverride",
        check: |s| {
            let board = s.drivers.is_some_and(|drivers| !drivers.board);
            let bus = s.target.disks.first().map(|disk| disk.bus).filter(|bus| !bus.is_virtio());
            let message = |bus: TargetBus| format!("the driver for {} is not started at boot", bus.name());
            bus.filter(|_| board).map(|bus| Finding::new("disks", message(bus))).into_iter().collect()
        },
    },
    Rule {
        id: "windows.tpm-added",
        severity: Severity::Information,
        acceptable: true,
        summary: "the target gets an emulated TPM 2.0, which this version of Windows asks for",
        explanation: "Windows 11 and Server 2025 are not set up, and Windows 11 is not upgraded, without a TPM 2.0. The VM had \
                      none, so nothing is sealed to it; the target's is empty, and libvirt keeps it in a directory of its own.",
        advice: "nothing; take <tpm> out of the libvirt XML if you do not want it",
        check: |s| {
            let added = s.source.tpm != Tristate::Yes && needs_tpm(s.facts, s.target.firmware);
            found(added, &s.target.name, "a TPM 2.0 (swtpm) is added")
        },
    },
];

fn fallback(seen: &Seen<'_>) -> Vec<Finding> {
    let (Some(windows), Some(_)) = (seen.facts.windows(), seen.drivers) else { return Vec::new() };
    let disks = seen.target.disks.first().and_then(|disk| other_bus(seen, windows, disk.bus));
    let nic = seen.target.nics.iter().find(|nic| !nic.model.starts_with("virtio"));
    let nic = nic.filter(|_| seen.policy.nic_model == Default::default());
    let nic = nic.map(|nic| format!("they are {}: it has no driver for virtio-net{}", nic.model, why(seen)));
    let found = [("disks", disks), ("NICs", nic)];
    found.into_iter().filter_map(|(subject, message)| Some(Finding::new(subject, message?))).collect()
}

fn other_bus(seen: &Seen<'_>, windows: &WindowsFacts, bus: TargetBus) -> Option<String> {
    let wanted = wanted_bus(windows, seen.policy.disk_bus);
    let lacking = match bus.is_virtio() {
        true => wanted.name().to_owned(),
        false => "virtio disks".to_owned(),
    };
    let message = || format!("they are on {}: it could not start from {lacking}{}", bus.name(), why(seen));
    (bus != wanted).then(message)
}

fn why(seen: &Seen<'_>) -> &'static str {
    match seen.policy.virtio_win {
        None => ", and no virtio-win was given",
        Some(_) => ", and the given virtio-win changes nothing about it",
    }
}
