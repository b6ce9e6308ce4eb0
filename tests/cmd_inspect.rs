//! `h2k inspect`: source and facts, without a decision.

use crate::common::{Place, phony};

#[test]
fn json_holds_source_and_facts() {
    let place = Place::new();
    let vmx = phony::guest(&place, "web01");
    let json = place.h2k(["inspect", vmx.to_str().unwrap(), "--json"]).expect(0).json();
    assert_eq!(json["version"], 1);
    let vm = &json["vms"][0];
    assert_eq!(vm["source"]["nics"][0]["mac"], "00:50:56:00:00:01");
    assert_eq!(vm["facts"]["systems"][0]["distro"], "debian");
    assert_eq!(vm["facts"]["firmware"], "bios");
    assert_eq!(vm["facts"]["network"]["interfaces"][0]["name"], "ens192");
    let initramfs = &vm["facts"]["kernels"][0]["initramfs"];
    assert!(initramfs["modules"].as_array().unwrap().iter().any(|m| m == "virtio_blk"), "{initramfs:#}");
}

#[test]
fn text_is_for_people() {
    let place = Place::new();
    let vmx = phony::guest(&place, "web01");
    let text = place.h2k(["inspect", vmx.to_str().unwrap()]).expect(0).stdout;
    for part in ["VM web01", "Debian GNU/Linux 12", "00:50:56:00:00:01", "virtio in its initramfs"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}
