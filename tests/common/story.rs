//! What every real guest's migration must show.

use std::path::{Path, PathBuf};

use super::guest::{Guest, validate_xml};
use super::tree::{assert_only_planned, built_tree, tree_opened};
use super::{Place, digests};

/// Guests that, without options, are also planned before and after: `plan` shows the edits that `migrate` makes, and the
/// result needs none when it is looked at without the source's hardware. For the others FIX itself looks at the fixed
/// guest again, and what it made is compared with the plan that it left.
const WHOLE: &[&str] = &["debian12-bios", "debian12-uefi", "debian12-luks", "debian12-btrfs"];

/// What a story left.
pub struct Story {
    pub place: Place,
    pub name: String,
    pub plan: serde_json::Value,
    pub report: serde_json::Value,
}

impl Story {
    pub fn result(&self) -> std::path::PathBuf {
        self.place.path("out").join(&self.name)
    }

    pub fn verdict(&self) -> &serde_json::Value {
        &self.report["verdict"]
    }

    /// How many of the plan's edits are of a kind.
    pub fn edits_of_kind(&self, kind: &str) -> usize {
        self.plan["edits"].as_array().unwrap().iter().filter(|e| e["kind"] == kind).count()
    }

    /// What the guest said of itself when it was up on virtio (the fixtures' `site-report`) is what its facts
    /// promise: what is mounted, swapped to, and which interface has which address.
    #[track_caller]
    pub fn assert_reports(&self, guest: &Guest) {
        let log = std::fs::read(self.result().join("boot/serial.log")).unwrap();
        let log = String::from_utf8_lossy(&log);
        let said: Vec<&str> = log.lines().filter_map(|l| Some(l.split_once("report: ")?.1.trim())).collect();
        for promised in guest.facts["reports"].as_array().unwrap() {
            let promised = promised.as_str().unwrap();
            assert!(said.iter().any(|s| s.starts_with(promised)), "no {promised:?} in {said:#?}");
        }
    }

    /// Paths of the plan's edits.
    pub fn edited(&self) -> Vec<String> {
        let edits = self.plan["edits"].as_array().unwrap();
        edits.iter().filter_map(|e| e["path"].as_str()).map(str::to_owned).collect()
    }
}

/// How the encrypted volume of a guest is opened.
pub struct Opened {
    /// h2k's `--key` for the source.
    pub option: String,
    /// Its device and a key file that opens it, for guestfish.
    pub container: (String, PathBuf),
    /// h2k's `--key` for the result, whose disks are looked at without the source's hardware.
    pub again: String,
}

/// Plans and migrates a guest from `source`, boots it, and checks what holds for every guest: the source is
/// untouched, what changed is what was planned, the XML is valid, a proven boot, frames from its NIC, and (see [`WHOLE`])
/// that the result, planned again, has no edits. `mounts` are device and mount point, root first.
pub fn migrate(guest: &Guest, source: &Path, mounts: &[(&str, &str)]) -> Story {
    told(guest, source, mounts, None, &[])
}

/// The same for a guest with an encrypted volume.
pub fn migrate_opened(guest: &Guest, source: &Path, mounts: &[(&str, &str)], opened: &Opened) -> Story {
    told(guest, source, mounts, Some(opened), &[])
}

/// The same with options that `plan` and `migrate` share.
pub fn migrate_with(guest: &Guest, source: &Path, mounts: &[(&str, &str)], options: &[&str]) -> Story {
    told(guest, source, mounts, None, options)
}

fn told(
    guest: &Guest,
    source: &Path,
    mounts: &[(&str, &str)],
    opened: Option<&Opened>,
    options: &[&str],
) -> Story {
    let key = |value: fn(&Opened) -> &String| opened.map(|o| ["--key", value(o)]).into_iter().flatten();
    let whole = WHOLE.contains(&guest.text("name")) && options.is_empty();
    let place = Place::new();
    let source_text = source.to_str().unwrap();
    let before = digests(&guest.dir);

    let beforehand = whole.then(|| {
        let plan = ["plan", source_text, "--json"].into_iter();
        place.h2k(plan.chain(key(|o| &o.option)).chain(options.iter().copied())).expect(0).json()
    });
    let run = place
        .h2k(
            ["migrate", source_text, "-o", "out"]
                .into_iter()
                .chain(key(|o| &o.option))
                .chain(options.iter().copied()),
        )
        .expect(0);
    eprintln!("{}", run.stderr);
    assert_eq!(digests(&guest.dir), before, "the source was touched");

    let [name] = place.results("out").try_into().unwrap();
    let result = place.path("out").join(&name);
    let planned: serde_json::Value =
        serde_json::from_slice(&std::fs::read(result.join("plan.json")).unwrap()).unwrap();
    let plan = planned["vms"][0].clone();
    assert_eq!(planned["version"], 1);
    assert_eq!(planned["vms"].as_array().unwrap().len(), 1);
    if let Some(beforehand) = beforehand {
        assert_eq!(
            beforehand["vms"][0]["edits"], plan["edits"],
            "migrate planned other edits than plan showed"
        );
    }
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(result.join("report.json")).unwrap()).unwrap();
    let story = Story { place, name, plan, report };

    assert_eq!(story.report["edits"], story.plan["edits"], "migrate made other edits than plan showed");
    assert_files(&story);
    assert_boot(&story, guest.text("mac"));
    assert_ready(&story);
    assert_forecast(&story);

    let results: Vec<_> = story.report["disks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| result.join(d["file"].as_str().unwrap()))
        .collect();
    let container = opened.map(|o| (o.container.0.as_str(), o.container.1.as_path()));
    let old = built_tree(guest, mounts, container, &story.place.path(""));
    let new = tree_opened(&results, mounts, container, &story.place.path(""));
    assert_only_planned(&old, &new, &story.plan["edits"]);

    if !whole {
        return story;
    }
    let mut again = vec!["plan".to_owned(), "--json".to_owned()];
    again.extend(key(|o| &o.again).map(str::to_owned));
    again.extend(results.iter().map(|p| p.to_str().unwrap().to_owned()));
    let again = story.place.h2k(again).expect(0).json();
    assert_eq!(again["vms"][0]["edits"], serde_json::json!([]), "the result still needs edits");
    story
}

fn assert_files(story: &Story) {
    let dir = story.result();
    validate_xml(&dir.join(format!("{}.xml", story.name)));
    for file in ["plan.json", "report.json", "report.md", "boot/serial.log", "boot/verdict.json"] {
        assert!(dir.join(file).is_file(), "{file} is missing");
    }
    let screen = std::fs::read(dir.join("boot/screen.png")).unwrap();
    assert!(screen.starts_with(b"\x89PNG\r\n\x1a\n"), "the screenshot is no PNG");
    assert!(!story.place.path("out").join(".h2k").join(&story.name).exists(), "work was left behind");
}

/// Before it was booted, no link of its boot chain was found broken.
fn assert_ready(story: &Story) {
    let links = story.report["readiness"].as_array().unwrap();
    let open: Vec<_> = links.iter().filter(|l| l["state"] != "ok").collect();
    eprintln!("links that are not ok: {open:#?}");
    assert!(links.len() > 5 && !open.iter().any(|l| l["state"] == "broken"), "{open:#?}");
}

/// The plan told how long it takes, from a sample that was copied. How good that was is for a benchmark to say.
fn assert_forecast(story: &Story) {
    let forecast = &story.plan["forecast"];
    let time = &forecast["time"];
    eprintln!("time: {time:#}");
    assert_eq!(story.report["forecast"], *forecast);
    assert!(forecast["memory_bytes"].as_u64().unwrap() > 256 << 20);
    let stages: Vec<_> =
        time["stages"].as_array().unwrap().iter().map(|s| s["stage"].as_str().unwrap()).collect();
    assert_eq!(stages, ["fetch", "flatten", "inspect", "plan", "fix", "convert", "validate"]);
    assert!(time["sample"]["bytes"].as_u64().unwrap() > 0 && time["sample"]["written"] == true, "{time:#}");
    let seconds = |of: &str| time[of].as_f64().unwrap();
    assert!(seconds("low") < seconds("seconds") && seconds("seconds") < seconds("high"), "{time:#}");
    let page = std::fs::read_to_string(story.result().join("report.md")).unwrap();
    assert!(page.contains("\n| time of convert | "), "{page}");
}

fn assert_boot(story: &Story, mac: &str) {
    let verdict = story.verdict();
    assert_eq!(verdict["outcome"], "booted", "{verdict:#}");
    assert!(verdict["evidence"]["login_prompt"].is_string() || verdict["evidence"]["agent_ping"] == true);
    let nic = &verdict["evidence"]["nics"][0];
    assert_eq!(nic["mac"], mac);
    assert!(nic["traffic"]["frames"].as_u64().unwrap() > 0, "the NIC sent nothing: {verdict:#}");
}
