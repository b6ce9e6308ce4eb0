//! Exit codes, settings and the small subcommands.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{Place, run};

#[test]
fn a_wrong_command_line_ends_with_2() {
    let place = Place::new();
    place.h2k(["migrate"]).expect(2);
    place.h2k(["frobnicate"]).expect(2);
    place.h2k(["plan", "x.vmx", "--format", "vdi"]).expect(2);
}

#[test]
fn an_unknown_key_names_its_line_and_the_nearest_key() {
    let place = Place::new();
    place.write("h2k.yaml", "format: raw\ndisk-buss: virtio-scsi\n");
    let ran = place.h2k(["status"]).expect(2);
    for part in ["h2k.yaml", "2", "disk-buss", "disk-bus"] {
        assert!(ran.stderr.contains(part), "{part} is not in\n{}", ran.stderr);
    }
}

#[test]
fn every_fixer_and_every_rule_is_listed() {
    let place = Place::new();
    let fixers = place.h2k(["fixers"]).expect(0).stdout;
    for fixer in h2k_fixers::registry::FIXERS {
        assert!(fixers.contains(fixer.id()), "{} is not in\n{fixers}", fixer.id());
    }
    let rules = place.h2k(["rules"]).expect(0).stdout;
    for rule in h2k::plan::rules::all() {
        assert!(rules.contains(rule.id), "{} is not in\n{rules}", rule.id);
    }
}

/// A boot sector that prints a text on the first serial port, then halts.
fn prints(text: &str) -> Vec<u8> {
    let code = b"\xfa\x31\xc0\x8e\xd8\xbe\x16\x7c\xba\xf8\x03\xac\x84\xc0\x74\x03\xee\xeb\xf8\xf4\xeb\xfd";
    let mut sector = [&code[..], text.as_bytes(), &[0]].concat();
    sector.resize(510, 0);
    sector.extend([0x55, 0xaa]);
    sector
}

/// Whether a guest prints its word with KVM on this host, asked without h2k.
fn kvm_runs_a_guest(place: &Place) -> bool {
    let disk = place.write("prints.raw", prints("alive"));
    let serial = place.path("prints.log");
    let drive = format!("format=raw,snapshot=on,file={}", disk.display());
    let port = format!("file:{}", serial.display());
    let mut qemu = Command::new("timeout");
    qemu.args(["-s", "KILL", "10", "qemu-system-x86_64", "-accel", "kvm", "-cpu", "host"]);
    qemu.args(["-display", "none", "-nodefaults", "-drive", &drive, "-serial", &port]);
    run(&mut qemu);
    std::fs::read_to_string(&serial).is_ok_and(|said| said.contains("alive"))
}

#[test]
fn doctor_tells_the_truth_about_kvm() {
    let place = Place::new();
    // Whatever else it finds on this host.
    let json = place.h2k(["doctor", "--json"]).json();
    let kvm = json["checks"].as_array().unwrap().iter().find(|check| check["id"] == "kvm").unwrap();
    // One that takes its time with it is of no use either: a KVM that is itself emulated.
    let ok = kvm["health"] == "ok";
    assert!(ok || kvm["health"] == "warn", "{kvm:#}");
    assert!(!ok || kvm_runs_a_guest(&place), "{kvm:#}");
    assert_eq!(kvm["advice"] == "", ok, "{kvm:#}");
}

#[test]
fn a_disk_that_does_not_boot_ends_with_5_and_its_evidence() {
    let place = Place::new();
    let disk = place.write("blank.raw", vec![0u8; 8 << 20]);
    let junit = place.path("boot.xml");
    let ran = place.h2k([
        "test",
        disk.to_str().unwrap(),
        "--evidence",
        place.path("evidence").to_str().unwrap(),
        "--junit",
        junit.to_str().unwrap(),
    ]);
    let ran = ran.expect(5);
    assert!(ran.stdout.contains("failed"), "{}", ran.stdout);
    assert!(std::fs::read_to_string(&junit).unwrap().contains("<failure"));
    let png = std::fs::read(place.path("evidence/screen.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG"));
}

/// `vm.xml`: a domain with this disk.
fn domain(place: &Place, disk: &Path) -> PathBuf {
    place.write(
        "vm.xml",
        format!(
            "<domain type='kvm'><name>blank</name><memory unit='MiB'>256</memory><vcpu>1</vcpu>\
             <os><type arch='x86_64' machine='q35'>hvm</type></os>\
             <devices><disk type='file' device='disk'><driver name='qemu' type='raw'/>\
             <source file='{}'/><target dev='vda' bus='virtio'/></disk></devices></domain>",
            disk.display()
        ),
    )
}

#[test]
fn a_domain_and_a_disk_that_boot_are_proven() {
    let place = Place::new();
    let mut bytes = prints("\r\nweb01 login: ");
    bytes.resize(8 << 20, 0);
    let disk = place.write("prints.raw", bytes);
    let xml = domain(&place, &disk);
    let targets = [xml.to_str().unwrap(), disk.to_str().unwrap()];
    let told = place.h2k(["test", targets[0], targets[1], "--json"]).expect(0).json();
    for (target, told) in targets.iter().zip(told["targets"].as_array().unwrap()) {
        assert_eq!(told["outcome"], "booted", "{target}: {told:#}");
        assert!(told["reason"].as_str().unwrap().contains("web01 login:"), "{target}: {told:#}");
    }
}

#[test]
fn a_domain_that_does_not_boot_ends_with_5_too() {
    let place = Place::new();
    let disk = place.write("blank.raw", vec![0u8; 8 << 20]);
    let xml = domain(&place, &disk);
    let ran = place.h2k(["test", xml.to_str().unwrap(), "--json"]).expect(5);
    let told = ran.json();
    assert_eq!(told["targets"][0]["outcome"], "failed", "{told:#}");
    assert!(told["targets"][0]["reason"].as_str().unwrap().contains("No bootable device"), "{told:#}");
}
