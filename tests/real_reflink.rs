//! A migration within one file system that shares blocks: nothing is copied but what FIX wrote.

use crate::common::disk::text;
use crate::common::guest::guest;
use crate::common::mount::Mount;
use crate::common::tree::{assert_only_planned, built_tree, tree};
use crate::common::{Place, digest, ok};

#[test]
fn blocks_are_shared_and_the_edits_are_in() {
    let guest = guest("debian12-bios");
    let place = Place::new();
    let xfs = Mount::xfs(&place, "xfs", 6 << 10);
    let source = xfs.path("disk.vmdk");
    let [disk] = guest.disks().try_into().unwrap();
    let flat = ["convert", "-f", "vmdk", "-O", "vmdk", "-o", "subformat=monolithicFlat"];
    ok("qemu-img", &[&flat[..], &[text(&disk), text(&source)]].concat());
    let before = digest(&xfs.path("disk-flat.vmdk"));

    let out = xfs.path("out");
    place.h2k(["migrate", text(&source), "-o", text(&out), "--format", "raw", "--no-boot"]).expect(0);
    assert_eq!(digest(&xfs.path("disk-flat.vmdk")), before, "the source was touched");
    let result = out.join("disk");
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(result.join("report.json")).unwrap()).unwrap();
    let copied = &report["disks"][0]["transfer"]["copied"];
    let count = |what: &str| copied[what].as_u64().unwrap();
    assert!(count("shared") > 300 << 20, "{copied:#}");
    assert!(count("written") < count("shared") / 2, "{copied:#}");

    let new = result.join("disk0.raw");
    let mounts = [("/dev/sda1", "/")];
    let place_for = place.path("");
    assert_only_planned(
        &built_tree(&guest, &mounts, None, &place_for),
        &tree(std::slice::from_ref(&new), &mounts, &place_for),
        &report["edits"],
    );
    let again = place.h2k(["plan", "--json", text(&new)]).expect(0).json();
    assert_eq!(again["vms"][0]["edits"], serde_json::json!([]), "the result still needs edits");
}
