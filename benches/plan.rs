//! How long PLAN takes to decide for many VMs whose facts were recorded, and how much memory: `cargo bench --bench plan`.
//!
//! The guests are those of `fixers/src/linux/distros/guests`, looked at once; then each of `H2K_BENCH_VMS` VMs (1,000 if
//! nobody says otherwise) is decided anew, with all repairs, all rules and its target, as `h2k plan -f` does it, and
//! becomes a line of its table. Ends with 1 where a target is missed.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::process::ExitCode;
use std::time::Instant;

use h2k::commands::plan_batch::Row;
use h2k::plan::decide::{Basis, decide};
use h2k::plan::host;
use h2k::plan::rules::Space;
use h2k::stages::flatten::FlatDisk;
use h2k_config::{NetworkTarget, Policy};
use h2k_fixers::linux::phony::{Phony, TEXTS, gathered, parse};
use h2k_fixers::{Guest, GuestFacts, MemoryGuest};
use h2k_transports::{
    Bus, DiskFormat, DiskLocation, Firmware, PowerState, Slot, SourceDisk, SourceKind, SourceNic, SourceVm,
    Tristate,
};
use serde_json::json;

/// Seconds that 1,000 VMs may take.
const SECONDS: f64 = 5.0;
/// Memory that they may take, in bytes.
const MEMORY: u64 = 200 << 20;

/// A guest as it was recorded.
struct Recorded {
    guest: MemoryGuest,
    facts: GuestFacts,
    disks: Vec<FlatDisk>,
}

fn recorded(text: &str) -> Recorded {
    let Phony { guest, facts } = parse(text);
    let facts = gathered(&guest, &facts);
    let disks = facts.hardware.disks.iter().map(|_| disk(20 << 30)).collect();
    Recorded { guest, facts, disks }
}

fn disk(size: u64) -> FlatDisk {
    let image = json!({
        "path": "/vms/vm.vmdk", "part": null, "format": "vmdk", "subformat": "monolithicSparse", "size": size,
        "files": [], "flat": null,
    });
    let chain = serde_json::from_value(json!({ "images": [image] })).unwrap();
    FlatDisk { chain, size, allocated: size / 4, base: None }
}

fn source(name: &str, recorded: &Recorded) -> SourceVm {
    let mut vm = SourceVm::new(name, SourceKind::Vmx, format!("/vms/{name}.vmx"));
    vm.power = PowerState::Off;
    vm.firmware = Firmware::Bios;
    (vm.secure_boot, vm.tpm) = (Tristate::No, Tristate::No);
    (vm.vcpus, vm.memory_bytes) = (Some(2), Some(2 << 30));
    let units = 0..u32::try_from(recorded.disks.len()).unwrap();
    vm.disks = units
        .map(|unit| SourceDisk {
            slot: Slot { bus: Bus::Scsi, model: None, controller: 0, unit },
            location: DiskLocation::File { path: format!("/vms/{name}-{unit}.vmdk").into() },
            format: Some(DiskFormat::Vmdk),
            capacity_bytes: Some(20 << 30),
            mode: None,
            serial: None,
            traits: Default::default(),
        })
        .collect();
    let nic = |mac: &String| SourceNic {
        mac: Some(mac.clone()),
        mac_static: true,
        model: Some("vmxnet3".to_owned()),
        network: Some("VM Network".to_owned()),
        connection: None,
        pci_slot: Some(192),
        start_connected: Tristate::Yes,
    };
    vm.nics = recorded.facts.hardware.nics.iter().map(|found| nic(&found.mac)).collect();
    vm
}

/// The line of one VM, and how many edits its plan has.
fn planned(name: &str, recorded: &Recorded, policy: &Policy) -> (Row, usize) {
    let source = source(name, recorded);
    let sizes: Vec<u64> = recorded.disks.iter().map(|disk| disk.size).collect();
    let allocated: Vec<u64> = recorded.disks.iter().map(|disk| disk.allocated).collect();
    let basis = Basis {
        name,
        source: &source,
        facts: &recorded.facts,
        policy,
        sizes: &sizes,
        allocated: &allocated,
        disks: &recorded.disks,
        unpacked: 0,
        source_digest: "",
        output: Some(Space { path: "/srv".into(), free: 1 << 42, size: 1 << 43, largest_file: None }),
        host: host::this(),
    };
    let plan = decide(&basis, Some(&recorded.guest as &dyn Guest)).unwrap();
    (Row::of(&plan, None), plan.edits.len())
}

/// `VmHWM` of proc_pid_status(5), in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

fn main() -> ExitCode {
    let count: usize = std::env::var("H2K_BENCH_VMS").ok().and_then(|n| n.parse().ok()).unwrap_or(1000);
    let guests: Vec<Recorded> = TEXTS.iter().map(|(_, text)| recorded(text)).collect();
    let mut policy = Policy::default();
    policy.networks.insert("*".to_owned(), NetworkTarget::network("default"));

    let started = Instant::now();
    let names: Vec<String> = (0..count).map(|n| format!("vm{n:05}")).collect();
    let lines: Vec<(Row, usize)> =
        names.iter().zip(guests.iter().cycle()).map(|(name, guest)| planned(name, guest, &policy)).collect();
    let seconds = started.elapsed().as_secs_f64();

    let edits: usize = lines.iter().map(|(_, edits)| edits).sum();
    let memory = peak_memory();
    println!(
        "{count} VMs of {} distributions planned in {seconds:.2} s, {edits} edits; peak memory {:.0} MiB",
        guests.len(),
        memory as f64 / f64::from(1 << 20)
    );
    // Plans without edits would cost nothing and prove nothing.
    let allowed = SECONDS * (count as f64 / 1000.0).max(0.1);
    let good = seconds <= allowed && memory <= MEMORY && edits > count;
    println!("target: {allowed:.1} s, {} MiB: {}", MEMORY >> 20, if good { "good" } else { "MISSED" });
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
