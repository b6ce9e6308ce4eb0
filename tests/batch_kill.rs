//! A batch that is killed with all its processes, again and again, comes to what an undisturbed one comes to, and does
//! nothing twice that it had finished.
//!
//! `H2K_TEST_VMS` and `H2K_TEST_KILLS` make it larger; `H2K_TEST_REAL=1` adds two real guests.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::common::guest::{Guest, guest};
use crate::common::mount::listing;
use crate::common::process::{kill, tree};
use crate::common::tree::{changed, tree as every_file};
use crate::common::{Place, phony};

fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

/// Pseudo-random numbers, the same in each run for a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

/// The real guests, if they are wanted, each with its VM's name.
fn real() -> Vec<(String, Guest)> {
    let wanted = std::env::var("H2K_TEST_REAL").is_ok_and(|text| text == "1");
    let names = if wanted { ["debian12-bios", "debian12-stock"].as_slice() } else { &[] };
    names.iter().map(|name| ((*name).to_owned(), guest(name))).collect()
}

/// Every file of a VM's disks is the same in both results.
fn assert_same_files(place: &Place, name: &str, real: &[(String, Guest)]) {
    let result = |out: &str| place.path(out).join(name);
    match real.iter().find(|(of, _)| of == name) {
        None => {
            let [calm, other] = ["calm", "killed"].map(|out| listing(place, &result(out).join("disk0.raw")));
            assert_eq!(other, calm, "{name}");
        }
        Some((_, guest)) => {
            let [calm, other] = ["calm", "killed"].map(|out| {
                let disks = (0..guest.disks().len()).map(|n| result(out).join(format!("disk{n}.raw")));
                every_file(&disks.collect::<Vec<_>>(), &guest.mounts(), &place.path(""))
            });
            assert_eq!(changed(&calm, &other), BTreeSet::new(), "{name}");
        }
    }
}

#[test]
fn it_comes_to_the_same_and_nothing_finished_is_done_again() {
    let place = Place::new();
    let count = number("H2K_TEST_VMS", 3);
    let kills = number("H2K_TEST_KILLS", 5);
    for n in 0..count {
        phony::guest(&place, &format!("vm{n:02}"));
    }
    let real = real();
    let count = count + real.len();
    let sources: String = real
        .iter()
        .map(|(name, guest)| format!("  - {{source: {}, name: {name}}}\n", guest.vmx().display()))
        .collect();
    let batch = |out: &str| {
        format!(
            "version: 1\ndefaults: {{output: {out}, no-boot: true, format: raw}}\nvms:\n  - {{from: 'src/*.vmx'}}\n{sources}"
        )
    };
    place.write("calm.yaml", batch("calm"));
    place.write("night.yaml", batch("killed"));
    let started = std::time::Instant::now();
    place.h2k(["--state", "calm.db", "migrate", "-f", "calm.yaml"]).expect(0);
    let undisturbed = started.elapsed();

    let mut dice = Dice(20_261_121);
    // The kills are spread over what the whole batch takes.
    let longest = (undisturbed.as_millis() as u64 * 2 / kills.max(1) as u64).clamp(2_000, 40_000);
    let mut killed = 0;
    for round in 0..kills {
        let how: &[&str] = if round == 0 { &["migrate", "-f", "night.yaml"] } else { &["resume", "night"] };
        let mut command = place.command();
        let log = std::fs::File::options().create(true).append(true).open(place.path("killed.log")).unwrap();
        command
            .args(["--state", "night.db", "--log-format", "json"])
            .args(how)
            .stdout(Stdio::null())
            .stderr(log);
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(200 + dice.below(longest)));
        if child.try_wait().unwrap().is_some() {
            break;
        }
        kill(&tree(child.id()));
        child.wait().unwrap();
        killed += 1;
    }
    eprintln!("{count} VMs, killed {killed} times");
    assert!(killed > 0, "it was done before the first kill");
    // The last call may find everything done already.
    let last = place.h2k(["--state", "night.db", "migrate", "-f", "night.yaml"]).expect(0);
    assert!(last.stdout.contains(&format!("night: done: {count} done")), "{}", last.stdout);

    assert_eq!(place.results("killed"), place.results("calm"));
    for name in place.results("calm") {
        let read = |out: &str, file: String| {
            std::fs::read_to_string(place.path(out).join(&name).join(file)).unwrap()
        };
        assert_eq!(
            read("killed", format!("{name}.xml")).replace("/killed/", "/calm/"),
            read("calm", format!("{name}.xml"))
        );
        let edits = |out: &str| {
            serde_json::from_str::<Value>(&read(out, "plan.json".to_owned())).unwrap()["vms"][0]["edits"]
                .clone()
        };
        assert_eq!(edits("killed"), edits("calm"));
        assert_same_files(&place, &name, &real);
    }
    let left: Vec<_> =
        std::fs::read_dir(place.path("killed/.h2k")).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(left.is_empty(), "unfinished work is left: {left:?}");

    let history = place.h2k(["--state", "night.db", "history", "--json"]).expect(0).json();
    let runs = history["runs"].as_array().unwrap();
    assert_eq!(runs.len(), count, "a run per VM");
    for run in runs {
        for stage in run["stages"].as_array().unwrap() {
            let log = || std::fs::read_to_string(place.path("killed.log")).unwrap();
            assert_eq!(stage["done"], 1, "{stage} of {}\n{}", run["name"], log());
        }
    }
    let again: u64 = runs
        .iter()
        .flat_map(|r| r["stages"].as_array().unwrap())
        .map(|s| s["started"].as_u64().unwrap() - 1)
        .sum();
    eprintln!("stages that a kill made begin again: {again}");
}
