use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::batch::{Hook, HookTime, OnFailure, Sources};
use crate::policy::{DiskBus, TargetFormat};

fn batch(text: &str) -> Result<BatchFile, Mistakes> {
    read(Path::new("/srv/night.yaml"), text, Some(Path::new("/home/me")))
}

fn told(text: &str) -> Vec<String> {
    let mistakes = batch(text).unwrap_err();
    let shown = |m: crate::yaml::Mistake| match m.at {
        Some((line, column)) => format!("{line}:{column} {}", m.message),
        None => m.message,
    };
    mistakes.list.into_iter().map(shown).collect()
}

const WHOLE: &str = r#"
version: 1
name: night-42
defaults:
  output: vms
  disk-bus: virtio-scsi
networks:
  "VM Network": bridge:br0
  Lab: {bridge: br1, vlan: [100, 200]}
vms:
  - source: exports/web01/web01.vmx
    name: web01
    wave: front
    priority: 10
    not-before: 2026-11-22T01:00:00+01:00
    deadline: 2026-11-22T05:00:00+01:00
    disk-bus: virtio-blk
    hooks:
      - {when: after-validate, run: [tell, done]}
  - source: [a.vmdk, nbd://host/b]
    wave: front
  - from: ["exports/*/*.vmx", "~/more/*.ova", "/abs/[ab].vmx"]
    wave: rest
    format: raw
waves:
  - name: rest
    after: [front]
    on-failure: go-on
  - {name: front, after: [], not-before: 2026-11-22T00:00:00Z}
concurrency: {vms: 4, per-source: 2, per-target: 3, memory: 8GiB, cores: 5, tries: 6}
hooks:
  - name: tell
    when: before-fix
    run: [bin/tell, --vm]
    timeout: 30s
    on-failure: warn
"#;

#[test]
fn everything_is_read() {
    let read = batch(WHOLE).unwrap();
    assert_eq!((read.name.as_str(), read.path.as_path()), ("night-42", Path::new("/srv/night.yaml")));
    assert_eq!(read.defaults.output, Some(PathBuf::from("/srv/vms")));
    assert_eq!(read.defaults.disk_bus, Some(DiskBus::VirtioScsi));
    assert_eq!(read.defaults.network["Lab"].to_string(), "bridge:br1;vlan=100;vlan=200");
    let names: Vec<&str> = read.waves.iter().map(|wave| wave.name.as_str()).collect();
    assert_eq!(names, ["front", "rest"], "each after those that it waits for");
    assert_eq!((read.waves[0].go_on, read.waves[0].not_before), (false, Some(1_795_305_600)));
    assert_eq!((read.waves[1].go_on, read.waves[1].after.as_slice()), (true, [0].as_slice()));
    let [web, disks, globs] = read.vms.as_slice() else { panic!("{:?}", read.vms) };
    assert_eq!(web.sources, Sources::One(vec![PathBuf::from("/srv/exports/web01/web01.vmx")]));
    assert_eq!((web.name.as_deref(), web.wave, web.priority), (Some("web01"), 0, 10));
    assert_eq!((web.not_before, web.deadline), (Some(1_795_305_600), Some(1_795_320_000)));
    assert_eq!(web.settings.disk_bus, Some(DiskBus::VirtioBlk));
    assert_eq!((web.at, web.source_at), ((11, 5), (11, 13)));
    assert_eq!(web.hooks[0].name, "tell");
    assert_eq!(web.hooks[0].when, HookTime::After("validate".to_owned()));
    let both = ["/srv/a.vmdk", "nbd://host/b"].map(PathBuf::from).to_vec();
    assert_eq!(disks.sources, Sources::One(both));
    assert_eq!((globs.wave, globs.settings.format), (1, Some(TargetFormat::Raw)));
    let Sources::Globs(patterns) = &globs.sources else { panic!("{globs:?}") };
    let patterns: Vec<&str> = patterns.iter().map(|glob| glob.pattern.as_str()).collect();
    assert_eq!(patterns, ["/srv/exports/*/*.vmx", "/home/me/more/*.ova", "/abs/[ab].vmx"]);
    let c = read.concurrency;
    assert_eq!((c.vms, c.per_source, c.per_target), (Some(4), Some(2), Some(3)));
    assert_eq!((c.memory, c.cores, c.tries), (Some(8 << 30), Some(5), Some(6)));
    let hook = Hook {
        name: "tell".to_owned(),
        when: HookTime::Before("fix".to_owned()),
        run: vec!["/srv/bin/tell".to_owned(), "--vm".to_owned()],
        timeout: Duration::from_secs(30),
        on_failure: OnFailure::Warn,
    };
    assert_eq!(read.hooks, [hook]);
}

#[test]
fn a_little_is_enough() {
    let read = batch("version: 1\nvms: {from: '*.vmx'}\n").unwrap();
    assert_eq!((read.name.as_str(), read.waves.len(), read.vms[0].wave), ("night", 1, 0));
    assert_eq!(read.waves[0].name, "");
    let dir =
        super::super::read(Path::new("/srv/a[b]/night.yaml"), "version: 1\nvms: {from: '*.vmx'}\n", None);
    let Sources::Globs(globs) = &dir.unwrap().vms[0].sources else { panic!() };
    assert_eq!(globs[0].pattern, "/srv/a[[]b[]]/*.vmx", "the directory is no pattern");
    let follow = batch("version: 1\nwaves: [a, b, c]\nvms: [{source: x, wave: c}]\n").unwrap();
    let after: Vec<&[usize]> = follow.waves.iter().map(|wave| wave.after.as_slice()).collect();
    assert_eq!(after, [&[][..], &[0], &[1]]);
}

/// What stands at the top in every case below.
const VMS: &str = "vms: [{source: a}]\n";

#[test]
fn mistakes_of_the_whole() {
    for (text, messages) in [
        ("", vec!["1:1 a batch without \"version\": write version: 1", "1:1 a batch without \"vms\""]),
        (
            "- a\n",
            vec!["1:1 a list is given, settings as \"key: value\" are wanted", "1:1 a batch without \"vms\""],
        ),
        (
            "version: 2\nvms: [{source: a}]\n",
            vec!["1:10 version: 2 is newer than this h2k reads, which is 1: update h2k"],
        ),
        ("version: one\nvms: [{source: a}]\n", vec!["1:10 version: \"one\" is no version; there is 1"]),
        ("version: 1\nvms: []\n", vec!["2:6 vms: there are none"]),
        ("version: 1\nvms:\n", vec!["2:4 vms: there are none"]),
        ("version: 1\nvms: all\n", vec!["2:6 vms: a text is given, a list of VMs is wanted"]),
        ("version: 1\nvms: [a]\n", vec!["2:7 a text is given, settings as \"key: value\" are wanted"]),
        (
            "version: 1\nvms: [{source: a}]\ndefault: {}\nwave: [a]\n",
            vec![
                "3:1 unknown key \"default\"; did you mean \"defaults\"?",
                "4:1 unknown key \"wave\"; did you mean \"waves\"?",
            ],
        ),
        (
            "version: 1\nvms: [{source: a}]\nname: ../x\n",
            vec!["3:7 name: \"../x\" is no name: no slash, no dot or blank in front, 200 bytes at most"],
        ),
        (
            "version: 1\nvms: [{source: a}]\nnetworks: {a: 'bridge:b'}\ndefaults:\n  network: {a: 'bridge:c'}\n",
            vec!["3:1 networks and defaults.network (line 5) are the same: write one of them"],
        ),
        (
            "version: 1\nvms: [{source: a}]\ndefaults: {ouput: x, format: vmdk}\nnetworks: {a: {bridge: b, vlan: 0}}\n",
            vec![
                "3:12 unknown key \"ouput\"; did you mean \"output\"?",
                "3:30 format: \"vmdk\" is none of qcow2, raw",
                "4:33 networks: \"0\" is no VLAN: a number from 1 to 4094",
            ],
        ),
        ("version: 1\nvms:\n\t- source: a\n", vec!["3:2 a tab: YAML is indented with blanks only"]),
        (
            "version: 1\nvms: [{source: a}]\nvms: [{source: b}]\n",
            vec!["3:1 vms is set twice, first on line 2"],
        ),
        ("version: 1\n---\nversion: 1\n", vec!["2:1 a second document begins here: a file is one document"]),
    ] {
        assert_eq!(told(text), messages, "{text}");
    }
}

#[test]
fn mistakes_of_a_vm() {
    for (vm, messages) in [
        ("{}", vec!["2:7 a VM without \"source\" or \"from\""]),
        ("{source: a, from: b}", vec!["2:19 from: a VM has either source or from"]),
        ("{source: }", vec!["2:14 source: has no value"]),
        ("{source: []}", vec!["2:16 source: has no value"]),
        ("{source: [a, [b]]}", vec!["2:20 source: a list is given, a text is wanted"]),
        ("{from: '*', name: a}", vec!["2:19 name: globs may match several VMs, which cannot have one name"]),
        ("{from: '../*'}", vec!["2:14 from: a glob does not lead upwards: write its directory without .."]),
        ("{from: 'nbd://h/*'}", vec!["2:14 from: a URI is no glob: name it as source"]),
        ("{source: a, sorce: b}", vec!["2:19 unknown key \"sorce\"; did you mean \"source\"?"]),
        ("{source: a, disk_bus: ide}", vec!["2:19 unknown key \"disk_bus\"; did you mean \"disk-bus\"?"]),
        (
            "{source: a, disk-bus: ide}",
            vec!["2:29 disk-bus: \"ide\" is none of virtio-blk, virtio-scsi, sata"],
        ),
        ("{source: a, state: x}", vec!["2:19 state: is no VM's: it stands in defaults"]),
        ("{source: a, wave: x}", vec!["2:25 wave: there is no wave \"x\": the file has no waves"]),
        ("{source: a, priority: high}", vec!["2:29 priority: \"high\" is no number from -10000 to 10000"]),
        (
            "{source: a, not-before: 2026-11-22}",
            vec![
                "2:31 not-before: \"2026-11-22\" is no time with its distance from UTC, such as 2030-01-12T01:00:00+01:00",
            ],
        ),
        (
            "{source: a, not-before: '2026-11-22T05:00:00Z', deadline: '2026-11-22T05:00:00+01:00'}",
            vec!["2:65 deadline: it is not after not-before: nothing would ever start"],
        ),
        (
            "{source: a, key: ['all:hunter2']}",
            vec![
                "2:24 key: a key is VOLUME:file:PATH (a passphrase), VOLUME:key-file:PATH (a key file), VOLUME:env:NAME or VOLUME:-; \
                 VOLUME is all, UUID=… or a device of the guest (what was given is not shown: it may be a secret)",
            ],
        ),
        (
            "{source: a, customize: {hostname: a b}}",
            vec![
                "2:41 customize.hostname: \"a b\" is no host name: labels of letters, digits and dashes, 64 characters at most",
            ],
        ),
        ("{source: a, hooks: [{when: before-fix}]}", vec!["2:27 a hook without \"run\""]),
        (
            "{source: a, hooks: [{when: batch-end, run: x}]}",
            vec!["2:34 when: batch-end is the batch's, not a VM's"],
        ),
    ] {
        assert_eq!(told(&format!("version: 1\nvms: [{vm}]\n")), messages, "{vm}");
    }
}

#[test]
fn what_two_vms_cannot_both_have() {
    let text =
        "version: 1\nvms:\n- {source: a, name: web}\n- {source: b, name: db}\n- {source: c, name: web}\n";
    assert_eq!(told(text), ["5:3 two VMs have the name \"web\"; the first is on line 3"]);
    let mac = |old: &str, new: &str| format!("mac: {{\"00:50:56:00:00:0{old}\": \"52:54:00:00:00:0{new}\"}}");
    let text =
        format!("version: 1\nvms:\n- {{source: a, {}}}\n- {{source: b, {}}}\n", mac("1", "7"), mac("2", "7"));
    assert_eq!(told(&text), ["4:3 two NICs get the MAC address 52:54:00:00:00:07; the first is on line 3"]);
    let text =
        format!("version: 1\ndefaults: {{{}}}\nvms:\n- {{source: b, {}}}\n", mac("1", "7"), mac("2", "7"));
    assert_eq!(told(&text), ["4:3 two NICs get the MAC address 52:54:00:00:00:07; the first is in defaults"]);
    let text =
        format!("version: 1\ndefaults: {{{}}}\nvms:\n- {{source: b, {}}}\n", mac("1", "7"), mac("1", "7"));
    assert!(batch(&text).is_ok());
}

#[test]
fn mistakes_of_waves() {
    for (waves, messages) in [
        ("[a, a]", vec!["3:12 wave \"a\" is there twice, first on line 3"]),
        (
            "[{name: a, after: [b]}, {name: b, after: [a]}]",
            vec!["3:9 waves wait for each other for ever: a after b after a"],
        ),
        (
            "[{name: a, after: [b]}, b]",
            vec![
                "3:9 waves wait for each other for ever: a after b after a; b follows the one above it: \"after: []\" has it wait for none",
            ],
        ),
        ("[{name: a, after: [a]}]", vec!["3:9 waves wait for each other for ever: a after a"]),
        (
            "[a, {name: b, after: [frnt]}, front]",
            vec!["3:30 after: there is no wave \"frnt\"; did you mean \"front\"?"],
        ),
        ("[{after: []}, a]", vec!["3:9 a wave without \"name\""]),
        ("[{name: a, on-failure: retry}]", vec!["3:31 on-failure: \"retry\" is none of stop, go-on"]),
        ("a", vec!["3:8 waves: a text is given, a list is wanted"]),
    ] {
        // A VM in each case's wave, so that only the mistake itself is told.
        let text = format!("version: 1\nvms: [{{source: a, wave: a}}]\nwaves: {waves}\n");
        let told: Vec<String> =
            told(&text).into_iter().filter(|m| !m.contains("the file has no waves")).collect();
        assert_eq!(told, messages, "{waves}");
    }
    let text = "version: 1\nvms: [{source: a}, {source: b, wave: fron}]\nwaves: [front, rest]\n";
    assert_eq!(
        told(text),
        [
            "2:7 a VM without \"wave\"; the waves are front, rest",
            "2:38 wave: there is no wave \"fron\"; did you mean \"front\"?"
        ]
    );
}

#[test]
fn mistakes_of_concurrency_and_hooks() {
    for (section, messages) in [
        ("concurrency: {vms: 0}", vec!["3:20 vms: \"0\" is no number from 1 to 10000"]),
        ("concurrency: {vm: 1}", vec!["3:15 unknown key \"vm\"; did you mean \"vms\"?"]),
        (
            "concurrency: {memory: 8GB}",
            vec!["3:23 memory: \"8GB\" is no number of bytes such as 512M or 8GiB"],
        ),
        ("concurrency: [4]", vec!["3:14 a list is given, settings as \"key: value\" are wanted"]),
        ("hooks: [{run: x}]", vec!["3:9 a hook without \"when\""]),
        (
            "hooks: [{run: x, when: before-fixing}]",
            vec![
                "3:24 when: \"before-fixing\" is none of batch-start, batch-end, vm-end, before-STAGE, after-STAGE; \
                 the stages are fetch, flatten, inspect, plan, fix, convert, validate",
            ],
        ),
        (
            "hooks: [{run: x, when: vm-end, timeout: soon}]",
            vec!["3:41 timeout: \"soon\" is no time such as 30s, 5m or 1h, a week at most"],
        ),
        ("hooks: x", vec!["3:8 hooks: a text is given, a list of hooks is wanted"]),
    ] {
        assert_eq!(told(&format!("version: 1\n{VMS}{section}\n")), messages, "{section}");
    }
}

#[test]
fn a_bomb_ends_in_one_mistake() {
    let mut bomb = "version: 1\nvms:\n- &a0 {source: [x,x,x,x,x,x,x,x,x]}\n".to_owned();
    for level in 1..12 {
        let above = vec![format!("*a{}", level - 1); 9].join(",");
        bomb.push_str(&format!("- &a{level} [{above}]\n"));
    }
    assert_eq!(told(&bomb), ["8:3 more than 1500000 values, with those that aliases repeat"]);
}

/// The file of the greatest house.
#[test]
fn ten_thousand_vms_are_read() {
    let mut text = "version: 1\nwaves: [a, b]\nvms:\n".to_owned();
    for n in 0..10_000 {
        text.push_str(&format!(
            "  - source: exports/vm{n:05}/vm{n:05}.vmx\n    name: vm{n:05}\n    wave: {}\n    priority: {}\n    disk-bus: virtio-scsi\n    \
             mac: {{\"00:50:56:00:{:02x}:{:02x}\": \"52:54:00:00:{:02x}:{:02x}\"}}\n",
            if n % 2 == 0 { "a" } else { "b" }, n % 7, n >> 8, n & 255, n >> 8, n & 255,
        ));
    }
    let read = batch(&text).unwrap();
    assert_eq!(read.vms.len(), 10_000);
    assert_eq!(read.vms[9_999].name.as_deref(), Some("vm09999"));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = batch(&text);
    }

    #[test]
    fn any_batch_like_text_is_read_or_refused(
        text in proptest::collection::vec(
            prop_oneof![
                Just("version: 1\n"), Just("vms:"), Just("waves:"), Just("hooks:"), Just("defaults:"), Just("networks:"),
                Just("name"), Just("source"), Just("from"), Just("after"), Just("run"), Just("when"), Just("wave"),
                Just("a"), Just("'*'"), Just(": "), Just("\n"), Just("  "), Just("- "), Just("["), Just("]"), Just("{"),
                Just("}"), Just(", "), Just("&a "), Just("*a"), Just("\t"), Just("---\n"), Just("~"), Just("before-fix"),
            ],
            0..60,
        )
    ) {
        if let Err(mistakes) = batch(&text.concat()) {
            prop_assert!(!mistakes.is_empty());
        }
    }
}
