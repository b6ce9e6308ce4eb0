//! A copy that is killed or stopped goes on; one whose source changed does not.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::common::disk::{Dice, MIB, assert_clean, assert_same, image, noise, text, unfinished};
use crate::common::{Place, digest, run};

/// More than two batches of the journal.
const SIZE: u64 = 144 * MIB;

/// What is written: name of the file, options.
const TARGETS: &[(&str, &[&str])] =
    &[("out.qcow2", &[]), ("out.raw", &["--no-reflink"]), ("packed.qcow2", &["--compress", "zstd"])];

/// Starts a copy.
fn start(place: &Place, from: &Path, to: &Path, more: &[&str]) -> Child {
    let mut command = place.command();
    command.args(["convert", text(from), text(to), "-q", "--threads", "2"]).args(more);
    command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

fn signal(child: &Child, signal: &str) {
    // It may have come to its end just before.
    run(Command::new("kill").args([format!("-{signal}"), child.id().to_string()]));
}

/// Starts a copy and kills it after a while; whether the target had its name by then. The kill may come after that and
/// before all is tidied up: then the next call says that the target is there, and tidies.
fn done_before_the_kill(place: &Place, from: &Path, to: &Path, more: &[&str], after: u64) -> bool {
    let child = start(place, from, to, more);
    sleep(Duration::from_millis(after));
    signal(&child, "KILL");
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success() || out.status.code().is_none(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(to.exists() || !out.status.success(), "it ended well without a target");
    if unfinished(to) && to.exists() {
        place.convert(from, to, more).expect(2);
    }
    to.exists()
}

/// Starts a copy and kills it when its journal holds a first batch, which is 64 MiB.
fn killed_when_flushed(place: &Place, from: &Path, to: &Path, more: &[&str]) {
    let mut child = start(place, from, to, &[more, &["--limit-rate", "60M"]].concat());
    let name = format!(".{}.h2k/journal", to.file_name().unwrap().to_str().unwrap());
    // A header has some 200 bytes, a record of a chunk of 4 MiB more than 80.
    while std::fs::metadata(to.with_file_name(&name)).map_or(0, |file| file.len()) < 1000 {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before it was killed");
        sleep(Duration::from_millis(5));
    }
    signal(&child, "KILL");
    assert_eq!(child.wait().unwrap().code(), None, "it ended before it was killed");
    assert!(!to.exists());
}

fn format_of(path: &Path) -> &str {
    path.extension().unwrap().to_str().unwrap()
}

/// Kills the copy `kills` times at moments that `seed` decides, then lets it end. How much was taken over.
fn torture(place: &Place, source: &Path, seed: u64, kills: usize) -> u64 {
    let mut dice = Dice(seed);
    let (mut left, mut taken_over) = (kills, 0);
    for round in 0.. {
        let (name, options) = TARGETS[round % TARGETS.len()];
        let out = place.path(name);
        let more = [options, &["--limit-rate", "300M"]].concat();
        let mut done = false;
        while left > 0 && !done {
            left -= 1;
            done = done_before_the_kill(place, source, &out, &more, dice.between(5, 400));
            if dice.roll().is_multiple_of(2) {
                break;
            }
        }
        if !done {
            let last = place.converted(source, &out, &more);
            assert_eq!(last["copied"]["size"], SIZE, "seed {seed:#x}");
            taken_over += last["copied"]["taken_over"].as_u64().unwrap();
        }
        eprintln!("seed {seed:#x}, round {round}: {name}, {left} left, {taken_over} taken over");
        assert!(!unfinished(&out), "seed {seed:#x}: work was left behind");
        assert_same(source, "raw", &out, format_of(&out));
        if format_of(&out) == "qcow2" {
            assert_clean(&out);
        }
        std::fs::remove_file(&out).unwrap();
        if left == 0 {
            break;
        }
    }
    taken_over
}

#[test]
fn a_copy_that_is_killed_at_any_moment_goes_on() {
    let place = Place::new();
    let source = noise(&place, "in.raw", SIZE);
    let before = digest(&source);
    let taken_over = torture(&place, &source, 0x5eed_0001, 50);
    assert!(taken_over > 0, "no copy took anything over");
    assert_eq!(digest(&source), before, "the source was touched");
}

#[test]
fn a_killed_copy_takes_over_what_was_flushed_and_no_more_is_read() {
    for (name, options) in TARGETS {
        let place = Place::new();
        let source = noise(&place, "in.raw", SIZE);
        let out = place.path(name);
        killed_when_flushed(&place, &source, &out, options);
        let done = place.converted(&source, &out, options);
        let count = |what: &str| done["copied"][what].as_u64().unwrap();
        assert!(count("taken_over") >= 64 * MIB, "{done:#}");
        assert_eq!(count("taken_over") + count("read"), SIZE, "{done:#}");
        // The digests of both runs together are those of a copy in one go.
        let again = place.path(&format!("again.{}", format_of(&out)));
        let whole = place.converted(&source, &again, options);
        assert_eq!(whole["copied"]["content"], done["copied"]["content"]);
        assert_same(&again, format_of(&out), &out, format_of(&out));
    }
}

#[test]
fn what_a_copy_left_that_was_killed_when_it_was_done_is_removed() {
    let place = Place::new();
    let source = noise(&place, "in.raw", SIZE);
    let out = place.path("out.qcow2");
    killed_when_flushed(&place, &source, &out, &[]);
    assert!(unfinished(&out));
    // As after the renaming: the journal is complete, its target gone to its name.
    std::fs::rename(place.path(".out.qcow2.h2k/disk"), &out).unwrap();
    let ran = place.convert(&source, &out, &[]).expect(2);
    assert!(ran.stderr.contains("is there already"), "{}", ran.stderr);
    assert!(!unfinished(&out));
}

#[test]
fn another_format_or_compression_starts_over() {
    let place = Place::new();
    let source = noise(&place, "in.raw", SIZE);
    let out = place.path("out");
    killed_when_flushed(&place, &source, &out, &["--format", "raw", "--no-reflink"]);
    killed_when_flushed(&place, &source, &out, &["--compress", "zstd"]);
    let done = place.converted(&source, &out, &[]);
    assert_eq!(done["copied"]["taken_over"], 0, "{done:#}");
    assert_same(&source, "raw", &out, "qcow2");
    assert_clean(&out);
}

#[test]
fn ctrl_c_leaves_nothing_under_the_final_name_and_the_same_command_goes_on() {
    for (name, options) in TARGETS {
        let place = Place::new();
        let source = noise(&place, "in.raw", SIZE);
        let out = place.path(name);
        let child = start(&place, &source, &out, &[*options, &["--limit-rate", "50M"]].concat());
        sleep(Duration::from_millis(700));
        signal(&child, "INT");
        let stopped = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&stopped.stderr);
        assert_eq!(stopped.status.code(), Some(130), "{told}");
        assert!(told.contains("the same command goes on"), "{told}");
        assert!(!out.exists() && unfinished(&out));
        let done = place.converted(&source, &out, options);
        // What was copied when it was stopped was flushed, however little.
        assert!(done["copied"]["taken_over"].as_u64().unwrap() > 0, "{done:#}");
        assert_same(&source, "raw", &out, format_of(&out));
    }
}

#[test]
fn a_second_h2k_on_the_same_output_is_refused_while_the_first_lives() {
    let place = Place::new();
    let source = noise(&place, "in.raw", SIZE);
    let out = place.path("out.qcow2");
    let first = start(&place, &source, &out, &["--limit-rate", "50M"]);
    sleep(Duration::from_millis(500));
    place.refused(&source, &out, &[], 1, &["another h2k"]);
    signal(&first, "TERM");
    assert_eq!(first.wait_with_output().unwrap().status.code(), Some(130));
}

/// Changes one byte in the middle of a file, where no sample is taken.
fn change(path: &Path) {
    let file = std::fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 30 * MIB + 5).unwrap();
    file.write_all_at(&[byte[0] ^ 1], 30 * MIB + 5).unwrap();
}

fn vmdk(place: &Place) -> PathBuf {
    let raw = noise(place, "content.img", SIZE);
    let path = place.path("in.vmdk");
    image(&raw, "vmdk", &[], &path);
    path
}

#[test]
fn a_source_that_changed_between_the_runs_is_started_over() {
    let place = Place::new();
    let source = vmdk(&place);
    let out = place.path("out.qcow2");
    killed_when_flushed(&place, &source, &out, &[]);
    change(&source);
    let done = place.converted(&source, &out, &[]);
    assert_eq!(done["copied"]["taken_over"], 0, "{done:#}");
    assert_same(&source, "vmdk", &out, "qcow2");
}

#[test]
fn a_source_that_changes_during_the_copy_is_no_success() {
    let place = Place::new();
    let source = vmdk(&place);
    let out = place.path("out.qcow2");
    let child = start(&place, &source, &out, &["--limit-rate", "100M"]);
    sleep(Duration::from_millis(700));
    change(&source);
    let ended = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(told.contains("the source changed while it was copied") && told.contains("in.vmdk"), "{told}");
    // What was copied is of no use, and nothing claims that it is.
    assert!(!told.contains("goes on where"), "{told}");
    assert!(!out.exists() && !unfinished(&out));
    let done = place.converted(&source, &out, &[]);
    assert_eq!(done["copied"]["taken_over"], 0, "{done:#}");
    assert_same(&source, "vmdk", &out, "qcow2");
}
