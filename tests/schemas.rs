//! The schemas in `schemas/` describe what h2k writes: all of it, and nothing else. Another program reads them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use h2k::plan::time::{Range, Sample, StageTime, TimeForecast};
use h2k::report::{BatchReport, Report, Undone, VmStanding, VmSummary};
use h2k::stage::Stage;
use h2k::stages::convert::KeptBase;
use h2k::validate::ScreenEvidence;
use h2k::validate::console::{Finding, Sign};
use h2k_fixers::hive::{Hex, RegChange, RegData, RegOp};
use h2k_fixers::hostfile::HostFile;
use h2k_fixers::undo::{Left, Trace};
use h2k_fixers::{ArchiveEntry, Change, Content, Edit, EntryContent, FileMark, Piece};
use serde_json::{Value, json};

use crate::common::{Place, Ran, run};

const VALIDATE: &str = "
import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
found = list(jsonschema.Draft202012Validator(schema).iter_errors(json.load(open(sys.argv[2]))))
for error in found: print(error.json_path, error.message[:300])
sys.exit(len(found) > 0)
";

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn schema(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(root(&format!("schemas/{name}.schema.json"))).unwrap()).unwrap()
}

/// The same schema, but every key that it does not name is an error: readers must not rely on that, this test does.
fn strict(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(strict);
            if map.get("type") == Some(&json!("object")) && map.contains_key("properties") {
                map.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        Value::Array(list) => list.iter_mut().for_each(strict),
        _ => {}
    }
}

pub fn validated(schema: &Value, instance: &Value) -> Ran {
    let place = Place::new();
    let schema = place.write("schema.json", schema.to_string());
    let instance = place.write("instance.json", instance.to_string());
    run(Command::new("python3").args(["-c", VALIDATE]).arg(schema).arg(instance))
}

#[track_caller]
fn assert_fits(name: &str, instance: &Value) {
    let mut strict_schema = schema(name);
    strict(&mut strict_schema);
    let ran = validated(&strict_schema, instance);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
}

fn real() -> Report {
    serde_json::from_slice(&std::fs::read(root("fixtures/reports/debian12-bios/report.json")).unwrap())
        .unwrap()
}

/// A change of every kind in a registry, with data of every kind.
fn registry() -> Vec<RegChange> {
    let set = |name: &str, before, after| RegOp::Set { name: name.to_owned(), before, after };
    let data = [
        RegData::Sz("a".to_owned()),
        RegData::ExpandSz("a".to_owned()),
        RegData::MultiSz(vec!["a".to_owned()]),
        RegData::Dword(1),
        RegData::Qword(1),
        RegData::binary([1]),
        RegData::none(),
    ];
    let mut ops: Vec<RegOp> = data.into_iter().map(|data| set("a", Some(data.clone()), data)).collect();
    ops.extend([
        set("", None, RegData::Dword(1)),
        RegOp::Create,
        RegOp::Unset { name: "a".to_owned(), before: RegData::Dword(1) },
        RegOp::Delete { keys: 1 },
    ]);
    ops.into_iter().map(|op| RegChange { key: "a".to_owned(), op }).collect()
}

/// A change of every kind.
fn changes() -> Vec<Change> {
    let path = || "/etc/x".to_owned();
    let text = || Content::Text("x\n".to_owned());
    let entry = |content| ArchiveEntry { path: "usr/x".to_owned(), content };
    let entries = vec![
        entry(EntryContent::Directory),
        entry(EntryContent::File { from: path(), size: 1, unpack: true }),
        entry(EntryContent::Lines { add: vec!["a".to_owned()] }),
        entry(EntryContent::Index { add: vec!["a".to_owned()] }),
    ];
    vec![
        Change::Write { path: path(), before: None, after: text(), mode: 0o644 },
        Change::Write {
            path: path(),
            before: Some(Content::Base64("AA==".to_owned())),
            after: text(),
            mode: 0,
        },
        Change::Remove { path: path(), before: text() },
        Change::Rename { path: path(), to: path() },
        Change::Symlink { path: path(), before: None, target: path() },
        Change::Symlink { path: path(), before: Some(path()), target: path() },
        Change::Copy { from: path(), path: path(), size: 1 },
        Change::Chmod { path: path(), before: 1, after: 2 },
        Change::AppendArchive { path: path(), size: 1, tail: path(), estimate: 1, entries },
        Change::Patch {
            path: path(),
            size: 1,
            pieces: vec![Piece { offset: 1, before: text(), after: Content::Base64("AA==".to_owned()) }],
        },
        Change::Directory { path: path(), mode: 0o700 },
        Change::Chown { path: path(), before: (0, 0), after: (1, 1) },
        Change::Append { path: path(), size: 1, text: path() },
        Change::Erase { path: path(), size: 1 },
        Change::Label { path: path(), label: path() },
        Change::Registry { path: path(), changes: registry() },
        Change::BootSector { path: path(), offset: 26, before: Hex(vec![1]), after: Hex(vec![2]) },
        Change::Place {
            path: path(),
            from: HostFile { file: "/x.iso".into(), member: Some("x.sys".to_owned()) },
            before: Some(FileMark { size: 1, digest: path() }),
            size: 1,
            digest: path(),
        },
        Change::Run { argv: vec![path()], changes: vec![path()] },
    ]
}

/// A report in which nothing is left out.
fn full() -> Report {
    let mut report = real();
    report.edits = changes().into_iter().map(|change| Edit::new("linux.x", "why", change)).collect();
    let stat =
        serde_json::from_value(json!({ "kind": "symlink", "size": 1, "mode": 420, "uid": 0, "gid": 0 }));
    report.traces = vec![Trace {
        stat: Some(stat.unwrap()),
        label: Some("etc_t".to_owned()),
        extended: true,
        made: vec!["/etc/x".to_owned()],
        left: Some(Left { size: 1, tail: "ab".to_owned() }),
        taken: true,
    }];
    report.undone = vec![Undone { edit: 1, at: "2026-11-21T22:00:00Z".parse().unwrap() }];
    report.refixed = vec!["2026-11-21T23:00:00Z".parse().unwrap()];
    report.accepted = Some("2026-11-22T08:00:00Z".parse().unwrap());
    report.disks[0].base = Some(KeptBase { file: "disk0.base.qcow2".into(), overlay: "ab".to_owned() });
    report.untrimmed = vec![("/srv".to_owned(), "why".to_owned())];
    report.stages[0].resumed = true;
    let evidence = &mut report.verdict.as_mut().unwrap().evidence;
    evidence.stop_code = Some("stop code 0x0000007B".to_owned());
    evidence.screen = Some(ScreenEvidence { shows: "x".to_owned(), still_seconds: 1, changes: 2 });
    evidence.failure = Some(Finding { sign: Sign::StopScreen, line: "x".to_owned() });
    report.forecast.memory_bytes = Some(1);
    let stages =
        vec![StageTime { stage: Stage::Convert, time: Range::exactly(2.0), basis: "a sample".to_owned() }];
    let notes = vec!["why".to_owned()];
    report.forecast.time =
        Some(TimeForecast { all: Range::exactly(2.0), stages, sample: Some(Sample::default()), notes });
    report
}

#[test]
fn reports_fit_their_schema() {
    assert_fits("report", &serde_json::to_value(real()).unwrap());
    assert_fits("report", &serde_json::to_value(full()).unwrap());
    let mut bare = full();
    bare.verdict = None;
    bare.forecast.time = Some(TimeForecast::default());
    bare.readiness = None;
    bare.used = None;
    bare.host.peak_memory_bytes = None;
    bare.disks[0].transfer = None;
    bare.disks[0].seconds = None;
    assert_fits("report", &serde_json::to_value(bare).unwrap());
}

#[test]
fn batch_reports_fit_their_schema() {
    let mut vms: Vec<VmSummary> =
        VmStanding::ALL.into_iter().map(|state| VmSummary::new(state.name(), state)).collect();
    vms.push(VmSummary {
        wave: Some("first".to_owned()),
        error: Some("x".to_owned()),
        ..VmSummary::of(&full())
    });
    let began = "2026-11-21T22:00:00Z".parse().unwrap();
    for (file, ended) in [(None, None), (Some("/etc/night.yaml".into()), Some(began))] {
        let report = BatchReport::new("night", file, (began, ended), vms.clone());
        assert_fits("batch-report", &serde_json::to_value(report).unwrap());
    }
}

#[test]
fn every_kind_of_change_is_described_and_made_here() {
    let described: BTreeSet<String> = schema("report")["$defs"]["edit"]["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["properties"]["kind"]["const"].as_str().unwrap().to_owned())
        .collect();
    let made: BTreeSet<String> = changes()
        .iter()
        .map(|change| serde_json::to_value(change).unwrap()["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(described, made);
}

#[test]
fn what_is_no_report_does_not_fit() {
    let good = serde_json::to_value(full()).unwrap();
    let broken: [fn(&mut Value); 5] = [
        |r| drop(r.as_object_mut().unwrap().remove("source_digest")),
        |r| r["stages"][0]["seconds"] = json!("1"),
        |r| r["edits"][0]["kind"] = json!("format"),
        |r| r["verdict"]["outcome"] = json!("maybe"),
        |r| r["version"] = json!(2),
    ];
    for (index, break_it) in broken.iter().enumerate() {
        let mut report = good.clone();
        break_it(&mut report);
        assert_eq!(validated(&schema("report"), &report).code, 1, "{index}");
    }
    // A key of a later h2k is no error to those who read with the schema as it is.
    let mut later = good;
    later["later"] = json!(1);
    assert_eq!(validated(&schema("report"), &later).code, 0);
}
