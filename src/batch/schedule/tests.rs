use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits { vms: 2, per_source: 2, per_target: 2 };

fn entry() -> Entry {
    Entry {
        state: VmState::Waiting,
        wave: 0,
        priority: 0,
        not_before: None,
        deadline: None,
        retry_at: None,
        source: "s".to_owned(),
        target: "t".to_owned(),
        held: false,
    }
}

fn wave(name: &str, after: &[usize]) -> Wave {
    Wave { name: name.to_owned(), after: after.to_vec(), go_on: false, not_before: None, deadline: None }
}

fn second(s: i64) -> Timestamp {
    Timestamp::from_second(s).unwrap()
}

fn next(entries: &[Entry], waves: &[Wave]) -> Step {
    step(entries, waves, LIMITS, second(1000))
}

#[test]
fn the_greatest_priority_first_and_then_the_order_of_the_file() {
    let mut entries = vec![entry(), Entry { priority: 5, ..entry() }, entry()];
    let mut order = Vec::new();
    while let Step::Start(place) = next(&entries, &[wave("", &[])]) {
        order.push(place);
        entries[place].state = VmState::Done;
    }
    assert_eq!(order, [1, 0, 2]);
    assert_eq!(next(&entries, &[wave("", &[])]), Step::End);
}

#[test]
fn no_more_at_once_than_the_limits_say() {
    let running = Entry { state: VmState::Running, ..entry() };
    let waves = [wave("", &[])];
    assert_eq!(next(&[running.clone(), running.clone(), entry()], &waves), Step::Wait(None));
    let one = Limits { vms: 9, per_source: 1, per_target: 9 };
    let elsewhere = Entry { source: "other".to_owned(), ..entry() };
    let entries = [running.clone(), entry(), elsewhere];
    assert_eq!(step(&entries, &waves, one, second(0)), Step::Start(2), "another source is free");
    let one = Limits { vms: 9, per_source: 9, per_target: 1 };
    assert_eq!(step(&entries, &waves, one, second(0)), Step::Wait(None));
}

#[test]
fn a_wave_starts_when_those_before_it_have_ended() {
    let waves = [wave("first", &[]), wave("second", &[0])];
    let mut entries = vec![Entry { state: VmState::Running, ..entry() }, Entry { wave: 1, ..entry() }];
    assert_eq!(next(&entries, &waves), Step::Wait(None));
    entries[0].state = VmState::Done;
    assert_eq!(next(&entries, &waves), Step::Start(1));
    entries[0].state = VmState::Failed;
    let told = "a VM of the wave \"first\", which comes before, did not end well";
    assert_eq!(next(&entries, &waves), Step::Skip(1, told.to_owned()));
    let going_on = [waves[0].clone(), Wave { go_on: true, ..waves[1].clone() }];
    assert_eq!(next(&entries, &going_on), Step::Start(1));
}

#[test]
fn times_are_kept() {
    let waves = [wave("", &[])];
    let later = Entry { not_before: Some(second(2000)), ..entry() };
    assert_eq!(next(std::slice::from_ref(&later), &waves), Step::Wait(Some(second(2000))));
    let missed = Entry { deadline: Some(second(999)), ..entry() };
    let told = "its deadline 1970-01-01T00:16:39Z has passed";
    assert_eq!(next(&[missed], &waves), Step::Skip(0, told.to_owned()));
    let again = Entry { retry_at: Some(second(1030)), ..entry() };
    assert_eq!(next(&[again, later], &waves), Step::Wait(Some(second(1030))));
    let gate = [Wave { not_before: Some(1500), ..wave("", &[]) }];
    assert_eq!(next(&[entry()], &gate), Step::Wait(Some(second(1500))));
}

#[test]
fn what_is_held_is_not_started_and_the_rest_is() {
    let waves = [wave("", &[]), wave("rest", &[0])];
    let held = Entry { held: true, ..entry() };
    let running = Entry { state: VmState::Running, ..entry() };
    assert_eq!(next(&[held.clone(), running], &waves), Step::Wait(None));
    assert_eq!(next(&[held.clone(), entry()], &waves), Step::Start(1));
    assert_eq!(next(std::slice::from_ref(&held), &waves), Step::End);
    assert_eq!(next(&[held, Entry { wave: 1, ..entry() }], &waves), Step::End, "its wave never comes");
}

proptest! {
    /// Whatever fails, is retried or is late: it ends, no limit is exceeded, and no wave is overtaken.
    #[test]
    fn every_batch_ends(
        vms in prop::collection::vec((0..3_usize, -2..3_i32, 0..3_u8, prop::option::of(0..50_i64), prop::option::of(0..80_i64)), 0..12),
        go_on in any::<[bool; 3]>(),
        vm_limit in 1..4_usize,
        failing in prop::collection::vec(any::<bool>(), 12),
    ) {
        let mut entries: Vec<Entry> = vms.iter().map(|(wave, priority, source, start, end)| Entry {
            wave: *wave,
            priority: *priority,
            source: source.to_string(),
            not_before: start.map(second),
            deadline: end.map(second),
            ..entry()
        }).collect();
        let waves: Vec<Wave> = (0..3).map(|w| Wave { go_on: go_on[w], ..wave(&w.to_string(), &(0..w).collect::<Vec<_>>()) }).collect();
        let limits = Limits { vms: vm_limit, per_source: 1, per_target: 9 };
        let mut now = 0;
        let mut fed_up = 0;
        loop {
            fed_up += 1;
            prop_assert!(fed_up < 1000, "it does not end");
            match step(&entries, &waves, limits, second(now)) {
                Step::End => break,
                Step::Skip(place, _) => entries[place].state = VmState::Skipped,
                Step::Start(place) => {
                    prop_assert_eq!(entries[place].state, VmState::Waiting);
                    let earlier = entries.iter().any(|e| e.wave < entries[place].wave && !e.state.ended());
                    prop_assert!(!earlier, "a wave was overtaken");
                    entries[place].state = VmState::Running;
                    let running: Vec<&Entry> = entries.iter().filter(|e| e.state == VmState::Running).collect();
                    prop_assert!(running.len() <= vm_limit);
                    for e in &running {
                        prop_assert_eq!(running.iter().filter(|o| o.source == e.source).count(), 1);
                    }
                }
                Step::Wait(until) => {
                    let running = entries.iter().position(|e| e.state == VmState::Running);
                    match (running, until) {
                        (Some(place), _) => {
                            entries[place].state = if failing[place] { VmState::Failed } else { VmState::Done };
                        }
                        (None, Some(until)) => {
                            prop_assert!(until > second(now), "it waits for the past");
                            now = until.as_second();
                        }
                        (None, None) => prop_assert!(false, "nothing runs, and nothing is waited for"),
                    }
                }
            }
        }
        prop_assert!(entries.iter().all(|e| e.state.ended()));
    }
}
