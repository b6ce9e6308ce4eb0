//! What every real guest's migration must show.

use std::path::{Path, PathBuf};

use super::guest::{Guest, validate_xml};
use super::tree::{assert_only_planned, built_tree, tree_opened};
use super::{Place, Ran, digests, process};

/// Guests that are also planned before and after: `plan` shows the edits that `migrate` makes, and the result needs none
/// when it is looked at without the source's hardware. For the others FIX itself looks at the fixed guest again, and what
/// it made is compared with the plan that it left.
const WHOLE: &[&str] = &["debian12-bios", "debian12-uefi", "debian12-luks", "debian12-btrfs"];

/// A part of h2k's unit of first-boot scripts, as a file of `customize`: a boot test ends with the login prompt, so what the
/// scripts say has to come before it.
pub const BEFORE_LOGIN: &str = "[Unit]\nBefore=serial-getty@ttyS0.service getty.target\n";
/// Where it goes.
pub const BEFORE_LOGIN_FILE: &str =
    "    - {from: before-login.conf, to: /etc/systemd/system/h2k-first-boot.service.d/before-login.conf}";

/// How a story is told.
#[derive(Default)]
pub struct With<'a> {
    /// The guest has an encrypted volume.
    pub opened: Option<&'a Opened>,
    /// Options that `plan` and `migrate` share.
    pub options: &'a [&'a str],
    /// Files beside the settings, and these as `h2k.yaml`.
    pub files: &'a [(&'a str, &'a str)],
    /// `migrate` is killed when FIX is done, and `resume` goes on.
    pub killed: bool,
    /// It is not planned before and after, whichever guest it is.
    pub short: bool,
}

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

    /// The guest's serial console is its own, which h2k gave it for good: nothing was added for the test, and a login
    /// was offered there, unless the guest's agent answered before that.
    #[track_caller]
    pub fn assert_serial_console(&self) {
        let evidence = &self.verdict()["evidence"];
        assert_eq!(evidence["console_added"], false, "the test added one: {evidence:#}");
        assert!(evidence["login_prompt"].is_string() || evidence["agent_ping"] == true, "{evidence:#}");
        let edits = self.plan["edits"].as_array().unwrap();
        assert!(edits.iter().any(|e| e["fixer"] == "linux.serial-console"), "{edits:#?}");
    }

    /// How many of the plan's edits are of a kind.
    pub fn edits_of_kind(&self, kind: &str) -> usize {
        self.plan["edits"].as_array().unwrap().iter().filter(|e| e["kind"] == kind).count()
    }

    /// Lines that the guest said of itself on its serial port.
    pub fn said(&self) -> Vec<String> {
        let log = std::fs::read(self.result().join("boot/serial.log")).unwrap();
        let log = String::from_utf8_lossy(&log);
        log.lines().filter_map(|l| Some(l.split_once("report: ")?.1.trim().to_owned())).collect()
    }

    /// What the guest said of itself when it was up on virtio (the fixtures' `site-report`) is what its facts
    /// promise: what is mounted, swapped to, and which interface has which address.
    #[track_caller]
    pub fn assert_reports(&self, guest: &Guest) {
        let said = self.said();
        for promised in guest.facts["reports"].as_array().unwrap() {
            let promised = promised.as_str().unwrap();
            assert!(said.iter().any(|s| s.starts_with(promised)), "no {promised:?} in {said:#?}");
        }
    }

    /// The same, with another address instead of the one that its builder gave it.
    #[track_caller]
    pub fn assert_reports_address(&self, guest: &Guest, address: &str) {
        let said = self.said();
        let old = guest.text("address");
        for promised in guest.facts["reports"].as_array().unwrap() {
            let promised = promised.as_str().unwrap().replace(old, address);
            assert!(said.iter().any(|s| s.starts_with(&promised)), "no {promised:?} in {said:#?}");
        }
        assert!(!said.iter().any(|s| s.contains(old)), "the old address is there too: {said:#?}");
    }

    /// An address was seen on the wire of the first NIC.
    #[track_caller]
    pub fn assert_sent_from(&self, address: &str) {
        let address = address.split('/').next().unwrap();
        let seen = &self.verdict()["evidence"]["nics"][0]["traffic"]["addresses"];
        assert!(seen.as_array().unwrap().iter().any(|a| a == address), "{address} was not seen: {seen}");
    }

    /// Paths of the plan's edits.
    pub fn edited(&self) -> Vec<String> {
        let edits = self.plan["edits"].as_array().unwrap();
        edits.iter().filter_map(|e| e["path"].as_str()).map(str::to_owned).collect()
    }
}

/// Another address for a guest of whose builder [`Story::assert_reports`] tells, on its first NIC.
pub struct NewAddress {
    /// With its prefix length.
    pub v4: String,
    options: [String; 4],
}

impl NewAddress {
    /// An address in the guest's own network, whose gateway it asks for the time, and one of IPv6. Before it tells of
    /// itself a guest waits until `ip address` shows something like its old address, in which a regular expression's
    /// dots are any characters: the address of IPv6 is like it.
    pub fn of(guest: &Guest) -> Self {
        let (mac, old) = (guest.text("mac"), guest.text("address"));
        let (network, host) = old.rsplit_once('.').unwrap();
        let (v4, gateway) = (format!("{network}.1{host}"), format!("{network}.1"));
        let v6 = format!("fd00::1:{}", old.replace('.', ":"));
        let both = [format!("{mac}={v4},{gateway},{gateway}"), format!("{mac}={v6}")];
        let [v4_option, v6_option] = both;
        Self { v4, options: ["--ip".to_owned(), v4_option, "--ip".to_owned(), v6_option] }
    }

    pub fn options(&self) -> [&str; 4] {
        self.options.each_ref().map(String::as_str)
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
    migrate_with(guest, source, mounts, &With::default())
}

/// The same, told in another way.
pub fn migrate_with(guest: &Guest, source: &Path, mounts: &[(&str, &str)], with: &With<'_>) -> Story {
    let opened = with.opened;
    let key = |value: fn(&Opened) -> &String| opened.map(|o| ["--key", value(o)]).into_iter().flatten();
    let whole = WHOLE.contains(&guest.text("name")) && !with.short;
    let place = Place::new();
    for (name, content) in with.files {
        place.write(name, content);
    }
    let source_text = source.to_str().unwrap();
    let before = digests(&guest.dir);

    let options: Vec<&str> = key(|o| &o.option).chain(with.options.iter().copied()).collect();
    let beforehand =
        whole.then(|| place.h2k([&["plan", source_text, "--json"], &options[..]].concat()).expect(0).json());
    let args = [&["migrate", source_text, "-o", "out"], &options[..]].concat();
    let run = if with.killed { killed_and_resumed(&place, &args) } else { place.h2k(args).expect(0) };
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

/// FIX is what a run would have to do twice if it forgot its keys, or what they open.
fn killed_and_resumed(place: &Place, args: &[&str]) -> Ran {
    process::kill_one(process::start_until(place, args, "stage-done", "fix"), "KILL");
    assert_eq!(place.results("out"), Vec::<String>::new(), "killed before it was copied");
    let run = place.h2k(["resume", "--log-format", "json"]).expect(0);
    let (resumed, done) = process::stages(&run.stderr);
    assert_eq!(resumed, ["fetch", "flatten", "inspect", "plan", "fix"]);
    assert_eq!(done, ["convert", "validate"]);
    run
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
