//! `h2k batch`, `h2k plan -f`, `h2k migrate --plan`.

use h2k_config::yaml::{Mistakes, de, tree};

use crate::common::{Place, digests, phony};
use crate::schemas::validated;

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
    insta::assert_snapshot!(normalised(&place, &ran.stdout), @r#"
    batch night: 2 VMs in the waves front, rest
    VM WAVE PRIORITY DEADLINE SOURCE
    web01 front 5 DIR/exports/web01/web01.vmx
    db rest 2099-01-01T00:00:00Z DIR/exports/db01/db01.vmx
    "#);
    let json = place.h2k(["batch", "check", "night.yaml", "--json"]).expect(0).json();
    assert_eq!(json["vms"][1]["name"], "db");
    assert_eq!(json["waves"], serde_json::json!(["front", "rest"]));

    let wrong = file.replace("wave: rest", "wav: rest").replace("name: db", "disk_bus: ide, name: ''");
    place.write("night.yaml", wrong);
    let ran = place.h2k(["batch", "check", "night.yaml"]).expect(2);
    insta::assert_snapshot!(normalised(&place, &ran.stderr), @r#"
    h2k: error: 4 mistakes in the configuration:
    DIR/night.yaml:5:5: a VM without "wave"; the waves are front, rest
    DIR/night.yaml:5:37: unknown key "disk_bus"; did you mean "disk-bus"?
    DIR/night.yaml:5:58: name: has no value
    DIR/night.yaml:5:62: unknown key "wav"; did you mean "wave"?
    "#);
    // What only the files show is told with its place, too.
    let lost = "version: 1\nvms:\n  - from: exports/x*/*.vmx\n  - source: exports/none.vmx\n  - {source: exports/db01, name: web01}\n  \
                - from: exports/*/web01.vmx\n  - {source: [exports/db01, exports/web01]}\n";
    place.write("night.yaml", lost);
    let ran = place.h2k(["batch", "check", "night.yaml"]).expect(2);
    insta::assert_snapshot!(normalised(&place, &ran.stderr), @r#"
    h2k: error: 4 mistakes in the configuration:
    DIR/night.yaml:3:11: "exports/x*/*.vmx" matches nothing
    DIR/night.yaml:4:13: DIR/exports/none.vmx does not exist
    DIR/night.yaml:6:5: two VMs are called "web01": DIR/exports/db01 (line 5) and DIR/exports/web01/web01.vmx: give one of them a name of its own
    DIR/night.yaml:7:14: these are several VMs (an entry with source is one VM: write an entry for each)
    "#);
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
        shown.starts_with(
            "VM OS DISKS TO COPY EDITS CRITICAL WARNINGS NOTES SPACE TIME\nweb Debian GNU/Linux 12"
        ),
        "{shown}"
    );
    assert!(shown.contains("\nlost cannot be planned\n") && shown.contains("no.vmdk"), "{shown}");
    assert_eq!(std::fs::read_dir(place.path("plans")).unwrap().count(), 1);

    let ran = place.h2k(["plan", "-f", "night.yaml", "--vm", "wep"]).expect(2);
    assert!(ran.stderr.contains("did you mean web?"), "{}", ran.stderr);
    // The command line stands above a batch file.
    let args = ["plan", "-f", "night.yaml", "--vm", "web", "--json", "--format", "raw"];
    let json = place.h2k(args).expect(0).json();
    assert_eq!((&json["version"], &json["rows"][0]["name"]), (&1.into(), &"web".into()));
    let target = &json["vms"][0]["target"];
    assert_eq!(target["nics"][0]["target"], serde_json::json!({"bridge": "br1", "vlans": [100]}));
    assert_eq!(
        (&target["disks"][0]["target"], &target["disks"][0]["file"]),
        (&"sda".into(), &"disk0.raw".into())
    );

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

#[test]
fn a_batch_file_is_begun_with_what_is_found() {
    let place = Place::new();
    phony::guest(&place, "web01");
    place.write("src/lost.vmx", "scsi0:0.present = \"TRUE\"\nscsi0:0.fileName = \"no.vmdk\"\n");
    let ran = place.h2k(["batch", "init", "src", "-o", "night.yaml"]).expect(4);
    assert!(ran.stderr.contains("1 of 2 sources"), "{}", ran.stderr);
    let text = std::fs::read_to_string(place.path("night.yaml")).unwrap();
    for part in [
        "\n  # debian12-64, 2 vCPUs, 512.0 MiB of memory\n  # disk scsi0:0 web01.vmdk, 320.0 MiB\n",
        "\n  # NIC 00:50:56:00:00:01 on VM Network\n  - source: src/web01.vmx\n    name: web01\n",
        "\n  \"VM Network\": network:default  # of web01\n",
        "src/lost.vmx: ",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    place.h2k(["batch", "check", "night.yaml"]).expect(0);
    let ran = place.h2k(["batch", "init", "src", "-o", "night.yaml"]).expect(2);
    assert!(ran.stderr.contains("is there already"), "{}", ran.stderr);
    place.h2k(["batch", "init", "tree-web01"]).expect(2);
}

/// A YAML text as a JSON value.
fn json(text: &str) -> serde_json::Value {
    let limits = tree::Limits { bytes: 1 << 20, nodes: 100_000 };
    let mut mistakes = Mistakes::default();
    let node = tree::read(text, limits, &mut mistakes).unwrap();
    assert_eq!(mistakes, Mistakes::default());
    de::from_node(&node).unwrap()
}

#[test]
fn the_schema_takes_what_the_reader_takes_and_refuses_what_it_refuses() {
    let place = Place::new();
    let schema = place.h2k(["batch", "schema"]).expect(0).json();
    let example = place.h2k(["batch", "example"]).expect(0).stdout;
    // Prose has a blank after the sign, or before it.
    let key = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && (!rest.starts_with(' ') || rest.starts_with("  ")) => {
            rest.to_owned()
        }
        _ => line.to_owned(),
    };
    let whole: String = example.lines().map(|line| key(line) + "\n").collect();
    for text in [example.as_str(), &whole, "version: 1\nvms: {from: '*.vmx'}\n"] {
        let ran = validated(&schema, &json(text));
        assert_eq!(ran.code, 0, "{}{}\n{text}", ran.stdout, ran.stderr);
    }
    for wrong in [
        "version: 2\nvms: [{source: a}]\n",
        "version: 1\n",
        "version: 1\nvms: []\n",
        "version: 1\nvms: [{source: a, from: b}]\n",
        "version: 1\nvms: [{name: a}]\n",
        "version: 1\nvms: [{source: a, disk_bus: ide}]\n",
        "version: 1\nvms: [{source: a, disk-bus: ide}]\n",
        "version: 1\nvms: [{source: a, state: b}]\n",
        "version: 1\nvms: [{source: a}]\nnetworks: {a: {bridge: b, vlan: 4095}}\n",
        "version: 1\nvms: [{source: a}]\nwaves: [{after: [a]}]\n",
        "version: 1\nvms: [{source: a}]\nhooks: [{when: before-nothing, run: [x]}]\n",
    ] {
        assert_eq!(validated(&schema, &json(wrong)).code, 1, "{wrong}");
        place.write("wrong.yaml", wrong);
        place.write("a", "");
        place.h2k(["batch", "check", "wrong.yaml"]).expect(2);
    }
}
