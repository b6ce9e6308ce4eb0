use h2k_fixers::facts::InitramfsFacts;
use proptest::prelude::*;

use super::*;
use crate::plan::text;

const MIB: u64 = 1 << 20;

fn sample(rate: u64) -> Sample {
    Sample { bytes: 64 * MIB, seconds: 1.0, rate, slowest: rate, fastest: rate, written: true, shared: false }
}

fn known(sample: Result<Sample, String>) -> Known<'static> {
    Known {
        done: &[(Stage::Fetch, 0.1), (Stage::Inspect, USUAL_INSPECT), (Stage::Plan, 2.0)],
        edits: &[],
        kernels: &[],
        guest: true,
        data: 1000 * MIB,
        disks: 1,
        copy: CopySettings::default(),
        sample,
        boot: true,
        accel: Accel::Tcg,
        past: &[],
    }
}

fn of(time: &TimeForecast, stage: Stage) -> Range {
    time.of(stage).unwrap().time
}

#[test]
fn the_stages_add_up() {
    let time = forecast(&known(Ok(sample(100 * MIB))));
    let names: Vec<_> = time.stages.iter().map(|s| s.stage).collect();
    let all = [Stage::Fetch, Stage::Inspect, Stage::Plan, Stage::Fix, Stage::Convert, Stage::Validate];
    assert_eq!(names, all);
    assert_eq!(of(&time, Stage::Convert), Range::of(10.3, 7.6, 16.5));
    assert_eq!(of(&time, Stage::Validate), BOOT_TCG);
    assert_eq!(time.all.seconds, 70.2);
    assert_eq!(time.notes, Vec::<String>::new());
    let text = serde_json::to_string(&time).unwrap();
    assert_eq!(serde_json::from_str::<TimeForecast>(&text).unwrap(), time);
    assert!(text.starts_with("{\"seconds\":70.2,\"low\":"), "{text}");
}

#[test]
fn people_read_it_with_its_uncertainty_and_where_it_comes_from() {
    let time = forecast(&known(Ok(sample(100 * MIB))));
    assert_eq!(text::span(&time.all), "about 1 min 10 s (51 s to 4 min 46 s)");
    let lines = [
        "fetch to plan 15 s: measured",
        "fix about 3 s (2 s to 5 s): what 0 edits usually cost",
        "convert about 10 s (8 s to 17 s): a sample that was copied",
        "validate about 42 s (27 s to 4 min 10 s): usual without KVM, no boot test of this host yet: uncertain",
        "sample: 64.0 MiB copied in 1.0 s, 100.0 MiB/s",
    ];
    assert_eq!(text::time_lines(&time), lines);
}

#[test]
fn no_data_no_boot_and_no_guest_cost_next_to_nothing() {
    let time = forecast(&Known { data: 0, boot: false, guest: false, ..known(Err("empty".to_owned())) });
    assert_eq!(of(&time, Stage::Convert), CONVERT_BASE);
    assert_eq!(of(&time, Stage::Validate), Range::default());
    assert_eq!((time.sample, time.notes), (None, vec!["empty".to_owned()]));
}

#[test]
fn what_was_not_measured_is_uncertain() {
    let spread = |time: &TimeForecast| of(time, Stage::Convert).high / of(time, Stage::Convert).low;
    let copied = forecast(&known(Ok(sample(100 * MIB))));
    let read = forecast(&known(Ok(Sample { written: false, ..sample(100 * MIB) })));
    let nothing = forecast(&known(Err("no".to_owned())));
    assert!(spread(&copied) < spread(&read) && spread(&read) < spread(&nothing));
}

#[test]
fn the_limit_is_kept_to() {
    let copy = CopySettings { limit_rate: Some(10 * MIB), ..CopySettings::default() };
    let seconds =
        |disks| of(&forecast(&Known { copy, disks, ..known(Ok(sample(500 * MIB))) }), Stage::Convert);
    assert_eq!((seconds(1).seconds, seconds(2).seconds, seconds(9).seconds), (100.3, 50.3, 25.3));
}

#[test]
fn earlier_boots_are_the_measure_of_the_next() {
    let time = |past: &[f64]| of(&forecast(&Known { past, ..known(Err(String::new())) }), Stage::Validate);
    assert_eq!(time(&[40.0]), Range::of(40.0, 24.0, 80.0));
    assert_eq!(time(&[40.0, 200.0, 50.0]), Range::of(50.0, 30.0, 200.0));
}

#[test]
fn a_busy_host_takes_longer() {
    let slow =
        forecast(&Known { done: &[(Stage::Inspect, 4.0 * USUAL_INSPECT)], ..known(Err(String::new())) });
    assert_eq!(of(&slow, Stage::Validate), BOOT_TCG.times(4.0));
    assert_eq!(of(&slow, Stage::Fix).seconds, 2.0 * FIX_BASE);
}

#[test]
fn a_program_of_the_guest_makes_it_uncertain() {
    let edit = |change: serde_json::Value| -> Edit {
        let mut edit = serde_json::json!({ "fixer": "linux.x", "reason": "r" });
        edit.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        serde_json::from_value(edit).unwrap()
    };
    let run = edit(serde_json::json!({ "kind": "run", "argv": ["true"], "changes": [] }));
    let rename = edit(serde_json::json!({ "kind": "rename", "path": "/a", "to": "/b" }));
    let fix = |edits: &[Edit]| {
        let known = known(Err(String::new()));
        of(&forecast(&Known { edits, accel: Accel::Tcg, ..known }), Stage::Fix)
    };
    assert_eq!(fix(&[]).seconds, FIX_BASE);
    assert_eq!(fix(std::slice::from_ref(&rename)).seconds, 2.85);
    assert_eq!(fix(&[rename, run]).high, 304.96);
}

#[test]
fn a_generator_costs_what_its_image_is_large() {
    let image = |path: &str, size| {
        let facts = InitramfsFacts { path: path.to_owned(), size, ..InitramfsFacts::default() };
        KernelFacts { initramfs: Some(facts), ..KernelFacts::default() }
    };
    let kernels = [image("/boot/initrd.img-1", 9_757_946), image("/boot/initrd.img-2", 39_000_000)];
    let of = |path: &str| run(&[path.to_owned()], &kernels);
    assert_eq!(of("/boot/initrd.img-1"), Range::of(32.77, 16.38, 81.92));
    assert_eq!(of("/boot/initrd.img-2").seconds, 185.18);
    assert_eq!(of("/etc/other"), RUN);
}

proptest! {
    #[test]
    fn every_time_is_within_its_bounds(
        data: u64, rate: u64, slowest: u64, fastest: u64, limit in proptest::option::of(any::<u64>()),
        disks: u64, written: bool, boot: bool, kvm: bool, measured: bool, inspect: f64, past in proptest::collection::vec(any::<f64>(), 0..4),
    ) {
        let sample = Sample { slowest, fastest, written, ..sample(rate) };
        let done = [(Stage::Inspect, inspect)];
        let time = forecast(&Known {
            done: &done,
            data,
            disks,
            copy: CopySettings { limit_rate: limit, ..CopySettings::default() },
            sample: if measured { Ok(sample) } else { Err(String::new()) },
            boot,
            accel: if kvm { Accel::Kvm } else { Accel::Tcg },
            past: &past,
            ..known(Err(String::new()))
        });
        let ranges = time.stages.iter().map(|s| s.time).chain([time.all]);
        for range in ranges {
            prop_assert!(0.0 <= range.low && range.low <= range.seconds && range.seconds <= range.high, "{range:?}");
            prop_assert!(range.high.is_finite());
        }
        let text = serde_json::to_string(&time).unwrap();
        prop_assert_eq!(serde_json::from_str::<TimeForecast>(&text).unwrap(), time);
    }
}
