//! A run that is killed goes on where it stopped; one that is stopped by the user leaves nothing half-made.

use std::process::Command;

use crate::common::guest::guest;
use crate::common::phony;
use crate::common::process::{kill_one, stages, start_until, start_when};
use crate::common::{Place, digests, run};

#[test]
fn a_killed_run_goes_on_where_it_stopped() {
    let guest = guest("debian12-stock");
    let before = digests(&guest.dir);
    let place = Place::new();
    let vmx = guest.vmx();
    let args = ["migrate", vmx.to_str().unwrap(), "-o", "out", "--no-boot"];
    for (event, stage) in [("stage-started", "inspect"), ("stage-done", "plan"), ("stage-done", "fix")] {
        kill_one(start_until(&place, &args, event, stage), "KILL");
        assert_eq!(place.results("out"), Vec::<String>::new(), "killed at {event} of {stage}");
    }
    // In the middle of the copy; slowly, so that there is a middle.
    let slowly = [&args[..], &["--limit-rate", "80M"]].concat();
    let copying = |told: &serde_json::Value| {
        told["event"] == "progress" && told["stage"] == "convert" && told["done"].as_u64() > Some(256 << 20)
    };
    kill_one(start_when(&place, &slowly, copying), "KILL");
    assert_eq!(place.results("out"), Vec::<String>::new(), "killed while it was copied");
    let last = place.h2k(["resume", "--log-format", "json"]).expect(0);
    let (resumed, done) = stages(&last.stderr);
    assert_eq!(resumed, ["fetch", "flatten", "inspect", "plan", "fix"]);
    assert_eq!(done, ["convert", "validate"]);
    assert_eq!(digests(&guest.dir), before, "the source was touched");
    let disk = place.path("out/debian12-stock/disk0.qcow2");
    run(Command::new("qemu-img").args(["check", "-q"]).arg(&disk)).expect(0);
    assert!(!place.path("out/.h2k/debian12-stock").exists(), "work was left behind");
    let report = place.h2k(["report", "debian12-stock", "--json"]).expect(0).json();
    let copied = &report["disks"][0]["transfer"]["copied"];
    assert!(copied["taken_over"].as_u64() > Some(0), "nothing was taken over: {copied:#}");
    place.h2k(["verify", "out/debian12-stock"]).expect(0);
    let status = place.h2k(["status", "--json"]).expect(0).json();
    assert_eq!(status["runs"][0]["state"], "done", "{status:#}");
    // There is nothing to go on with any more, and what is there is not overwritten.
    place.h2k(["resume", "debian12-stock"]).expect(2);
    place.h2k(args).expect(2);
}

#[test]
fn ctrl_c_leaves_nothing_under_the_final_name() {
    let guest = guest("debian12-stock");
    let place = Place::new();
    let vmx = guest.vmx();
    let args = ["migrate", vmx.to_str().unwrap(), "-o", "out", "--no-boot"];
    let code = kill_one(start_until(&place, &args, "stage-started", "inspect"), "INT");
    assert_eq!(code, Some(130));
    assert_eq!(place.results("out"), Vec::<String>::new());
}

/// In every stage that takes its time. What was finished is not lost, and a guest that does not come up is no success.
#[test]
fn ctrl_c_in_any_stage_can_be_gone_on_from() {
    let place = Place::new();
    let vmx = phony::guest(&place, "web01");
    let args = ["migrate", vmx.to_str().unwrap(), "-o", "out", "--format", "raw", "--boot-timeout", "15"];
    assert_eq!(kill_one(start_until(&place, &args, "stage-started", "fix"), "INT"), Some(130));
    assert_eq!(place.results("out"), Vec::<String>::new());
    let slowly = [&args[..], &["--limit-rate", "8M"]].concat();
    let copying = |told: &serde_json::Value| told["event"] == "progress" && told["stage"] == "convert";
    assert_eq!(kill_one(start_when(&place, &slowly, copying), "INT"), Some(130));
    assert_eq!(place.results("out"), Vec::<String>::new());
    let booting = |told: &serde_json::Value| told["event"] == "progress" && told["stage"] == "validate";
    assert_eq!(kill_one(start_when(&place, &args, booting), "INT"), Some(130));
    // It is whole; only nobody has seen it boot.
    assert_eq!(place.results("out"), ["web01"]);
    let verdict = place.path("out/web01/boot/verdict.json");
    assert!(!verdict.exists());

    // It holds the files of a Debian, and nothing that boots.
    let last = place.h2k(["resume", "--log-format", "json"]).expect(5);
    let (resumed, done) = stages(&last.stderr);
    assert_eq!(resumed, ["fetch", "flatten", "inspect", "plan", "fix", "convert"]);
    assert!(!done.contains(&"convert".to_owned()), "{done:?}");
    let verdict: serde_json::Value = serde_json::from_slice(&std::fs::read(verdict).unwrap()).unwrap();
    assert!(verdict["outcome"] == "failed" || verdict["outcome"] == "unproven", "{verdict:#}");
    assert!(verdict["evidence"]["argv"].is_string(), "it was not booted: {verdict:#}");
    let report = place.h2k(["report", "web01", "--json"]).expect(0).json();
    assert_eq!(report["verdict"]["outcome"], verdict["outcome"]);
}

#[test]
fn a_second_h2k_on_the_same_output_is_refused_while_the_first_lives() {
    let guest = guest("debian12-stock");
    let place = Place::new();
    let vmx = guest.vmx();
    let args = ["migrate", vmx.to_str().unwrap(), "-o", "out", "--no-boot"];
    let first = start_until(&place, &args, "stage-started", "inspect");
    let second = place.h2k(args).expect(1);
    assert!(second.stderr.contains("another h2k"), "{}", second.stderr);
    kill_one(first, "KILL");
}

#[test]
fn a_source_that_changed_is_started_over() {
    let guest = guest("debian12-stock");
    let place = Place::new();
    std::fs::create_dir(place.path("src")).unwrap();
    for entry in std::fs::read_dir(&guest.dir).unwrap() {
        let path = entry.unwrap().path();
        run(Command::new("cp").arg("--sparse=always").arg(&path).arg(place.path("src"))).expect(0);
    }
    let args = ["migrate", "src/guest.vmx", "-o", "out", "--no-boot"];
    kill_one(start_until(&place, &args, "stage-done", "flatten"), "KILL");
    let vmx = place.path("src/guest.vmx");
    let text = std::fs::read_to_string(&vmx).unwrap();
    std::fs::write(&vmx, text.replace("memSize = \"1024\"", "memSize = \"2048\"")).unwrap();
    let child = start_until(&place, &args, "stage-done", "fetch");
    kill_one(child, "KILL");
}
