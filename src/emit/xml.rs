//! A domain as libvirt XML (<https://libvirt.org/formatdomain.html>).

use std::path::Path;

use super::check::{EmitError, check};
use super::devices::devices;
use super::domain::{Clock, Domain, Enlightenment, Machine, TargetFirmware};
use super::osinfo;
use super::tree::{Element, write};

/// Spins before the hypervisor is told (Hypervisor Top-Level Functional Specification, "Spinlocks", as every tool for KVM
/// sets it).
pub(crate) const SPINLOCK_RETRIES: u32 = 8191;
/// Namespace of libosinfo's metadata in a domain.
pub(super) const LIBOSINFO: &str = "http://libosinfo.org/xmlns/libvirt/domain/1.0";

/// The domain as libvirt XML; disks that are relative lie in `dir`, which is absolute.
///
/// # Errors
/// A value that libvirt would refuse ([`check`]), or a path that XML cannot carry.
pub fn libvirt_xml(domain: &Domain, dir: &Path) -> Result<String, EmitError> {
    check(domain)?;
    let root = Element::new("domain")
        .attr("type", "kvm")
        .with(identity(domain))
        .with(resources(domain))
        .child(os(domain))
        .child(features(domain))
        .child(
            Element::new("cpu").attr("mode", "host-model").attr("check", "partial").child(topology(domain)),
        )
        .child(clock(domain))
        .child(Element::new("on_poweroff").text("destroy"))
        .child(Element::new("on_reboot").text("restart"))
        .child(Element::new("on_crash").text("restart"))
        .child(devices(domain, dir)?);
    Ok(write(&root)?)
}

fn identity(domain: &Domain) -> Vec<Element> {
    let mut out = vec![Element::new("name").text(&domain.name)];
    if let Some(uuid) = &domain.uuid {
        out.push(Element::new("uuid").text(uuid.to_ascii_lowercase()));
    }
    if let Some(genid) = &domain.genid {
        out.push(Element::new("genid").text(genid.to_ascii_lowercase()));
    }
    if let Some(id) = osinfo::full_id(&domain.osinfo) {
        out.push(
            Element::new("metadata").child(
                Element::new("libosinfo:libosinfo")
                    .attr("xmlns:libosinfo", LIBOSINFO)
                    .child(Element::new("libosinfo:os").attr("id", id)),
            ),
        );
    }
    out
}

fn resources(domain: &Domain) -> [Element; 2] {
    // KiB is what libvirt itself writes; anything finer is kept and rounded by libvirt.
    let (unit, amount) = match domain.memory_bytes % 1024 {
        0 => ("KiB", domain.memory_bytes / 1024),
        _ => ("b", domain.memory_bytes),
    };
    [
        Element::new("memory").attr("unit", unit).text(amount.to_string()),
        Element::new("vcpu").attr("placement", "static").text(domain.cpu.vcpus().to_string()),
    ]
}

fn os(domain: &Domain) -> Element {
    let machine = match domain.machine {
        Machine::Q35 => "q35",
        Machine::I440fx => "pc",
    };
    let kind = Element::new("type").attr("arch", "x86_64").attr("machine", machine).text("hvm");
    let mut os = Element::new("os");
    if let TargetFirmware::Uefi { secure_boot } = domain.firmware {
        let enabled = if secure_boot { "yes" } else { "no" };
        let feature = |name: &str| Element::new("feature").attr("enabled", enabled).attr("name", name);
        let firmware = Element::new("firmware").child(feature("enrolled-keys")).child(feature("secure-boot"));
        os = os.attr("firmware", "efi").child(kind).child(firmware);
        if secure_boot {
            os = os.child(Element::new("loader").attr("secure", "yes"));
        }
    } else {
        os = os.child(kind);
    }
    // libvirt takes a boot order per device or per kind of device, not both.
    match domain.disks.iter().any(|d| d.boot_order.is_some()) {
        true => os,
        false => os.child(Element::new("boot").attr("dev", "hd")),
    }
}

fn features(domain: &Domain) -> Element {
    let features =
        Element::new("features").with(["acpi", "apic", "pae"].map(Element::new)).with(hyperv(domain));
    match domain.firmware {
        TargetFirmware::Uefi { secure_boot: true } => features.child(Element::new("smm").attr("state", "on")),
        _ => features,
    }
}

/// <https://libvirt.org/formatdomain.html>, "Hypervisor features".
fn hyperv(domain: &Domain) -> Option<Element> {
    let direct = domain.hyperv.contains(&Enlightenment::StimerDirect);
    let parts = domain.hyperv.iter().filter_map(|part| {
        let on = Element::new(hyperv_name(*part)?).attr("state", "on");
        Some(match part {
            Enlightenment::Spinlocks => on.attr("retries", SPINLOCK_RETRIES.to_string()),
            Enlightenment::Stimer if direct => on.child(Element::new("direct").attr("state", "on")),
            _ => on,
        })
    });
    let parts: Vec<Element> = parts.collect();
    (!parts.is_empty()).then(|| Element::new("hyperv").attr("mode", "custom").with(parts))
}

/// An enlightenment's element; `None` for those that are written elsewhere.
pub(super) fn hyperv_name(part: Enlightenment) -> Option<&'static str> {
    Some(match part {
        Enlightenment::Relaxed => "relaxed",
        Enlightenment::Vapic => "vapic",
        Enlightenment::Spinlocks => "spinlocks",
        Enlightenment::Vpindex => "vpindex",
        Enlightenment::Runtime => "runtime",
        Enlightenment::Synic => "synic",
        Enlightenment::Stimer => "stimer",
        Enlightenment::Reset => "reset",
        Enlightenment::Frequencies => "frequencies",
        Enlightenment::Reenlightenment => "reenlightenment",
        Enlightenment::Tlbflush => "tlbflush",
        Enlightenment::Ipi => "ipi",
        Enlightenment::StimerDirect | Enlightenment::Clock => return None,
    })
}

fn topology(domain: &Domain) -> Element {
    Element::new("topology")
        .attr("sockets", domain.cpu.sockets.to_string())
        .attr("cores", domain.cpu.cores.to_string())
        .attr("threads", domain.cpu.threads.to_string())
}

/// The timers that virt-manager gives every x86 guest: lost ticks are caught up, and no HPET, which costs CPU time.
fn clock(domain: &Domain) -> Element {
    let offset = match domain.clock {
        Clock::Utc => "utc",
        Clock::Localtime => "localtime",
    };
    let timer =
        |name: &str, key: &str, value: &str| Element::new("timer").attr("name", name).attr(key, value);
    let hyperv = domain.hyperv.contains(&Enlightenment::Clock);
    Element::new("clock")
        .attr("offset", offset)
        .with([
            timer("rtc", "tickpolicy", "catchup"),
            timer("pit", "tickpolicy", "delay"),
            timer("hpet", "present", "no"),
        ])
        .with(hyperv.then(|| timer("hypervclock", "present", "yes")))
}
