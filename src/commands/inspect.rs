//! `h2k inspect`: what the hypervisor and the disks say of a VM.

use std::fmt::Write;

use h2k_fixers::GuestFacts;
use h2k_transports::SourceVm;
use serde::Serialize;

use crate::cli::InspectArgs;
use crate::error::Failure;
use crate::plan::text::bytes;
use crate::run;
use crate::ui::Ui;

use super::{Settled, jobs};

/// What `--json` prints: the same list as `plan --json`, as far as INSPECT gets.
#[derive(Debug, Serialize)]
struct Document {
    version: u32,
    vms: Vec<Inspected>,
}

#[derive(Debug, Serialize)]
struct Inspected {
    name: String,
    source: SourceVm,
    facts: GuestFacts,
}

/// Runs the subcommand.
///
/// # Errors
/// As the stages say. Disks without a system are no error.
pub fn run(args: &InspectArgs, settled: &Settled, ui: &Ui) -> Result<(), Failure> {
    let mut vms = Vec::new();
    for job in jobs::of(&args.sources, None, settled)? {
        let inspected = run::inspect(&job, Some(&settled.resolved.temp_dir), ui)?;
        let fetched = inspected.flattened.fetched;
        vms.push(Inspected { name: fetched.name, source: fetched.vm, facts: inspected.facts });
    }
    if args.json {
        return ui.answer_json(&Document { version: crate::plan::VERSION, vms });
    }
    ui.answer(&vms.iter().map(text).collect::<Vec<_>>().join("\n"))
}

fn text(vm: &Inspected) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_text(&mut out, vm);
    out
}

fn write_text(out: &mut String, vm: &Inspected) -> std::fmt::Result {
    writeln!(out, "VM {} ({})", vm.name, vm.source.path.display())?;
    let memory = vm.source.memory_bytes.map_or("unknown".to_owned(), bytes);
    let vcpus = vm.source.vcpus.map_or("unknown".to_owned(), |n| n.to_string());
    writeln!(out, "  hardware  {vcpus} vCPUs, {memory}, firmware {:?}", vm.source.firmware)?;
    for (index, disk) in vm.facts.disks.iter().enumerate() {
        let table = if disk.table.is_empty() { "no partition table" } else { &disk.table };
        writeln!(out, "  disk {index}    {} {table}", bytes(disk.size))?;
    }
    for nic in &vm.source.nics {
        let (mac, model) =
            (nic.mac.as_deref().unwrap_or("unknown"), nic.model.as_deref().unwrap_or("unknown"));
        writeln!(out, "  nic       {mac} {model} on {}", nic.network.as_deref().unwrap_or("(unnamed)"))?;
    }
    if vm.facts.systems.is_empty() {
        writeln!(out, "  system    none")?;
    }
    write_systems(out, &vm.facts)?;
    for mount in &vm.facts.mounts {
        writeln!(out, "  mount     {} {} ({} free)", mount.mountpoint, bytes(mount.size), bytes(mount.free))?;
    }
    for kernel in &vm.facts.kernels {
        let inside = kernel.initramfs.iter().flat_map(|i| &i.modules).chain(&kernel.builtin);
        let inside: Vec<&String> = inside.collect();
        // Some generators put one of them into every image, and not what it needs.
        let virtio = ["virtio_pci", "virtio_blk"].iter().all(|name| inside.iter().any(|m| m == name));
        let what = if virtio { "virtio in its initramfs" } else { "no virtio disks in its initramfs" };
        writeln!(out, "  kernel    {} ({what})", kernel.version)?;
    }
    for tool in &vm.facts.tools {
        writeln!(out, "  tool      {} {}", tool.name, tool.version)?;
    }
    Ok(())
}

/// The systems; of several with their root devices, by which --root chooses.
fn write_systems(out: &mut String, facts: &GuestFacts) -> std::fmt::Result {
    let several = facts.systems.len() + facts.others.len() > 1;
    for (what, systems) in [("system", &facts.systems), ("left", &facts.others)] {
        for system in systems {
            let on = if several { format!(" on {}", system.root) } else { String::new() };
            writeln!(out, "  {what:<9} {} {} ({}){on}", system.product, system.arch, system.hostname)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use h2k_fixers::facts::SystemFacts;

    use super::*;

    #[test]
    fn of_several_systems_the_root_devices_are_told() {
        let system = |product: &str, root: &str| SystemFacts {
            product: product.to_owned(),
            root: root.to_owned(),
            arch: "x86_64".to_owned(),
            hostname: "web".to_owned(),
            ..SystemFacts::default()
        };
        let text = |systems, others| {
            let mut out = String::new();
            write_systems(&mut out, &GuestFacts { systems, others, ..GuestFacts::default() }).unwrap();
            out
        };
        let (one, two) = (system("Debian 12", "/dev/sda1"), system("RHEL 8", "/dev/vg/root"));
        assert_eq!(text(vec![one.clone()], vec![]), "  system    Debian 12 x86_64 (web)\n");
        assert_eq!(
            text(vec![one.clone(), two.clone()], vec![]),
            "  system    Debian 12 x86_64 (web) on /dev/sda1\n  system    RHEL 8 x86_64 (web) on /dev/vg/root\n"
        );
        assert_eq!(
            text(vec![two], vec![one]),
            "  system    RHEL 8 x86_64 (web) on /dev/vg/root\n  left      Debian 12 x86_64 (web) on /dev/sda1\n"
        );
    }
}
