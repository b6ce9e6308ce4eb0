//! The boot chain of real guests, looked at without booting them: whole where it is, and the link that is broken named.

use std::time::Instant;

use crate::common::Place;
use crate::common::guest::{Guest, guest};
use crate::common::host_tree::change;

/// Migrates without a boot; the report.
fn migrate(place: &Place, guest: &Guest, skipped: &[&str], code: i32) -> serde_json::Value {
    let vmx = guest.vmx();
    let mut args = vec!["migrate", vmx.to_str().unwrap(), "-o", "out", "--no-boot"];
    for id in skipped {
        args.extend(["--skip-fixer", id]);
    }
    let ran = place.h2k(args).expect(code);
    let [name] = place.results("out").try_into().unwrap();
    let report = std::fs::read(place.path("out").join(name).join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    let said = if code == 0 { &ran.stdout } else { &ran.stderr };
    for link in open(&report["readiness"]) {
        let detail = link.rsplit(": ").next().unwrap();
        assert!(code != 0 || said.contains(detail), "{link} is not told in\n{said}");
    }
    report
}

/// Every link that is not ok.
fn open(links: &serde_json::Value) -> Vec<String> {
    let links = links.as_array().unwrap();
    let text = |l: &serde_json::Value, key: &str| l[key].as_str().unwrap().to_owned();
    let line = |l| {
        format!("{} {}: {}: {}", text(l, "state"), text(l, "link"), text(l, "subject"), text(l, "detail"))
    };
    links.iter().filter(|l| l["state"] != "ok").map(line).collect()
}

fn kinds(links: &serde_json::Value) -> Vec<&str> {
    let mut kinds: Vec<&str> =
        links.as_array().unwrap().iter().map(|l| l["link"].as_str().unwrap()).collect();
    kinds.dedup();
    kinds
}

#[test]
fn a_kernel_that_is_missing_is_named_without_a_boot() {
    let place = Place::new();
    let report = migrate(&place, &guest("debian12-stock"), &[], 0);
    assert_eq!(open(&report["readiness"]), Vec::<String>::new());
    assert_eq!(
        kinds(&report["readiness"]),
        ["firmware", "boot-loader", "kernel", "initramfs", "root", "fstab", "network"]
    );

    change(&place.path("out/debian12-stock/disk0.qcow2"), |root| {
        let kernels: Vec<_> = std::fs::read_dir(root.join("boot"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("vmlinuz-"))
            .collect();
        assert!(!kernels.is_empty());
        kernels.iter().for_each(|kernel| std::fs::remove_file(kernel).unwrap());
    });
    let started = Instant::now();
    let tested = place.h2k(["test", "out/debian12-stock", "--json"]).expect(5).json();
    eprintln!("h2k test took {:.1} s", started.elapsed().as_secs_f64());
    let verdict = &tested["targets"][0];
    assert_eq!(verdict["outcome"], "failed", "{verdict:#}");
    let reason = verdict["reason"].as_str().unwrap();
    assert!(
        reason.starts_with(
            "not booted, the boot chain is broken: kernel: /boot/grub/grub.cfg: there is no /boot/vmlinuz-"
        ),
        "{reason}"
    );
    assert_eq!(verdict["evidence"]["accel"], serde_json::Value::Null, "it was booted");
    assert_eq!(open(&verdict["evidence"]["readiness"]).len(), 1);
}

#[test]
fn a_guest_that_lost_its_network_shows_that_it_boots() {
    let place = Place::new();
    let report = migrate(&place, &guest("debian12-stock"), &["linux.nic-names"], 5);
    assert!(open(&report["readiness"])[0].starts_with("broken network: ens192: "), "{report:#}");
    // It has no serial console of its own: without one, nothing would be seen of it.
    let tested = place.h2k(["test", "out/debian12-stock", "--json"]).expect(5).json();
    let verdict = &tested["targets"][0];
    assert_eq!(verdict["evidence"]["console_added"], true, "{verdict:#}");
    let reason = verdict["reason"].as_str().unwrap();
    assert!(reason.starts_with("it boots (") && reason.contains("a link is broken: network"), "{reason}");
}

#[test]
fn repairs_that_are_left_out_break_links() {
    let place = Place::new();
    let skipped = ["linux.initramfs", "linux.nic-names", "linux.fstab"];
    let report = migrate(&place, &guest("debian12-bios"), &skipped, 5);
    let open = open(&report["readiness"]);
    for want in
        ["broken initramfs: /boot/initrd.img-", "broken fstab: /etc/fstab: /: ", "broken network: ens192: "]
    {
        assert!(open.iter().any(|l| l.starts_with(want)), "{want} is not in {open:#?}");
    }
}

#[test]
fn uefi_with_logical_volumes() {
    let place = Place::new();
    let guest = guest("debian12-uefi");
    let report = migrate(&place, &guest, &["linux.initramfs"], 5);
    let found = open(&report["readiness"]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("broken initramfs: /boot/initrd.img-"), "{found:#?}");

    let place = Place::new();
    let report = migrate(&place, &guest, &["linux.initramfs", "linux.uefi-fallback"], 5);
    let found = open(&report["readiness"]);
    assert!(found[0].contains("there is no EFI/BOOT/BOOTX64.EFI"), "{found:#?}");
}
