//! `h2k undo`: edits of a finished migration are taken back, exactly or not at all.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::guest::guest;
use crate::common::host_tree::{change, look};
use crate::common::tree::{changed, planned, tree};
use crate::common::{Place, digest, phony, run};

/// A phony guest's result.
fn migrated(place: &Place) -> PathBuf {
    let vmx = phony::guest(place, "web01");
    place.h2k(["migrate", vmx.to_str().unwrap(), "-o", "out", "--no-boot"]).expect(0);
    place.path("out/web01")
}

/// A text file of a disk, through this host's kernel.
#[track_caller]
fn cat(disk: &Path, path: &str) -> String {
    look(disk, |root| std::fs::read_to_string(root.join(path.trim_start_matches('/'))).unwrap())
}

/// Number of the first edit of a path.
fn number(place: &Place, path: &str) -> usize {
    let list = place.h2k(["undo", "out/web01", "--json"]).expect(0).json();
    let edits = list["edits"].as_array().unwrap();
    let at = edits.iter().position(|e| e["edit"].as_str().unwrap().contains(path));
    at.unwrap_or_else(|| panic!("{path} is not in {list:#}")) + 1
}

#[test]
fn one_edit_is_taken_back_and_the_report_says_so() {
    let place = Place::new();
    let result = migrated(&place);
    let disk = result.join("disk0.qcow2");
    place.h2k(["verify", "out/web01"]).expect(0);
    let fstab = number(&place, "/etc/fstab");
    let before = digest(&disk);
    let list = place.h2k(["undo", "out/web01"]).expect(0).stdout;
    assert!(list.contains(&format!("{fstab:>4}  change /etc/fstab [linux.fstab]")), "{list}");
    assert_eq!(digest(&disk), before, "a list changes nothing");
    assert!(cat(&disk, "/etc/fstab").contains("UUID="));

    let number = fstab.to_string();
    let done = place.h2k(["undo", "out/web01", &number]).expect(0).stdout;
    assert!(done.contains("taken back 20"), "{done}");
    assert!(cat(&disk, "/etc/fstab").contains("/dev/sda1 / ext4"), "{}", cat(&disk, "/etc/fstab"));
    run(Command::new("qemu-img").args(["check", "-q"]).arg(&disk)).expect(0);
    assert!(!result.join(".undo").exists(), "work was left behind");
    let report = place.h2k(["report", "out/web01", "--json"]).expect(0).json();
    assert_eq!(report["undone"][0]["edit"], fstab);
    for page in ["report.md", "report.html"] {
        let text = std::fs::read_to_string(result.join(page)).unwrap();
        assert!(text.contains("taken back"), "{page} does not tell");
    }
    // Digests are of before, and nothing is taken back twice.
    let stale = place.h2k(["verify", "out/web01"]).expect(2);
    assert!(stale.stderr.contains("its digests are of before"), "{}", stale.stderr);
    let twice = place.h2k(["undo", "out/web01", &number]).expect(2);
    assert!(twice.stderr.contains("was taken back at"), "{}", twice.stderr);
    place.h2k(["undo", "out/web01", "99"]).expect(2);
    place.h2k(["undo", "nobody"]).expect(2);
}

#[test]
fn a_file_that_was_changed_since_is_left_alone_and_named() {
    let place = Place::new();
    let result = migrated(&place);
    let disk = result.join("disk0.qcow2");
    change(&disk, |root| {
        let fstab = root.join("etc/fstab");
        let text = std::fs::read_to_string(&fstab).unwrap();
        std::fs::write(&fstab, text + "# mine\n").unwrap();
    });
    let before = digest(&disk);
    let refused = place.h2k(["undo", "out/web01", "--all"]).expect(1);
    assert!(refused.stderr.contains("/etc/fstab"), "{}", refused.stderr);
    assert_eq!(digest(&disk), before, "something was taken back");
    assert!(!result.join(".undo").exists(), "work was left behind");
    let report = place.h2k(["report", "out/web01", "--json"]).expect(0).json();
    assert_eq!(report["undone"], serde_json::json!([]));
}

/// Starts `h2k undo` and kills it as soon as `there` holds. Whether it did before h2k was done.
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
fn killed_at_any_moment_it_leaves_either_state() {
    let place = Place::new();
    let result = migrated(&place);
    let (disk, kept) = (result.join("disk0.qcow2"), place.path("kept"));
    run(Command::new("cp").args(["-a", "--sparse=always"]).arg(&result).arg(&kept)).expect(0);
    let before = digest(&disk);
    let number = number(&place, "/etc/fstab").to_string();
    let args = ["undo", "out/web01", &number];
    let work = result.join(".undo");
    for moment in ["temp/overlay0.qcow2", "disk0.qcow2", "journal.json", "written.json"] {
        std::fs::remove_dir_all(&result).unwrap();
        run(Command::new("cp").args(["-a", "--sparse=always"]).arg(&kept).arg(&result)).expect(0);
        let killed = killed_when(&place, &args, || work.join(moment).exists());
        if disk.exists() && digest(&disk) != before {
            assert!(cat(&disk, "/etc/fstab").contains("/dev/sda1 / ext4"), "{moment}: half-written");
            assert!(moment == "written.json" || !killed, "{moment}: written before it was noted");
        }
        // The same command carries it through, or does it.
        if killed {
            place.h2k(args).expect(0);
        }
        assert!(cat(&disk, "/etc/fstab").contains("/dev/sda1 / ext4"), "{moment}");
        run(Command::new("qemu-img").args(["check", "-q"]).arg(&disk)).expect(0);
        assert!(!work.exists(), "{moment}: work was left behind");
        let report = place.h2k(["report", "out/web01", "--json"]).expect(0).json();
        assert_eq!(report["undone"].as_array().unwrap().len(), 1, "{moment}");
        assert!(killed || moment == "written.json", "{moment} was never seen");
    }
}

#[test]
fn all_edits_of_a_real_guest_are_taken_back() {
    let guest = guest("debian12-bios");
    let place = Place::new();
    let vmx = guest.vmx();
    place.h2k(["migrate", vmx.to_str().unwrap(), "-o", "out", "--no-boot"]).expect(0);
    let mounts = [("/dev/sda1", "/")];
    let disks = [place.path("out/debian12-bios/disk0.qcow2")];
    let source = tree(&guest.disks(), &mounts, &place.path(""));
    let fixed = tree(&disks, &mounts, &place.path(""));
    assert!(changed(&source, &fixed).len() >= 5, "the comparison would prove nothing");

    let list = place.h2k(["undo", "debian12-bios", "--list", "--json"]).expect(0).json();
    let lost: Vec<usize> = list["edits"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|e| e["reversible"] == false)
        .map(|e| e["number"].as_u64().unwrap() as usize - 1)
        .collect();
    let run = place.h2k(["undo", "debian12-bios", "--all", "--json"]).expect(0);
    let told = run.json();
    let undone = told["edits"].as_array().unwrap().iter().filter(|e| e["undone"].is_string()).count();
    assert_eq!(undone + lost.len(), told["edits"].as_array().unwrap().len(), "{told:#}");

    let back = tree(&disks, &mounts, &place.path(""));
    let report = place.h2k(["report", "debian12-bios", "--json"]).expect(0).json();
    let kept: Vec<_> = lost.iter().map(|at| report["edits"][*at].clone()).collect();
    let (surely, maybe) = planned(&serde_json::Value::Array(kept));
    let differs: Vec<_> =
        changed(&source, &back).into_iter().filter(|p| !surely.contains(p) && !maybe.contains(p)).collect();
    assert!(differs.is_empty(), "not as it was: {differs:?}");
    assert!(lost.is_empty(), "of this guest every edit can be taken back: {told:#}");
    // The source's plan again: the result needs the same edits as the source did.
    let again = place.h2k(["plan", disks[0].to_str().unwrap(), "--json"]).expect(0).json();
    assert!(again["vms"][0]["edits"].as_array().unwrap().len() >= 5, "{:#}", again["vms"][0]["edits"]);
}
