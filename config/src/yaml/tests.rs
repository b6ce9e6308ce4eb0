use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::choice::LogFormat;
use crate::customize::{CopyIn, Customize};
use crate::expression::Expression;
use crate::policy::{Compress, DiskBus, Engine, InitramfsWay, NetworkTarget, TargetFormat, Tools};
use crate::rules::{Accepted, Severities, UserRule, UserRules, Weight};

fn told(text: &str) -> Vec<String> {
    let shown = |m: &Mistake| match m.at {
        Some((line, column)) => format!("{line}:{column} {}", m.message),
        None => m.message.clone(),
    };
    settings(text).unwrap_err().iter().map(shown).collect()
}

#[test]
fn every_key_is_read() {
    let read = settings(
        "output: /srv/vms\nformat: raw\ndisk-bus: virtio-scsi\ninitramfs: append\nnetwork:\n  VM Network: bridge:br0\n  '*': network:default\n\
         skip-fixer: [linux.tools]\nno-boot: true\nboot-timeout: 300\ntemp-dir: 1.10\nmetrics: m.prom\nstate: s.db\nlog-format: json\n\
         compress: zstd\nparent: [/a, b]\nengine: qemu\nthreads: 4\nlimit-rate: 1G\ncloud-init: disable\n\
         key: ['all:env:K', /dev/sda2:file:p]\n\
         mac: {\"00:50:56:aa:00:01\": \"52:54:00:00:00:01\"}\ndhcp: [\"00:50:56:AA:00:02\"]\n\
         tools: remove\nagent-packages: /pkg\nregenerate-identity: yes\nserial-console: true\n\
         customize: {hostname: web, files: [{from: a, to: /b, mode: 0600}]}\n\
         rules: [{id: site.big, when: 'source.memory_mib > 65536', severity: warning, message: m, advice: a}]\n\
         severity: {source.snapshots: critical}\naccept: {disk.independent: ticket 4711}\n",
    );
    let expected = Settings {
        output: Some(PathBuf::from("/srv/vms")),
        format: Some(TargetFormat::Raw),
        compress: Some(Compress::Zstd),
        parent: Some(vec![PathBuf::from("/a"), PathBuf::from("b")]),
        engine: Some(Engine::Qemu),
        threads: Some(4),
        limit_rate: Some(1 << 30),
        disk_bus: Some(DiskBus::VirtioScsi),
        initramfs: Some(InitramfsWay::Append),
        network: [
            ("VM Network".to_owned(), NetworkTarget::Bridge("br0".to_owned())),
            ("*".to_owned(), NetworkTarget::Network("default".to_owned())),
        ]
        .into(),
        mac: [("00:50:56:aa:00:01".to_owned(), "52:54:00:00:00:01".to_owned())].into(),
        addressing: [("00:50:56:aa:00:02".to_owned(), crate::Addressing::Dhcp)].into(),
        cloud_init: Some(crate::CloudInit::Disable),
        skip_fixer: Some(vec!["linux.tools".to_owned()]),
        key: Some(vec!["all:env:K".parse().unwrap(), "/dev/sda2:file:p".parse().unwrap()]),
        no_boot: Some(true),
        boot_timeout: Some(300),
        temp_dir: Some(PathBuf::from("1.10")),
        metrics: Some(PathBuf::from("m.prom")),
        state: Some(PathBuf::from("s.db")),
        log_format: Some(LogFormat::Json),
        tools: Some(Tools::Remove),
        agent_packages: Some(PathBuf::from("/pkg")),
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
            "6:3 network: \"br0\" is no target: write network:NAME (a libvirt network) or bridge:NAME (a host bridge)",
            "7:1 unknown key \"password\"; the keys are output, format, compress, disk-bus, initramfs, network, mac, ip, dhcp, \
             cloud-init, skip-fixer, key, tools, agent-packages, regenerate-identity, serial-console, customize, rules, severity, accept, no-boot, boot-timeout, parent, engine, threads, limit-rate, temp-dir, metrics, state, \
             log-format",
            "9:1 format is set twice",
        ]
    );
}

#[test]
fn a_value_of_another_shape_is_told_like_any_other() {
    let text = "output: [a]\nno-boot:\nskip-fixer: {a: b}\nnetwork: true\nboot-timeout: 0\nouput: 1\n";
    assert_eq!(
        told(text),
        [
            "1:9 output: invalid type: sequence, expected one value",
            "2:9 no-boot: has no value",
            "3:13 skip-fixer: takes a list",
            "4:10 network: invalid type: boolean `true`, expected names with a value each",
            "5:15 boot-timeout: \"0\" is no number of seconds from 1 to 86400",
            "6:1 unknown key \"ouput\"; did you mean \"output\"?",
        ]
    );
}

#[test]
fn mistakes_in_a_section_are_told_with_their_places() {
    let text = "customize:\n  hostname: web 01\nno-boot: maybe\n";
    assert_eq!(
        told(text),
        [
            "2:13 customize.hostname: \"web 01\" is no host name: labels of letters, digits and dashes, 64 characters at most",
            "3:10 no-boot: \"maybe\" is neither true nor false",
        ]
    );
    let text = "format: raw\ncustomize:\n  users:\n  - name: a\n    pasword: x\n";
    assert!(told(text)[0].starts_with("5:5 customize.users[0]: unknown field `pasword`"), "{:?}", told(text));
    let text = "customize:\n  files:\n  - from: a\n    to: ../etc/passwd\n";
    assert!(
        told(text)[0].starts_with("4:9 customize.files[0].to: \"../etc/passwd\" is no absolute path"),
        "{:?}",
        told(text)
    );
    assert_eq!(told("customize:\n  hostnam: x\n").len(), 1);
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
        ("rules:\n- id: site.a\n  wen: x\n", "3:3 rules[0]: unknown field `wen`"),
        (
            "rules:\n- {id: site.a, when: 'true', severity: fatal, message: m}\n",
            "2:40 rules[0].severity: unknown variant `fatal`",
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
        ("accept: {disk.independent: a, disk.independent: b}\n", "disk.independent stands twice"),
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
        ("- a\n", "1:1 invalid type: sequence, expected settings as \"key: value\""),
        ("just words\n", "1:1 invalid type: string \"just words\", expected settings as \"key: value\""),
        ("a: b\n--- \na: b\n", "1:1 unknown key \"a\"; the keys are output, "),
        ("skip-fixer: ]\n", "1:13 did not find expected node content"),
        ("output: a: b\n", "1:10 mapping values are not allowed in this context"),
        ("[a]: b\n", "1:1 invalid type: sequence, expected the name of a setting"),
        ("output: *nothing\n", "1:9 unknown anchor"),
        ("\tx: y\n", "1:1 found character that cannot start any token"),
    ] {
        assert!(told(text)[0].starts_with(message), "{text:?}: {:?}", told(text));
    }
    assert_eq!(told("output: a\n---\noutput: b\n").len(), 1);
}

#[test]
fn a_text_of_nothing_but_mistakes_ends() {
    let text: String = (0..5000).map(|n| format!("key{n}: x\n")).collect();
    assert_eq!(settings(&text).unwrap_err().len(), MAX_MISTAKES);
}

#[test]
fn size_and_depth_are_bounded() {
    assert!(told(&"#".repeat(MAX_FILE + 1))[0].contains("are more than"));
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", "")] {
        for key in ["output", "skip-fixer", "network", "other"] {
            let deep = format!("{key}:\n  {}x{}\n", open.repeat(900), close.repeat(900));
            assert!(!told(&deep).is_empty(), "{key} {open}");
        }
    }
    let deep = format!("output: {}{}\n", "[".repeat(50_000), "]".repeat(50_000));
    assert_eq!(told(&deep), ["more than 1000 brackets: this is no configuration"]);
}

/// "Billion laughs": every level repeats the one above nine times.
#[test]
fn aliases_do_not_multiply() {
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..12 {
        let above = vec![format!("*a{}", level - 1); 9].join(",");
        bomb.push_str(&format!("a{level}: &a{level} [{above}]\n"));
    }
    assert!(told(&bomb).iter().all(|m| m.contains("unknown key")), "what is left out is not followed");
    for key in ["skip-fixer", "network", "output"] {
        let mistakes = told(&format!("{bomb}{key}: *a11\n"));
        assert!(mistakes.iter().any(|m| m.contains("invalid type: sequence")), "{mistakes:?}");
    }

    let wide = format!("output: &x {}\nskip-fixer: [{}]\n", "y".repeat(5000), vec!["*x"; 2000].join(","));
    assert_eq!(
        told(&wide),
        [
            "1:9 output: a value is longer than 4096 bytes",
            "1:9 skip-fixer: a value is longer than 4096 bytes"
        ]
    );
    let many = format!("skip-fixer: [{}]\n", vec!["a"; 2000].join(","));
    assert_eq!(told(&many), ["1:13 skip-fixer: has more than 1000 entries"]);
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
