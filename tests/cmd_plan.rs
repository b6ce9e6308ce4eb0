//! `h2k plan`: what people and programs read.

use crate::common::{Place, digests, phony};

/// What differs from run to run and from machine to machine.
fn normalised(place: &Place, text: &str) -> String {
    let text = text.replace(place.dir.path().to_str().unwrap(), "DIR");
    // What the parts of the forecast are is told below the time, in lines that are further in.
    let mut in_forecast = false;
    let mut line = |l: &str| {
        in_forecast = l.starts_with("  time ") || in_forecast && l.starts_with("            ");
        if in_forecast {
            return l.starts_with("  time ").then(|| "  time      TIME".to_owned());
        }
        let (head, _) = match l.trim_start() {
            t if t.starts_with("digest ") => ("  digest    DIGEST", ()),
            t if t.starts_with("space ") => ("  space     SPACE", ()),
            _ => (l, ()),
        };
        Some(head.to_owned())
    };
    text.lines().filter_map(&mut line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_plan_shows_every_edit_as_a_diff() {
    let place = Place::new();
    let vmx = phony::guest(&place, "web01");
    let before = digests(&place.path("src"));
    let ran = place.h2k(["plan", vmx.to_str().unwrap()]).expect(0);
    insta::assert_snapshot!("plan_text", normalised(&place, &ran.stdout));
    assert_eq!(digests(&place.path("src")), before, "the source was touched");
}

#[test]
fn json_markdown_and_text_tell_the_same() {
    let place = Place::new();
    let vmx = phony::guest(&place, "web01");
    let vmx = vmx.to_str().unwrap();
    let json = place.h2k(["plan", vmx, "--json"]).expect(0).json();
    assert_eq!(json["version"], 1);
    let vm = &json["vms"][0];
    for key in ["name", "source", "facts", "target", "edits", "concerns", "forecast"] {
        assert!(!vm[key].is_null(), "{key} is missing");
    }
    let file = place.path("plan.md");
    let quiet = place.h2k(["plan", vmx, "--markdown", "-o", file.to_str().unwrap()]).expect(0);
    assert_eq!(quiet.stdout, "");
    let markdown = std::fs::read_to_string(&file).unwrap();
    for edit in vm["edits"].as_array().unwrap() {
        let path = edit["path"].as_str().unwrap();
        assert!(markdown.contains(&path.replace('_', "\\_")), "{path} is not in\n{markdown}");
    }
    // Planned twice, the plan is the same, but for the time that was measured.
    let timeless = |mut plan: serde_json::Value| {
        let time = plan["vms"][0]["forecast"]["time"].take();
        assert!(
            time["low"].as_f64() <= time["seconds"].as_f64() && time["seconds"].as_f64() > Some(1.0),
            "{time}"
        );
        plan
    };
    assert_eq!(timeless(place.h2k(["plan", vmx, "--json"]).expect(0).json()), timeless(json));
}

#[test]
fn options_shape_the_target() {
    let place = Place::new();
    let vmx = phony::guest(&place, "web01");
    let args = [
        "plan",
        vmx.to_str().unwrap(),
        "--json",
        "--name",
        "db 1",
        "--format",
        "raw",
        "--disk-bus",
        "virtio-scsi",
    ];
    let more = ["--network", "VM Network=bridge:br0", "--skip-fixer", "linux.nic-names"];
    let json = place.h2k(args.into_iter().chain(more)).expect(0).json();
    let vm = &json["vms"][0];
    assert_eq!(vm["name"], "db 1");
    assert_eq!(vm["target"]["disks"][0]["target"], "sda");
    assert_eq!(vm["target"]["disks"][0]["file"], "disk0.raw");
    assert_eq!(vm["target"]["nics"][0]["target"], serde_json::json!({"bridge": "br0"}));
    let fixers: Vec<&str> =
        vm["edits"].as_array().unwrap().iter().map(|e| e["fixer"].as_str().unwrap()).collect();
    assert!(!fixers.contains(&"linux.nic-names"), "{fixers:?}");
    place.h2k(["plan", vmx.to_str().unwrap(), "--skip-fixer", "linux.nonsense"]).expect(3);
}

#[test]
fn a_target_file_system_without_room_is_said_before_anything_is_written() {
    let place = Place::new();
    let vmx = phony::guest(&place, "web01");
    let small = place.path("small");
    std::fs::create_dir(&small).unwrap();
    crate::common::ok("mount", &["-t", "tmpfs", "-o", "size=1m", "tmpfs", small.to_str().unwrap()]);
    let ran = place.h2k(["migrate", vmx.to_str().unwrap(), "-o", small.to_str().unwrap()]);
    let names = place.results("small");
    crate::common::ok("umount", &[small.to_str().unwrap()]);
    let ran = ran.expect(3);
    assert!(ran.stderr.contains("target.space"), "{}", ran.stderr);
    assert_eq!(names, Vec::<String>::new());
}

#[test]
fn a_nic_gets_the_mac_and_the_addresses_that_are_wanted() {
    let place = Place::new();
    let vmx = phony::guest(&place, "web01");
    let vmx = vmx.to_str().unwrap();
    let (old, new) = ("00:50:56:00:00:01", "52:54:00:00:00:01");
    let pair = format!("{old}={new}");
    let ip = format!("{old}=198.51.100.7/24,198.51.100.1,198.51.100.53");
    let json = place.h2k(["plan", vmx, "--json", "--mac", &pair, "--ip", &ip]).expect(0).json();
    let vm = &json["vms"][0];
    assert_eq!(vm["target"]["nics"][0]["mac"], new);
    let written = |path: &str| {
        let edits = vm["edits"].as_array().unwrap();
        let edit = edits.iter().find(|e| e["path"] == path).unwrap();
        edit["after"]["text"].as_str().unwrap().to_owned()
    };
    assert!(written("/etc/systemd/network/10-h2k-ens192.link").contains(&format!("MACAddress={new}\n")));
    assert_eq!(
        written("/etc/network/interfaces"),
        "auto ens192\niface ens192 inet static\n\taddress 198.51.100.7\n\tnetmask 255.255.255.0\n\tgateway 198.51.100.1\n\
         \tdns-nameservers 198.51.100.53\n"
    );
    // A NIC that the VM does not have, and an address that is none.
    let ran = place.h2k(["plan", vmx, "--dhcp", "00:50:56:00:00:99"]).expect(3);
    assert!(ran.stdout.contains("policy.nic-unknown"), "{}", ran.stdout);
    let ran = place.h2k(["plan", vmx, "--ip", "00:50:56:00:00:01=198.51.100.7"]).expect(2);
    assert!(
        ran.stderr.contains("\"198.51.100.7\" is no address with the length of its prefix"),
        "{}",
        ran.stderr
    );
}
