//! Results that keep their base: the repairs are made anew without source and without copy, until they are accepted.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::common::mount::listing;
use crate::common::{Place, digest, phony, run};

/// The files of a disk of any format, backing files and all.
fn files(place: &Place, disk: &Path) -> String {
    let raw = place.path("looked-at.raw");
    run(Command::new("qemu-img").args(["convert", "-O", "raw"]).arg(disk).arg(&raw)).expect(0);
    listing(place, &raw)
}

/// What a disk's header names as its backing file.
fn backing(disk: &Path) -> Option<String> {
    let info = run(Command::new("qemu-img").args(["info", "--output=json"]).arg(disk)).expect(0).json();
    info["backing-filename"].as_str().map(str::to_owned)
}

fn report(place: &Place) -> Value {
    place.h2k(["report", "out/web01", "--json"]).expect(0).json()
}

/// A phony guest, and its result that keeps its base.
fn kept(place: &Place) -> (PathBuf, PathBuf) {
    let vmx = phony::guest(place, "web01");
    place.h2k(["migrate", vmx.to_str().unwrap(), "-o", "out", "--no-boot", "--keep-base"]).expect(0);
    (vmx, place.path("out/web01"))
}

#[test]
fn another_policy_comes_to_what_a_new_migration_comes_to() {
    let place = Place::new();
    let (vmx, result) = kept(&place);
    let (disk, base) = (result.join("disk0.qcow2"), result.join("disk0.base.qcow2"));
    let fresh = |out: &str, more: &[&str], code: i32| {
        let args = [&["migrate", vmx.to_str().unwrap(), "-o", out, "--no-boot"], more].concat();
        place.h2k(args).expect(code);
        files(&place, &place.path(out).join("web01/disk0.qcow2"))
    };
    let usual = fresh("usual", &[], 0);
    // Its boot chain is broken without the repair: a result all the same, and an exit code of its own.
    let other = fresh("other", &["--skip-fixer", "linux.fstab", "--serial-console"], 5);
    assert_ne!(usual, other, "the comparison would prove nothing");
    assert_eq!(backing(&disk).as_deref(), Some("disk0.base.qcow2"));
    assert_eq!(files(&place, &disk), usual);
    assert_eq!(files(&place, &base), files(&place, &place.path("src/web01.vmdk")), "the base is changed");
    let size = |path: &Path| std::fs::metadata(path).unwrap().len();
    let plain = size(&place.path("usual/web01/disk0.qcow2"));
    assert!(size(&base) < plain + (8 << 20), "free space was copied: {} and {plain}", size(&base));
    let verified = place.h2k(["verify", "out/web01"]).expect(0).stdout;
    assert_eq!(verified.matches("holds what was copied").count(), 2, "{verified}");
    let untouched = digest(&base);

    let status = place.h2k(["status"]).expect(0).stdout;
    assert!(status.contains("out/web01 (not accepted yet)"), "{status}");

    // Neither the source nor what h2k remembers is needed any more.
    std::fs::remove_dir_all(place.path("src")).unwrap();
    std::fs::remove_dir_all(place.path("state")).unwrap();
    let another = ["refix", "out/web01", "--skip-fixer", "linux.fstab", "--serial-console"];
    let before = digest(&disk);
    let shown = place.h2k(another.into_iter().chain(["--dry-run"])).expect(0).stdout;
    assert!(!shown.contains("/etc/fstab") && shown.contains("console=ttyS0"), "{shown}");
    assert_eq!(digest(&disk), before, "showing a plan changes nothing");
    place.h2k(another).expect(5);
    assert_eq!(files(&place, &disk), other);
    assert_eq!(digest(&base), untouched, "the base was written to");
    assert_eq!(backing(&disk).as_deref(), Some("disk0.base.qcow2"));
    place.h2k(["verify", "out/web01"]).expect(0);
    let told = report(&place);
    assert_eq!(told["used"]["read_bytes"], 0, "{:#}", told["used"]);
    assert_eq!(told["refixed"].as_array().unwrap().len(), 1);
    let plan: Value = serde_json::from_slice(&std::fs::read(result.join("plan.json")).unwrap()).unwrap();
    assert_eq!(plan["vms"][0]["edits"], told["edits"]);

    // Upon what was wanted last; and what somebody else wrote is not thrown away unasked.
    let list = place.h2k(["undo", "out/web01", "--list", "--json"]).expect(0).json();
    let last = list["edits"].as_array().unwrap().iter().rfind(|e| e["reversible"] == true).unwrap();
    place.h2k(["undo", "out/web01", &last["number"].to_string()]).expect(0);
    assert_eq!(digest(&base), untouched, "an edit that is taken back is taken back in the overlay");
    let back = ["refix", "out/web01", "--disk-bus", "virtio-scsi"];
    let refused = place.h2k(back).expect(2);
    assert!(refused.stderr.contains("--discard-changes"), "{}", refused.stderr);
    // Its fstab's /dev/sda1 is the disk's name again.
    place.h2k(back.into_iter().chain(["--discard-changes"])).expect(0);
    let xml = std::fs::read_to_string(result.join("web01.xml")).unwrap();
    assert!(xml.contains("virtio-scsi"), "{xml}");
    let said = place.h2k(["refix", "out/web01", "--fresh-policy", "--no-boot"]).expect(0).stdout;
    assert!(said.contains("h2k accept ends that"), "{said}");
    assert_eq!(files(&place, &disk), usual);

    place.h2k(["accept", "out/web01"]).expect(0);
    assert_eq!(backing(&disk), None);
    assert!(!base.exists() && !result.join("base.json").exists() && !result.join(".kept").exists());
    run(Command::new("qemu-img").args(["check", "-q"]).arg(&disk)).expect(0);
    assert_eq!(files(&place, &disk), usual);
    place.h2k(["verify", "out/web01"]).expect(0);
    assert!(report(&place)["accepted"].is_string());
    for late in [["accept", "out/web01"], ["refix", "out/web01"]] {
        let refused = place.h2k(late).expect(2);
        assert!(refused.stderr.contains("was accepted at"), "{}", refused.stderr);
    }
    place.h2k(["accept", "usual/web01"]).expect(2);
    let history = place.h2k(["history", "web01", "--json"]).expect(0).json();
    let acts: Vec<_> = history["acts"].as_array().unwrap().iter().map(|a| (&a["act"], &a["error"])).collect();
    assert!(acts.iter().any(|(act, error)| *act == "refix" && error.is_null()), "{acts:?}");
    assert!(acts.iter().any(|(act, error)| *act == "undo" && error.is_null()), "{acts:?}");
    assert!(acts.iter().any(|(act, error)| *act == "accept" && error.is_null()), "{acts:?}");
    assert!(acts.iter().any(|(act, error)| *act == "accept" && error.is_string()), "{acts:?}");
}

#[test]
fn raw_disks_keep_no_base() {
    let place = Place::new();
    let vmx = phony::guest(&place, "web01");
    let args = ["migrate", vmx.to_str().unwrap(), "-o", "out", "--keep-base", "--format", "raw"];
    let refused = place.h2k(args).expect(3);
    assert!(refused.stderr.contains("policy.keep-base-raw"), "{}", refused.stderr);
    assert_eq!(place.results("out"), Vec::<String>::new());
}

/// Starts h2k and kills it as soon as `there` holds. Whether it did before h2k was done.
fn killed_when(place: &Place, args: &[&str], there: impl Fn() -> bool) -> bool {
    let mut child = place.command().args(args).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    while !there() {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    true
}

#[test]
fn killed_at_any_moment_it_goes_on() {
    let place = Place::new();
    let (_, result) = kept(&place);
    let (disk, base) = (result.join("disk0.qcow2"), result.join("disk0.base.qcow2"));
    let usual = files(&place, &disk);
    let another = ["refix", "out/web01", "--skip-fixer", "linux.fstab"];
    let work = result.join(".kept");
    // Before it is said that it begins, nothing has changed; the same command does it.
    assert!(killed_when(&place, &another, || work.join("new/disk0.qcow2").exists()), "never seen");
    assert_eq!(files(&place, &disk), usual);
    assert!(killed_when(&place, &another, || work.join("journal.json").exists()), "never seen");
    let restore = place.path("halfway");
    run(Command::new("cp").args(["-a", "--sparse=always"]).arg(&result).arg(&restore)).expect(0);
    // Whoever comes next carries it through, and then does what it was called for.
    place.h2k(["accept", "out/web01"]).expect(0);
    let other = files(&place, &disk);
    assert!(backing(&disk).is_none() && !work.exists());
    assert_ne!(other, usual);
    assert_eq!(report(&place)["refixed"].as_array().unwrap().len(), 1);
    place.h2k(["verify", "out/web01"]).expect(0);

    let mut seen = 0;
    for moment in ["the journal", "the base's end"] {
        std::fs::remove_dir_all(&result).unwrap();
        run(Command::new("cp").args(["-a", "--sparse=always"]).arg(&restore).arg(&result)).expect(0);
        let there = || match moment {
            // The first journal is that of the refix.
            "the journal" => {
                std::fs::read_to_string(work.join("journal.json")).is_ok_and(|j| j.contains("accept"))
            }
            _ => !base.exists(),
        };
        let killed = killed_when(&place, &["accept", "out/web01"], there);
        seen += usize::from(killed);
        assert_eq!(files(&place, &disk), other, "{moment}: the disk holds something else");
        if work.join("journal.json").exists() {
            // It can no longer be made anew: the base is half-written.
            let refused = place.h2k(another).expect(2);
            assert!(refused.stderr.contains("was accepted at"), "{}", refused.stderr);
        } else if killed {
            place.h2k(["accept", "out/web01"]);
        }
        assert_eq!(files(&place, &disk), other, "{moment}");
        assert!(backing(&disk).is_none() && !base.exists() && !work.exists(), "{moment}");
        assert!(report(&place)["accepted"].is_string(), "{moment}");
        place.h2k(["verify", "out/web01"]).expect(0);
    }
    assert!(seen > 0, "no moment was met");
}
