//! `h2k batch`, `h2k plan -f`, `h2k migrate --plan`.

use crate::common::{Place, digests, phony};

/// What differs from run to run: the place, and how much a file system takes.
fn normalised(place: &Place, text: &str) -> String {
    let text = text.replace(place.dir.path().to_str().unwrap(), "DIR");
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    text.lines().map(words).collect::<Vec<_>>().join("\n")
}

#[test]
fn check_prints_what_is_found_or_every_mistake() {
    let place = Place::new();
    for name in ["web01", "db01"] {
        place.write(&format!("exports/{name}/{name}.vmx"), format!("displayName = \"{name}\"\n"));
    }
    let file = "version: 1\nwaves: [front, rest]\nvms:\n  - {from: exports/web*/*.vmx, wave: front, priority: 5}\n  \
                - {source: exports/db01/db01.vmx, name: db, wave: rest, deadline: '2099-01-01T00:00:00Z'}\n";
    place.write("night.yaml", file);
    let ran = place.h2k(["batch", "check", "night.yaml"]).expect(0);
    insta::assert_snapshot!(normalised(&place, &ran.stdout), @"");
    let json = place.h2k(["batch", "check", "night.yaml", "--json"]).expect(0).json();
    assert_eq!(json["vms"][1]["name"], "db");
    assert_eq!(json["waves"], serde_json::json!(["front", "rest"]));

    let wrong =
        file.replace("wave: rest", "wav: rest").replace("name: db", "name: web01") + "    disk_bus: ide\n";
    place.write("night.yaml", wrong);
    let ran = place.h2k(["batch", "check", "night.yaml"]).expect(2);
    insta::assert_snapshot!(normalised(&place, &ran.stderr), @"");
    // What only the files show is told with its place, too.
    let lost = "version: 1\nvms:\n  - from: exports/x*/*.vmx\n  - source: exports/none.vmx\n  - {source: exports/db01, name: web01}\n  \
                - from: exports/*/web01.vmx\n  - {source: [exports/db01, exports/web01]}\n";
    place.write("night.yaml", lost);
    let ran = place.h2k(["batch", "check", "night.yaml"]).expect(2);
    insta::assert_snapshot!(normalised(&place, &ran.stderr), @"");
    // No other command does anything with such a file.
    place.h2k(["plan", "-f", "night.yaml"]).expect(2);
    place.h2k(["batch", "check", "nowhere.yaml"]).expect(2);
}

#[test]
fn a_batch_is_planned_side_by_side_and_a_saved_plan_is_carried_out_or_refused() {
    let place = Place::new();
    let vmx = phony::guest(&place, "web01");
    place.write("src/lost.vmx", "displayName = \"lost\"\nscsi0.present = \"TRUE\"\nscsi0:0.present = \"TRUE\"\nscsi0:0.fileName = \"no.vmdk\"\n");
    let before = digests(&place.path("src"));
    place.write(
        "night.yaml",
        "version: 1\nname: night\ndefaults: {output: out, no-boot: true}\nnetworks: {'VM Network': {bridge: br1, vlan: 100}}\n\
         vms:\n  - {source: src/web01.vmx, name: web, disk-bus: virtio-scsi}\n  - source: src/lost.vmx\n",
    );
    let ran = place.h2k(["plan", "-f", "night.yaml", "-o", "plans"]).expect(4);
    let shown = normalised(&place, &ran.stdout);
    assert!(
        shown.starts_with("VM OS DISKS TO COPY EDITS CRITICAL WARNINGS NOTES SPACE\nweb Debian GNU/Linux 12"),
        "{shown}"
    );
    assert!(shown.contains("\nlost cannot be planned\n") && shown.contains("no.vmdk"), "{shown}");
    assert_eq!(std::fs::read_dir(place.path("plans")).unwrap().count(), 1);

    let one = place.h2k(["plan", "-f", "night.yaml", "--vm", "web"]).expect(0).stdout;
    assert!(
        one.contains("VM web\n") && one.contains("sda virtio-scsi") && one.contains("bridge br1, VLAN 100"),
        "{one}"
    );
    let ran = place.h2k(["plan", "-f", "night.yaml", "--vm", "wep"]).expect(2);
    assert!(ran.stderr.contains("did you mean web?"), "{}", ran.stderr);
    let json = place.h2k(["plan", "-f", "night.yaml", "--vm", "web", "--json"]).expect(0).json();
    assert_eq!((&json["version"], &json["rows"][0]["name"]), (&1.into(), &"web".into()));
    assert_eq!(
        json["vms"][0]["target"]["nics"][0]["target"],
        serde_json::json!({"bridge": "br1", "vlan": [100]})
    );
    // What stands above a batch file, and what stands below it.
    let raw = place
        .h2k(["plan", "-f", "night.yaml", "--vm", "web", "--json", "--disk-bus", "virtio-blk"])
        .expect(0)
        .json();
    assert_eq!(raw["vms"][0]["target"]["disks"][0]["target"], "vda");

    let saved = place.path("plans/web.plan.json");
    let text = std::fs::read_to_string(&saved).unwrap();
    let refused = |text: &str, code: i32, message: &str| {
        let file = place.write("other.plan.json", text);
        let ran = place.h2k(["migrate", "--plan", file.to_str().unwrap()]).expect(code);
        assert!(ran.stderr.contains(message), "{message}: {}", ran.stderr);
        assert_eq!(place.results("out"), Vec::<String>::new());
    };
    refused(
        &text.replacen("\"version\": 1", "\"version\": 2", 1),
        2,
        "is a plan of version 2; this h2k reads version 1",
    );
    refused("{}", 2, "is no plan: it has no version");
    refused("[", 2, "is no plan: ");
    refused(&text.replace("UUID=", "UUID=0"), 3, "edit 1 (");
    let ran = place.h2k(["migrate", "--plan", "plans/web.plan.json", "--format", "raw"]).expect(2);
    assert!(ran.stderr.contains("a saved plan is carried out as it stands"), "{}", ran.stderr);

    place.h2k(["migrate", "--plan", "plans/web.plan.json"]).expect(0);
    assert_eq!(place.results("out"), ["web"]);
    let done: serde_json::Value =
        serde_json::from_slice(&std::fs::read(place.path("out/web/plan.json")).unwrap()).unwrap();
    let planned: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(done["vms"][0]["edits"], planned["vms"][0]["edits"]);
    assert_eq!(digests(&place.path("src")), before, "the source was touched");

    std::fs::remove_dir_all(place.path("out")).unwrap();
    let vmdk = vmx.with_extension("vmdk");
    let mut bytes = std::fs::read(&vmdk).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&vmdk, bytes).unwrap();
    let ran = place.h2k(["migrate", "--plan", "plans/web.plan.json"]).expect(3);
    assert!(ran.stderr.contains("the source of web has changed since"), "{}", ran.stderr);
    assert_eq!(place.results("out"), Vec::<String>::new());
}
