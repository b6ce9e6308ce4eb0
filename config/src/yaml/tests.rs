use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::choice::LogFormat;
use crate::customize::{CopyIn, Customize};
use crate::expression::Expression;
use crate::policy::{Compress, DiskBus, Engine, InitramfsWay, NetworkTarget, NicModel, TargetFormat, Tools};
use crate::rules::{Accepted, Severities, UserRule, UserRules, Weight};

fn told(text: &str) -> Vec<String> {
    let shown = |m: &Mistake| match m.at {
        Some((line, column)) => format!("{line}:{column} {}", m.message),
        None => m.message.clone(),
    };
    settings(text).unwrap_err().list.iter().map(shown).collect()
}

#[test]
fn every_key_is_read() {
    let read = settings(
        "output: /srv/vms\nformat: raw\ndisk-bus: virtio-scsi\ninitramfs: append\nnetwork:\n  VM Network: bridge:br0\n  '*': network:default\n\
         skip-fixer: [linux.tools]\nno-boot: true\nboot-timeout: 300\ntemp-dir: 1.10\nmetrics: m.prom\nstate: s.db\nlog-format: json\n\
         compress: zstd\nkeep-base: true\nparent: [/a, b]\nengine: qemu\nthreads: 4\nlimit-rate: 1G\nno-sample: true\ncloud-init: disable\n\
         key: ['all:env:K', /dev/sda2:file:p]\nroot: /dev/vg/root\n\
         mac: {\"00:50:56:aa:00:01\": \"52:54:00:00:00:01\"}\ndhcp: [\"00:50:56:AA:00:02\"]\n\
         nic-model: rtl8139\nvirtio-win: /vw.iso\ntools: remove\nagent-packages: /pkg\nregenerate-identity: yes\nserial-console: true\n\
         customize: {hostname: web, files: [{from: a, to: /b, mode: 0600}]}\n\
         rules: [{id: site.big, when: 'source.memory_mib > 65536', severity: warning, message: m, advice: a}]\n\
         severity: {source.snapshots: critical}\naccept: {disk.independent: ticket 4711}\n",
    );
    let expected = Settings {
        output: Some(PathBuf::from("/srv/vms")),
        format: Some(TargetFormat::Raw),
        compress: Some(Compress::Zstd),
        keep_base: Some(true),
        parent: Some(vec![PathBuf::from("/a"), PathBuf::from("b")]),
        engine: Some(Engine::Qemu),
        threads: Some(4),
        limit_rate: Some(1 << 30),
        no_sample: Some(true),
        disk_bus: Some(DiskBus::VirtioScsi),
        nic_model: Some(NicModel::Rtl8139),
        initramfs: Some(InitramfsWay::Append),
        network: [
            ("VM Network".to_owned(), NetworkTarget::bridge("br0")),
            ("*".to_owned(), NetworkTarget::network("default")),
        ]
        .into(),
        mac: [("00:50:56:aa:00:01".to_owned(), "52:54:00:00:00:01".to_owned())].into(),
        addressing: [("00:50:56:aa:00:02".to_owned(), crate::Addressing::Dhcp)].into(),
        cloud_init: Some(crate::CloudInit::Disable),
        skip_fixer: Some(vec!["linux.tools".to_owned()]),
        key: Some(vec!["all:env:K".parse().unwrap(), "/dev/sda2:file:p".parse().unwrap()]),
        root: Some("/dev/vg/root".to_owned()),
        no_boot: Some(true),
        boot_timeout: Some(300),
        temp_dir: Some(PathBuf::from("1.10")),
        metrics: Some(PathBuf::from("m.prom")),
        state: Some(PathBuf::from("s.db")),
        log_format: Some(LogFormat::Json),
        tools: Some(Tools::Remove),
        agent_packages: Some(PathBuf::from("/pkg")),
        virtio_win: Some(PathBuf::from("/vw.iso")),
        regenerate_identity: Some(true),
        serial_console: Some(true),
        customize: Some(Customize {
            hostname: Some("web".to_owned().try_into().unwrap()),
            files: vec![CopyIn {
                from: PathBuf::from("a"),
                to: "/b".to_owned().try_into().unwrap(),
                mode: Some("0600".to_owned().try_into().unwrap()),
                owner: None,
            }],
            ..Customize::default()
        }),
        rules: Some(UserRules(vec![UserRule {
            id: "site.big".to_owned().try_into().unwrap(),
            when: Expression::parse("source.memory_mib > 65536").unwrap(),
            severity: Weight::Warning,
            message: "m".to_owned().try_into().unwrap(),
            advice: Some("a".to_owned().try_into().unwrap()),
        }])),
        severity: Some(Severities([("source.snapshots".to_owned(), Weight::Critical)].into())),
        accept: Some(Accepted([("disk.independent".to_owned(), "ticket 4711".to_owned())].into())),
    };
    assert_eq!(read, Ok(expected));
}

#[test]
fn nothing_is_no_mistake() {
    for text in ["", "# only a comment\n", "---\n", "{}\n"] {
        assert_eq!(settings(text), Ok(Settings::default()), "{text:?}");
    }
}

#[test]
fn all_mistakes_are_told_with_their_places() {
    let text = "ouput: /srv\n# a comment\nformat: vmdk\nno-boot: maybe\nnetwork:\n  a: br0\npassword: x\nformat: raw\nformat: raw\n";
    assert_eq!(
        told(text),
        [
            "1:1 unknown key \"ouput\"; did you mean \"output\"?",
            "3:9 format: \"vmdk\" is none of qcow2, raw",
            "4:10 no-boot: \"maybe\" is neither true nor false",
            "6:6 network: \"br0\" is no target: write network:NAME (a libvirt network) or bridge:NAME (a host bridge)",
            "7:1 unknown key \"password\"; the keys are output, format, compress, keep-base, disk-bus, nic-model, initramfs, network, mac, ip, dhcp, \
             cloud-init, skip-fixer, key, root, tools, agent-packages, virtio-win, regenerate-identity, serial-console, customize, rules, severity, accept, no-boot, boot-timeout, parent, engine, threads, limit-rate, no-sample, temp-dir, metrics, state, \
             log-format",
            "8:1 format is set twice, first on line 3",
            "9:1 format is set twice, first on line 3",
        ]
    );
}

#[test]
fn a_value_of_another_shape_is_told_like_any_other() {
    let text = "output: [a]\nno-boot:\nskip-fixer: {a: b}\nnetwork: true\nboot-timeout: 0\nouput: 1\n";
    assert_eq!(
        told(text),
        [
            "1:9 output: a list is given, one value is wanted",
            "2:8 no-boot: has no value",
            "3:13 skip-fixer: a mapping is given, a list is wanted",
            "4:10 network: \"true\" maps nothing: write SOURCE=network:NAME or SOURCE=bridge:NAME, and * for every other SOURCE",
            "5:15 boot-timeout: \"0\" is no number of seconds from 1 to 86400",
            "6:1 unknown key \"ouput\"; did you mean \"output\"?",
        ]
    );
}

#[test]
fn mistakes_in_a_section_are_told_with_their_places() {
    for (text, message) in [
        (
            "customize:\n  hostname: web 01\nno-boot: maybe\n",
            "2:13 customize.hostname: \"web 01\" is no host name: labels of letters, digits and dashes, 64 characters at most",
        ),
        (
            "format: raw\ncustomize:\n  users:\n  - name: a\n    grups: x\n",
            "5:5 customize.users[0]: unknown key \"grups\"; did you mean \"groups\"?",
        ),
        ("customize:\n  users: [{groups: [a]}]\n", "2:11 customize.users[0]: name is missing"),
        (
            "customize:\n  files:\n  - from: a\n    to: ../etc/passwd\n",
            "4:9 customize.files[0].to: \"../etc/passwd\" is no absolute path of a file in the guest",
        ),
        (
            "customize:\n  units: {enable: a}\n",
            "2:19 customize.units.enable: a text is given, a list is wanted",
        ),
        ("customize: a\n", "1:12 customize: a text is given, a mapping is wanted"),
        ("customize:\n  hostnam: x\n", "2:3 customize: unknown key \"hostnam\"; did you mean \"hostname\"?"),
    ] {
        assert_eq!(told(text)[0], message);
    }
    assert_eq!(told("customize:\n  hostname: web 01\nno-boot: maybe\n").len(), 2);
    assert_eq!(
        settings("customize: {}\n"),
        Ok(Settings { customize: Some(Customize::default()), ..Settings::default() })
    );
}

#[test]
fn mistakes_in_rules_are_told_with_their_places() {
    for (text, message) in [
        (
            "rules:\n- id: source.big\n",
            "2:7 rules[0].id: \"source.big\": source.* is h2k's own; rules of yours are site.* or another area",
        ),
        (
            "rules:\n- id: Big\n",
            "2:7 rules[0].id: \"Big\" is no id: write area.finding in small letters, digits and dashes",
        ),
        (
            "rules:\n- id: site.a\n  when: source.x >\n",
            "3:9 rules[0].when: the condition is not understood: Syntax error",
        ),
        ("rules:\n- id: site.a\n  wen: x\n", "3:3 rules[0]: unknown key \"wen\"; did you mean \"when\"?"),
        (
            "rules:\n- {id: site.a, when: 'true', severity: fatal, message: m}\n",
            "2:40 rules[0].severity: \"fatal\" is none of information, warning, critical",
        ),
        (
            "rules:\n- {id: site.a, when: 'true', severity: warning, message: ' '}\n",
            "rules[0].message: an empty text says nothing",
        ),
        (
            "severity:\n  source.snapshot: critical\n",
            "there is no concern \"source.snapshot\"; did you mean \"source.snapshots\"?",
        ),
        ("severity: {target.unfit: warning}\n", "target.unfit stays critical: the result would be wrong"),
        (
            "accept: {disk.independant: x}\n",
            "there is no concern \"disk.independant\"; did you mean \"disk.independent\"?",
        ),
        ("accept: {target.unfit: x}\n", "target.unfit cannot be accepted: the result would be wrong"),
        (
            "accept: {disk.independent: ''}\n",
            "the reason to accept disk.independent: an empty text says nothing",
        ),
        (
            "accept: {disk.independent: a, disk.independent: b}\n",
            "disk.independent is set twice, first on line 1",
        ),
    ] {
        let told = told(text);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(message), "{text}: {told:?}");
    }
    let rule = "{id: site.a, when: 'true', severity: warning, message: m}";
    assert!(told(&format!("rules: [{rule}, {rule}]\n"))[0].contains("site.a stands twice"));
    assert!(settings("severity: {site.a: critical}\naccept: {site.b: reason}\n").is_ok());
}

#[test]
fn text_that_is_no_mapping_is_refused() {
    for (text, message) in [
        ("- a\n", "1:1 a list is given, settings as \"key: value\" are wanted"),
        ("just words\n", "1:1 a text is given, settings as \"key: value\" are wanted"),
        ("a: b\n--- \na: b\n", "2:1 a second document begins here: a file is one document"),
        ("skip-fixer: ]\n", "1:13 this is no YAML: misplaced bracket"),
        ("output: a: b\n", "1:10 this is no YAML: mapping values are not allowed in this context"),
        ("[a]: b\n", "1:1 a list cannot be a name"),
        ("output: *nothing\n", "1:9 this is no YAML: while parsing node, found unknown anchor"),
        ("output: &a [*a]\n", "1:13 an alias stands within what it repeats"),
        ("output: !secret x\n", "1:9 unknown tag \"!secret\": no tag is needed"),
        ("\tx: y\n", "1:2 a tab: YAML is indented with blanks only"),
        ("network:\n\ta: bridge:b\n", "2:2 a tab: YAML is indented with blanks only"),
        ("network:\n  a: bridge:b\n\tc: bridge:d\n", "3:2 a tab: YAML is indented with blanks only"),
        ("<<: {output: a}\n", "1:1 YAML's merge key is not taken: what several VMs share stands in defaults"),
    ] {
        assert_eq!(told(text), [message], "{text:?}");
    }
}

#[test]
fn a_nic_is_mapped_by_its_mac_address_and_once() {
    let read = settings("network: {52:54:00:AB:02:03: 'network:nancy', VM Network: 'bridge:br0'}\n").unwrap();
    assert_eq!(read.network["52:54:00:ab:02:03"].to_string(), "network:nancy");
    for (text, message) in [
        (
            "network:\n  52:54:00:ab:02:03: bridge:a\n  52-54-00-AB-02-03: bridge:b\n",
            "3:22 network: duplicate: the NIC 52:54:00:ab:02:03 is mapped to bridge:a and to bridge:b",
        ),
        (
            "network: ['*=bridge:a', '*=network:a']\n",
            "1:10 network: duplicate: the default \"*\" is mapped to bridge:a and to network:a",
        ),
        (
            "network: 'A=bridge:a, A=bridge:b'\n",
            "1:10 network: duplicate: the network \"A\" is mapped to bridge:a and to bridge:b",
        ),
    ] {
        assert_eq!(told(text), [message]);
    }
}

#[test]
fn a_network_may_be_a_mapping() {
    let read =
        settings("network: {a: {bridge: br1, vlan: [100, 200]}, b: {network: lab, vlan: 7}}\n").unwrap();
    assert_eq!(read.network["a"].to_string(), "bridge:br1;vlan=100;vlan=200");
    assert_eq!(read.network["b"].to_string(), "network:lab;vlan=7");
    for (text, message) in [
        ("{vlan: 7}", "1:14 network: names neither a bridge nor a network"),
        ("{bridge: b, network: n}", "1:35 network: is both a bridge and a network"),
        ("{bridge: b, vlan: 4095}", "1:32 network: \"4095\" is no VLAN: a number from 1 to 4094"),
        ("{bridge: b, vlan: [7, 7]}", "1:14 network: VLAN 7 is named twice"),
        ("{brige: b}", "1:15 network: unknown key \"brige\"; did you mean \"bridge\"?"),
        ("[b]", "1:14 network: a list is given, a text is wanted"),
    ] {
        assert_eq!(told(&format!("network: {{a: {text}}}\n")), [message]);
    }
}

#[test]
fn a_text_of_nothing_but_mistakes_ends() {
    let text: String = (0..5000).map(|n| format!("key{n}: x\n")).collect();
    let mistakes = settings(&text).unwrap_err();
    assert_eq!((mistakes.list.len(), mistakes.more), (20, 4980));
    assert_eq!(mistakes.list[19].at, Some((20, 1)));
}

#[test]
fn size_and_depth_are_bounded() {
    assert_eq!(told(&"#".repeat(MAX_FILE + 1)), ["262145 bytes are more than the 262144 that are read"]);
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", "")] {
        for (depth, key) in [(900, "output"), (50_000, "network"), (50_000, "other")] {
            let deep = format!("{key}:\n  {}x{}\n", open.repeat(depth), close.repeat(depth));
            let told = told(&deep);
            assert_eq!(told.len(), 1, "{key} {open}");
            assert!(
                told[0].ends_with("more than 64 levels lie in each other") || told[0].contains("bytes"),
                "{told:?}"
            );
        }
    }
}

/// "Billion laughs": every level repeats the one above nine times.
#[test]
fn aliases_do_not_multiply() {
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..12 {
        let above = vec![format!("*a{}", level - 1); 9].join(",");
        bomb.push_str(&format!("a{level}: &a{level} [{above}]\n"));
    }
    let message = "more than 50000 values, with those that aliases repeat";
    assert_eq!(told(&bomb), [format!("5:26 {message}")]);
    let wide = format!("output: &x {}\nskip-fixer: [{}]\n", "y".repeat(5000), vec!["*x"; 2000].join(","));
    assert_eq!(told(&wide), [format!("2:1904 {message}")]);
    let some = format!("output: &x {}\nskip-fixer: [{}]\n", "y".repeat(5000), ["*x"; 5].join(","));
    assert_eq!(
        told(&some),
        [
            "1:9 output: a value is longer than 4096 bytes",
            "2:14 skip-fixer: a value is longer than 4096 bytes"
        ]
    );
    let many = format!("skip-fixer: [{}]\n", vec!["a"; 2000].join(","));
    assert_eq!(told(&many), ["1:2014 skip-fixer: has more than 1000 entries"]);
    assert_eq!(
        settings("parent: &p [/a]\nskip-fixer: *p\n").unwrap().skip_fixer,
        Some(vec!["/a".to_owned()])
    );
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = settings(&text);
    }

    #[test]
    fn any_yaml_like_text_is_read_or_refused(
        text in proptest::collection::vec(
            prop_oneof![
                Just("output"), Just("network"), Just("skip-fixer"), Just(": "), Just("\n"), Just("  "), Just("- "),
                Just("["), Just("]"), Just("{"), Just("}"), Just("&a "), Just("*a"), Just("!!str "), Just("!x "), Just("'"),
                Just("\""), Just("|\n"), Just("---\n"), Just("#"), Just("~"), Just("<<"), Just("? "), Just("%"), Just("\0"),
            ],
            0..40,
        )
    ) {
        if let Err(mistakes) = settings(&text.concat()) {
            prop_assert!(!mistakes.is_empty());
        }
    }
}
