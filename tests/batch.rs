//! Many VMs: how they share the machine, how one's failure leaves the others alone, how one is stopped.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::mount::Mount;
use crate::common::{Place, phony, process};

/// How the VMs of the newest batch stand, by name.
fn states(place: &Place) -> Vec<(String, String)> {
    let status = place.h2k(["status", "--json"]).expect(0).json();
    let vms = status["batches"][0]["vms"].as_array().cloned().unwrap_or_default();
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    vms.iter().map(|v| (text(&v["name"]), text(&v["state"]))).collect()
}

fn assert_states(place: &Place, expected: &[(&str, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(n, s)| ((*n).to_owned(), (*s).to_owned())).collect();
    assert_eq!(states(place), expected);
}

fn wait_for(place: &Place, child: &mut Child, what: impl Fn(&[(String, String)]) -> bool) {
    let started = Instant::now();
    while !what(&states(place)) {
        assert!(child.try_wait().unwrap().is_none(), "it ended first: {:?}", states(place));
        assert!(started.elapsed() < Duration::from_secs(300), "{:?}", states(place));
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// Two good VMs, whose appliances together are larger than the memory that is given, and one that cannot be moved.
#[test]
fn one_failure_leaves_the_others_alone_and_the_memory_is_kept() {
    let place = Place::new();
    for name in ["one", "two"] {
        phony::guest(&place, name);
    }
    place.write("src/bad.vmx", "displayName = \"bad\"\nscsi0.present = \"TRUE\"\nscsi0:0.present = \"TRUE\"\nscsi0:0.fileName = \"gone.vmdk\"\n");
    place.write(
        "night.yaml",
        "version: 1\ndefaults: {output: out, no-boot: true}\nvms:\n  - {from: 'src/*.vmx', wave: first}\n\
         \x20 - {source: src/one.vmx, name: after, wave: second}\nwaves: [first, second]\n\
         concurrency: {memory: 2GiB}\nhooks:\n  - {name: tell, when: vm-end, run: [tee, -a, ended]}\n",
    );
    let ran = place.h2k(["migrate", "-f", "night.yaml", "--log-format", "json"]).expect(4);
    assert!(ran.stderr.contains("2 of 4 VMs of the batch \\\"night\\\" are not done"), "{}", ran.stderr);
    assert_states(&place, &[("bad", "failed"), ("one", "done"), ("two", "done"), ("after", "skipped")]);
    assert_eq!(place.results("out"), ["one", "two"]);
    let report: Value =
        serde_json::from_slice(&std::fs::read(place.path("out/night.batch/batch.json")).unwrap()).unwrap();
    let told: Vec<_> = report["vms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| (v["name"].as_str().unwrap(), v["state"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("bad", "failed"), ("one", "done"), ("two", "done"), ("after", "skipped")]);
    assert!(place.path("out/night.batch/batch.html").is_file());

    // From INSPECT until FIX is done a VM holds its appliance.
    let mut holds: Option<String> = None;
    let mut turns = 0;
    for event in ran.stderr.lines().filter_map(|l| serde_json::from_str::<Value>(l).ok()) {
        let vm = event["vm"].as_str().unwrap_or_default().to_owned();
        match (event["event"].as_str(), event["stage"].as_str()) {
            (Some("stage-started"), Some("inspect")) => {
                assert_eq!(holds.replace(vm), None, "two appliances at once");
                turns += 1;
            }
            (Some("stage-done"), Some("fix")) => assert_eq!(holds.take(), Some(vm)),
            _ => {}
        }
    }
    assert_eq!((turns, holds), (2, None));

    let told = std::fs::read_to_string(place.path("ended")).unwrap();
    let told: Vec<Value> = told.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(told.len(), 4, "{told:#?}");
    let bad = told.iter().find(|t| t["vm"] == "bad").unwrap();
    assert!(bad["state"] == "failed" && bad["error"].as_str().unwrap().contains("gone.vmdk"), "{bad}");

    // Mended, the same command goes on with what is not done, and does nothing twice.
    std::fs::remove_file(place.path("src/bad.vmx")).unwrap();
    let changed =
        std::fs::read_to_string(place.path("night.yaml")).unwrap().replace("wave: second", "wave: first");
    place.write("night.yaml", changed);
    let told = place.h2k(["migrate", "-f", "night.yaml", "--json"]).expect(0).json();
    assert_states(&place, &[("one", "done"), ("two", "done"), ("after", "done")]);
    let states: Vec<_> =
        told["vms"].as_array().unwrap().iter().map(|vm| (&vm["name"], &vm["state"])).collect();
    assert!(
        told["version"] == 1 && states.len() == 3 && states.iter().all(|(_, s)| *s == "done"),
        "{told:#}"
    );
    let history = place.h2k(["history", "one", "--json"]).expect(0).json();
    assert_eq!(history["runs"].as_array().unwrap().len(), 1, "one was not migrated again");
}

#[test]
fn a_memory_that_no_appliance_fits_in_is_told() {
    let place = Place::new();
    phony::guest(&place, "one");
    place.write(
        "night.yaml",
        "version: 1\ndefaults: {output: out, no-boot: true}\nvms: {from: src/one.vmx}\nconcurrency: {memory: 1GiB}\n",
    );
    let ran = place.h2k(["migrate", "-f", "night.yaml"]).expect(4);
    assert!(ran.stderr.contains("and the batch may take 1024 MiB"), "{}", ran.stderr);
    assert_states(&place, &[("one", "failed")]);
}

/// The target fills up while the first VM is on its way: the second is not burnt, and goes on when there is room.
#[test]
fn a_full_target_pauses_the_batch() {
    let place = Place::new();
    for name in ["one", "two"] {
        phony::guest_with(&place, name, &[("/srv/data", &"x".repeat(40 << 20))]);
    }
    let small = Mount::tmpfs(&place, "small", 1024);
    place.write(
        "night.yaml",
        "version: 1\ndefaults: {output: small, no-boot: true, format: raw}\nvms: {from: 'src/*.vmx'}\n\
         concurrency: {vms: 1}\nhooks:\n  - {name: fill, when: before-convert, run: [fallocate, -l, 1500M, small/fill], on-failure: warn}\n\
         \x20 - {name: fill up, when: before-convert, run: [dd, if=/dev/zero, of=small/rest, bs=1M], on-failure: warn}\n",
    );
    let ran = place.h2k(["migrate", "-f", "night.yaml"]).expect(4);
    assert!(ran.stderr.contains("the batch \"night\" is paused"), "{}", ran.stderr);
    assert_states(&place, &[("one", "waiting"), ("two", "waiting")]);
    let status = place.h2k(["status"]).expect(0).stdout;
    assert!(
        status.contains("batch night: paused") && status.contains("h2k resume night goes on"),
        "{status}"
    );

    std::fs::remove_file(small.path("rest")).unwrap();
    let mended = std::fs::read_to_string(place.path("night.yaml")).unwrap();
    place.write("night.yaml", mended.split("hooks:").next().unwrap());
    place.h2k(["migrate", "-f", "night.yaml"]).expect(0);
    assert_states(&place, &[("one", "done"), ("two", "done")]);
}

#[test]
fn a_vm_and_a_batch_are_cancelled_from_another_terminal() {
    let place = Place::new();
    for name in ["one", "two", "three"] {
        phony::guest(&place, name);
    }
    place.write(
        "night.yaml",
        "version: 1\ndefaults: {output: out, no-boot: true}\nvms:\n  - {from: 'src/*.vmx'}\n\
         \x20 - {source: src/two.vmx, name: much-later, not-before: 2099-01-01T00:00:00Z}\nconcurrency: {vms: 2}\n",
    );
    let start = || {
        let mut command = place.command();
        command.args(["migrate", "-f", "night.yaml"]).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let mut child = start();
    let running =
        |states: &[(String, String)], name: &str| states.iter().any(|(n, s)| n == name && s == "running");
    wait_for(&place, &mut child, |s| running(s, "one") && running(s, "three"));
    let second = place.h2k(["migrate", "-f", "night.yaml"]).expect(1);
    assert!(second.stderr.contains("is working on it"), "{}", second.stderr);
    // One that runs, and one whose turn has not come.
    place.h2k(["cancel", "one", "two"]).expect(0);
    let cancelled = |s: &[(String, String)]| s.iter().filter(|(_, s)| s == "cancelled").count() == 2;
    wait_for(&place, &mut child, cancelled);
    place.h2k(["cancel", "night"]).expect(0);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // The third may have come to its end before.
    let rest = states(&place).into_iter().filter(|(name, _)| name != "three").collect::<Vec<_>>();
    let expected = [("one", "cancelled"), ("two", "cancelled"), ("much-later", "waiting")];
    assert_eq!(rest, expected.map(|(name, state)| (name.to_owned(), state.to_owned())));
    assert!(place.results("out").iter().all(|name| name == "three"));
    place.h2k(["cancel", "night"]).expect(2);

    // What is left is removed on request, and nothing else is.
    let shown = place.h2k(["clean", "--all", "--dry-run"]).expect(0).stdout;
    assert!(shown.contains("would remove the record of the batch night"), "{shown}");
    place.h2k(["clean", "--all"]).expect(0);
    let status = place.h2k(["status"]).expect(0).stdout;
    // The third may be shown, with the word "done".
    let names = ["one", "two", "night", "much-later"];
    assert!(!status.split_whitespace().any(|word| names.contains(&word)), "{status}");
    let left = std::fs::read_dir(place.path("out/.h2k")).map(|d| d.count()).unwrap_or_default();
    assert_eq!(left, 0, "unfinished work is left");
}

/// Another try goes on after what was finished, as it does after a kill.
#[test]
fn a_vm_whose_appliance_dies_is_tried_again_from_where_it_was() {
    let place = Place::new();
    phony::guest(&place, "one");
    place.write(
        "night.yaml",
        "version: 1\ndefaults: {output: out, no-boot: true}\nvms: {from: src/one.vmx}\n",
    );
    let mut command = place.command();
    command.args(["migrate", "-f", "night.yaml"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut h2k = command.spawn().unwrap();
    let history = || place.h2k(["history", "--json"]).expect(0).json()["runs"][0]["stages"].clone();
    // One that dies while it starts may be followed by another start of the same try.
    let tried_again = || {
        process::appliance(h2k.id()).iter().for_each(|appliance| process::kill(&[*appliance]));
        (history()[2]["started"] == 2).then_some(())
    };
    process::wait(120, tried_again).expect("there was no other try");
    assert_eq!(h2k.wait().unwrap().code(), Some(0));
    let stages = &history();
    let count =
        |n: usize| (stages[n]["stage"].clone(), stages[n]["started"].clone(), stages[n]["done"].clone());
    assert_eq!(count(0), ("fetch".into(), 1.into(), 1.into()), "{stages:#}");
    assert_eq!(count(1), ("flatten".into(), 1.into(), 1.into()), "{stages:#}");
    assert_eq!(count(2), ("inspect".into(), 2.into(), 1.into()), "{stages:#}");
}

/// A batch that is killed closes its pipes before its workers are killed too; that moment must cost nothing.
#[test]
fn a_worker_whose_batch_is_gone_keeps_what_it_finished() {
    let place = Place::new();
    let vmx = phony::guest(&place, "one");
    let migrate = ["migrate", vmx.to_str().unwrap(), "-o", "out", "--no-boot"];
    process::kill_one(process::start_until(&place, &migrate, "stage-started", "inspect"), "KILL");
    let job = place.h2k(["history", "--json"]).expect(0).json()["runs"][0]["job"].clone();
    let copy = serde_json::to_value(h2k_config::CopySettings::default()).unwrap();
    let order = json!({"job": job, "copy": copy, "batch": "night", "hooks": [], "memory_limit": 4_u64 << 30});

    let mut command = place.command();
    command.arg("run-job").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut worker = command.spawn().unwrap();
    let mut input = worker.stdin.take().unwrap();
    writeln!(input, "{order}").unwrap();
    let mut said = BufReader::new(worker.stdout.take().unwrap()).lines();
    let wants = said.find(|line| line.as_ref().unwrap().contains(r#""want""#));
    assert!(wants.unwrap().unwrap().contains("inspect"), "FETCH and FLATTEN were done before");
    drop(input);
    said.for_each(drop);
    assert_eq!(worker.wait().unwrap().signal(), Some(9));

    let told = place.h2k([&migrate[..], &["--json"]].concat()).expect(0).json();
    let vm = &told["vms"][0];
    assert!(told["version"] == 1 && vm["state"] == "done" && vm["dir"].is_string(), "{told:#}");
    let history = place.h2k(["history", "--json"]).expect(0).json();
    let stages = history["runs"][0]["stages"].as_array().unwrap();
    assert!(stages.iter().all(|stage| stage["done"] == 1), "{stages:#?}");
}
