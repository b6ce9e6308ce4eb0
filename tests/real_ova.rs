//! The same guest as an OVA: a streamOptimized disk, read in place inside the tar; its initramfs built by the guest's
//! own generator.

use crate::common::guest::guest;
use crate::common::{Place, digests, ok};

#[test]
fn an_ova_gives_the_same_disk_and_boots() {
    let guest = guest("debian12-bios");
    let before = digests(&guest.dir);
    let place = Place::new();
    let ova = guest.dir.join("guest.ova");
    let vmx = place.h2k(["plan", guest.vmx().to_str().unwrap(), "--json"]).expect(0).json();
    let from_ova = place.h2k(["plan", ova.to_str().unwrap(), "--json"]).expect(0).json();
    // The same guest, the same edits; but an OVA knows no MAC address, so the one that the name of the NIC is tied
    // to is made up.
    let paths = |plan: &serde_json::Value| -> Vec<String> {
        let edits = plan["vms"][0]["edits"].as_array().unwrap();
        edits.iter().map(|e| e.get("path").unwrap_or(&e["argv"]).to_string()).collect()
    };
    assert_eq!(paths(&vmx), paths(&from_ova));

    // Here the guest's own generator makes the initramfs.
    let how = ["--format", "raw", "--disk-bus", "virtio-scsi", "--initramfs", "tool"];
    place.h2k([&["migrate", ova.to_str().unwrap(), "-o", "out"], &how[..]].concat()).expect(0);
    assert_eq!(digests(&guest.dir), before, "the source was touched");
    let [name] = place.results("out").try_into().unwrap();
    let dir = place.path("out").join(name);
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(dir.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["verdict"]["outcome"], "booted");
    assert!(report["edits"].as_array().unwrap().iter().any(|e| e["kind"] == "run"), "{:#}", report["edits"]);
    let info =
        ok("qemu-img", &["info", "--output=json", "-f", "raw", dir.join("disk0.raw").to_str().unwrap()]);
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    assert_eq!(info["virtual-size"], 4_294_967_296_u64);
}
