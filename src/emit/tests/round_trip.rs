//! What is written reads back as it was.

use h2k_config::{NetworkTarget, TargetFormat};
use proptest::prelude::*;

use super::*;

#[test]
fn samples_read_back_as_they_were() {
    for (name, domain) in samples() {
        let text = libvirt_xml(&domain, dir()).unwrap();
        assert_eq!(from_xml(&text).unwrap(), covered(&domain), "{name}");
    }
}

/// The domain as far as XML carries it: paths are absolute, the size is not there, hexadecimal is in lower case.
fn covered(domain: &Domain) -> Domain {
    let mut out = domain.clone();
    out.uuid = out.uuid.map(|u| u.to_lowercase());
    out.genid = out.genid.map(|u| u.to_lowercase());
    for disk in &mut out.disks {
        disk.file = disk.path_in(dir());
        disk.size = 0;
    }
    for nic in &mut out.nics {
        nic.mac = nic.mac.to_lowercase();
    }
    out
}

/// Any text that XML and libvirt carry, the odd characters more often than others.
fn any_name() -> impl Strategy<Value = String> {
    "[a-z<>&'\" éüß日本\u{1F600}\\]\\[{}$;|.-]{1,20}"
        .prop_filter("refused names", |n| n.trim() == n && !matches!(n.as_str(), "." | ".."))
}

fn any_disks() -> impl Strategy<Value = Vec<DomainDisk>> {
    let bus = prop_oneof![Just(TargetBus::VirtioBlk), Just(TargetBus::VirtioScsi), Just(TargetBus::Sata)];
    let format = prop_oneof![Just(TargetFormat::Qcow2), Just(TargetFormat::Raw)];
    let serial = proptest::option::of("[A-Za-z0-9_.+-]{1,20}");
    let one = (bus, format, serial, any_name(), any::<bool>(), any::<u64>());
    proptest::collection::vec(one, 0..20).prop_map(|disks| {
        let build = |(i, (bus, format, serial, file, boot, size)): (usize, (_, _, _, String, bool, _))| {
            let index = i as u32;
            let boot_order = boot.then_some(index + 1);
            DomainDisk { format, serial, file: file.into(), boot_order, size, ..disk(bus, index) }
        };
        disks.into_iter().enumerate().map(build).collect()
    })
}

fn any_nic() -> impl Strategy<Value = DomainNic> {
    let to = prop_oneof![
        any_name().prop_map(NetworkTarget::network),
        "[a-z0-9.-]{1,15}".prop_map(NetworkTarget::bridge)
    ];
    let vlans = proptest::collection::vec(1u16..=4094, 0..4);
    let target = (to, vlans).prop_map(|(to, vlans)| NetworkTarget { vlans, ..to });
    ("[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}", target, "[a-z0-9_-]{1,12}", any::<bool>())
        .prop_map(|(mac, target, model, connected)| DomainNic { mac, target, model, connected })
}

/// The old ids are told by a device that has them: the balloon is one.
fn any_helpers() -> impl Strategy<Value = Helpers> {
    let panic = prop_oneof![Just(Panic::None), Just(Panic::Isa), Just(Panic::Hyperv)];
    (any::<[bool; 5]>(), panic).prop_map(|([balloon, rng, channel, usb2, transitional], panic)| Helpers {
        balloon: balloon || transitional,
        rng,
        channel,
        panic,
        usb2,
        transitional,
    })
}

/// Timers that interrupt directly are a property of those timers.
fn any_hyperv() -> impl Strategy<Value = Vec<Enlightenment>> {
    proptest::sample::subsequence(ALL_ENLIGHTENMENTS.to_vec(), 0..=14).prop_map(|mut parts| {
        if !parts.contains(&Enlightenment::Stimer) {
            parts.retain(|part| *part != Enlightenment::StimerDirect);
        }
        parts
    })
}

fn any_domain() -> impl Strategy<Value = Domain> {
    let uuid = || proptest::option::of("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}");
    let firmware = prop_oneof![
        Just(TargetFirmware::Bios),
        Just(TargetFirmware::Uefi { secure_boot: false }),
        Just(TargetFirmware::Uefi { secure_boot: true })
    ];
    let osinfo = prop_oneof![Just(""), Just("debian12"), Just("sles15sp5"), Just("win11"), Just("archlinux")];
    let cpu = (1u32..40, 1u32..40, 1u32..40).prop_map(|(sockets, cores, threads)| CpuTopology {
        sockets,
        cores,
        threads,
    });
    let machine = prop_oneof![Just(Machine::Q35), Just(Machine::I440fx)];
    let clock = prop_oneof![Just(Clock::Utc), Just(Clock::Localtime)];
    let nics = proptest::collection::vec(any_nic(), 0..5);
    let head = (any_name(), uuid(), uuid(), osinfo, 1u64..1 << 44, cpu);
    let extras = (any_hyperv(), any_helpers());
    (head, machine, firmware, any::<bool>(), (clock, extras), any_disks(), nics, 0u32..9).prop_map(
        |(
            (name, uuid, genid, osinfo, memory_bytes, cpu),
            machine,
            firmware,
            tpm,
            (clock, (hyperv, mut helpers)),
            disks,
            nics,
            cdroms,
        )| {
            let machine =
                if firmware == (TargetFirmware::Uefi { secure_boot: true }) { Machine::Q35 } else { machine };
            let osinfo = osinfo.to_owned();
            helpers.usb2 &= machine == Machine::Q35;
            Domain {
                name,
                uuid,
                genid,
                osinfo,
                memory_bytes,
                cpu,
                machine,
                firmware,
                tpm,
                clock,
                hyperv,
                helpers,
                disks,
                nics,
                cdroms,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_domain_reads_back_as_it_was(domain in any_domain()) {
        let text = libvirt_xml(&domain, dir()).unwrap();
        prop_assert_eq!(from_xml(&text).unwrap(), covered(&domain));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(<[a-z!?/ ='\"&;\\[\\]-]{0,20}>?){0,20}") {
        let _ = from_xml(&text);
    }
}
