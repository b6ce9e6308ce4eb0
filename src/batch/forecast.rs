//! How long a batch takes: its VMs' forecasts played through with the schedule and the budget that will carry them out.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use h2k_config::batch::Wave;
use jiff::Timestamp;

use super::budget::{Budget, Ledger};
use super::runner::limits;
use super::schedule::{Entry, Limits, Step, step};
use super::{Batch, BatchVm, place};
use crate::job::Job;
use crate::plan::Plan;
use crate::plan::time::Range;
use crate::stage::Stage;
use crate::stages::{inspect, validate};
use crate::state::VmState;
use crate::warden::Need;

/// What each stage of a VM takes of the machine, and for how long, in seconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Course(Vec<(Need, Range)>);

impl Course {
    /// Of a plan; `None` where its time was not measured. `budget` bounds the machine of the boot test.
    pub fn of(job: &Job, plan: &Plan, budget: Budget) -> Option<Self> {
        let limit = Need::guest_memory_within(budget.memory);
        let need = |stage| match stage {
            Stage::Fetch | Stage::Flatten => Need::default(),
            Stage::Inspect | Stage::Plan | Stage::Fix => inspect::need_of(job),
            Stage::Convert => Need::own(),
            Stage::Validate => validate::need_of(job, &plan.target, Some(limit)),
        };
        let stages = &plan.forecast.time.as_ref()?.stages;
        Some(Self(stages.iter().map(|s| (need(s.stage), s.time)).collect()))
    }
}

/// How long VMs of a batch take together. What has to be waited for outside (a time, a deadline) is not counted. At
/// most: as if they held each other up all the time.
pub fn together(batch: &Batch, vms: &[(&BatchVm, &Course)], budget: Budget) -> Range {
    let played = |of: fn(&Range) -> f64| play(vms, &timeless(&batch.waves), limits(batch), budget, of);
    let sum = vms.iter().flat_map(|(_, course)| &course.0).map(|(_, time)| time.high).sum();
    Range::of(played(|t| t.seconds), played(|t| t.low), played(|t| t.high).max(sum))
}

/// The waves in their order, without their times.
fn timeless(waves: &[Wave]) -> Vec<Wave> {
    waves.iter().map(|wave| Wave { not_before: None, deadline: None, ..wave.clone() }).collect()
}

/// Seconds until the last VM has ended.
fn play(
    vms: &[(&BatchVm, &Course)],
    waves: &[Wave],
    limits: Limits,
    budget: Budget,
    of: fn(&Range) -> f64,
) -> f64 {
    let mut entries: Vec<Entry> = vms.iter().map(|(vm, _)| entry(vm)).collect();
    let mut ledger = Ledger::new(budget);
    let mut stages = vec![0; vms.len()];
    // Microseconds: they have an order.
    let mut ends: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
    let mut now = 0;
    let stage = |place: usize, index: usize| vms.get(place).and_then(|(_, course)| course.0.get(index));
    let next = |place: usize, index: usize, ledger: &mut Ledger| match stage(place, index) {
        Some((need, _)) if ledger.ask(place, *need).is_ok() => VmState::Running,
        // It would be refused.
        Some(_) => VmState::Failed,
        None => VmState::Done,
    };
    loop {
        loop {
            let (place, state) = match step(&entries, waves, limits, Timestamp::UNIX_EPOCH) {
                Step::Start(place) => (place, next(place, 0, &mut ledger)),
                Step::Skip(place, _) => (place, VmState::Skipped),
                Step::Wait(_) | Step::End => break,
            };
            if let Some(entry) = entries.get_mut(place) {
                entry.state = state;
            }
        }
        for place in ledger.grant() {
            let index = stages.get(place).copied().unwrap_or_default();
            let seconds = stage(place, index).map_or(0.0, |(_, time)| of(time));
            ends.push(Reverse((now + (seconds * 1e6) as u64, place)));
        }
        let Some(Reverse((at, place))) = ends.pop() else { break };
        now = at;
        let (Some(index), Some(entry)) = (stages.get_mut(place), entries.get_mut(place)) else { break };
        *index += 1;
        entry.state = next(place, *index, &mut ledger);
        if entry.state != VmState::Running {
            ledger.release(place);
        }
    }
    now as f64 / 1e6
}

fn entry(vm: &BatchVm) -> Entry {
    Entry {
        state: VmState::Waiting,
        wave: vm.wave,
        priority: vm.priority,
        not_before: None,
        deadline: None,
        retry_at: None,
        source: place::source(&vm.job),
        target: place::target(&vm.job),
        held: false,
    }
}

#[cfg(test)]
mod tests {
    use h2k_config::batch::Concurrency;

    use super::*;

    const GIB: u64 = 1 << 30;

    /// A VM of two stages: one with a machine of so many GiB, one that copies.
    fn course(gib: u64, machine: f64, copy: f64) -> Course {
        let time = |seconds: f64| Range::of(seconds, seconds / 2.0, seconds * 2.0);
        Course(vec![
            (Need { memory: gib * GIB, cores: 1 }, time(machine)),
            (Need { memory: GIB / 8, cores: 1 }, time(copy)),
        ])
    }

    fn vm(source: &str, wave: usize) -> BatchVm {
        BatchVm {
            job: Job { sources: vec![source.into()], output: Some("/out".into()), ..Job::default() },
            wave,
            priority: 0,
            not_before: Some(Timestamp::MAX),
            deadline: None,
            hooks: Vec::new(),
        }
    }

    fn batch(concurrency: Concurrency, waves: Vec<Wave>) -> Batch {
        Batch {
            name: "night".to_owned(),
            path: "/night.yaml".into(),
            vms: Vec::new(),
            waves,
            concurrency,
            hooks: Vec::new(),
        }
    }

    fn wave(name: &str, after: Vec<usize>) -> Wave {
        Wave { name: name.to_owned(), after, not_before: None, deadline: None, go_on: false }
    }

    fn seconds(batch: &Batch, vms: &[BatchVm], courses: &[Course], memory: u64, cores: usize) -> f64 {
        let vms: Vec<_> = vms.iter().zip(courses).collect();
        together(batch, &vms, Budget { memory: memory * GIB, cores }).seconds
    }

    #[test]
    fn memory_that_has_to_be_waited_for_is_counted() {
        let batch = batch(Concurrency { vms: Some(8), ..Concurrency::default() }, vec![wave("", vec![])]);
        let vms = [vm("/a/1.vmx", 0), vm("/b/2.vmx", 0), vm("/c/3.vmx", 0)];
        let courses = [course(2, 60.0, 10.0), course(2, 60.0, 10.0), course(2, 60.0, 10.0)];
        let of = |memory, cores| seconds(&batch, &vms, &courses, memory, cores);
        assert_eq!(of(8, 8), 70.0, "all at once");
        assert_eq!(of(5, 8), 130.0, "two machines, then one");
        assert_eq!(of(3, 8), 190.0, "one machine after the other; copies beside them");
        assert_eq!(of(8, 1), 210.0, "one core");
        assert_eq!(of(1, 8), 0.0, "none would be begun");
    }

    #[test]
    fn limits_and_waves_are_kept() {
        let vms = [vm("/a/1.vmx", 0), vm("/a/2.vmx", 0), vm("/b/3.vmx", 1)];
        let courses = [course(1, 60.0, 0.0), course(1, 30.0, 0.0), course(1, 10.0, 0.0)];
        let waves = vec![wave("first", vec![]), wave("rest", vec![0])];
        let of = |concurrency| seconds(&batch(concurrency, waves.clone()), &vms, &courses, 64, 64);
        let free = Concurrency { vms: Some(8), ..Concurrency::default() };
        assert_eq!(of(free), 70.0);
        assert_eq!(of(Concurrency { vms: Some(1), ..free }), 100.0);
        assert_eq!(of(Concurrency { per_source: Some(1), ..free }), 100.0);
    }

    #[test]
    fn the_range_is_in_order_and_holds_up_at_most_all() {
        let batch = batch(Concurrency { vms: Some(2), ..Concurrency::default() }, vec![wave("", vec![])]);
        let (one, two) = (vm("/a/1.vmx", 0), vm("/b/2.vmx", 0));
        let (first, second) = (course(1, 60.0, 0.0), course(1, 40.0, 0.0));
        let vms = [(&one, &first), (&two, &second)];
        let found = together(&batch, &vms, Budget { memory: 8 * GIB, cores: 8 });
        assert_eq!(found, Range::of(60.0, 30.0, 200.0));
    }
}
