//! Which VM is next: a function of how all of them stand, without clock and without threads.

use std::collections::HashMap;

use h2k_config::batch::Wave;
use jiff::Timestamp;

use crate::state::VmState;

/// A VM as the schedule sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// How it stands.
    pub state: VmState,
    /// Index of its wave.
    pub wave: usize,
    /// Greater is earlier within its wave.
    pub priority: i32,
    /// When it may be started.
    pub not_before: Option<Timestamp>,
    /// After when it is not started any more.
    pub deadline: Option<Timestamp>,
    /// When it is tried again.
    pub retry_at: Option<Timestamp>,
    /// What it is read from: VMs of one source share its limit.
    pub source: String,
    /// What it is written to: VMs of one target share its limit.
    pub target: String,
    /// Whether a fault at its source or target keeps it from being started.
    pub held: bool,
}

/// How many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// VMs.
    pub vms: usize,
    /// VMs of one source.
    pub per_source: usize,
    /// VMs of one target.
    pub per_target: usize,
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Start the VM of this place.
    Start(usize),
    /// The VM of this place is not started any more, for this reason.
    Skip(usize, String),
    /// Nothing until a VM ends, or until then.
    Wait(Option<Timestamp>),
    /// Every VM has ended.
    End,
}

/// What is to be done now.
pub fn step(entries: &[Entry], waves: &[Wave], limits: Limits, now: Timestamp) -> Step {
    let running = entries.iter().filter(|e| e.state == VmState::Running);
    let busy = Busy::of(running);
    let open = |e: &Entry| e.state == VmState::Running || e.state == VmState::Waiting && !e.held;
    if !entries.iter().any(open) {
        return Step::End;
    }
    let standing: Vec<Standing> = (0..waves.len()).map(|w| Standing::of(entries, waves, w)).collect();
    let mut best: Option<usize> = None;
    let mut wake: Option<Timestamp> = None;
    let mut closed = false;
    for (place, entry) in entries.iter().enumerate().filter(|(_, e)| e.state == VmState::Waiting && !e.held) {
        let wave = waves.get(entry.wave);
        match standing.get(entry.wave) {
            Some(Standing::Open) | None => {}
            Some(Standing::Closed) => {
                closed = true;
                continue;
            }
            Some(Standing::Broken(which)) => {
                return Step::Skip(
                    place,
                    format!("a VM of the wave {which:?}, which comes before, did not end well"),
                );
            }
        }
        let deadline = earliest(entry.deadline, wave.and_then(|w| at(w.deadline)));
        if let Some(deadline) = deadline.filter(|d| *d <= now) {
            return Step::Skip(place, format!("its deadline {deadline} has passed"));
        }
        let gates = [entry.not_before, entry.retry_at, wave.and_then(|w| at(w.not_before))];
        if let Some(gate) = gates.into_iter().flatten().max().filter(|gate| *gate > now) {
            wake = earliest(wake, earliest(Some(gate), deadline));
            continue;
        }
        let better = best.and_then(|b| entries.get(b)).is_none_or(|b| before(entry, b));
        if better && busy.admits(entry, limits) {
            best = Some(place);
        } else {
            wake = earliest(wake, deadline);
        }
    }
    match best {
        Some(place) => Step::Start(place),
        // What waits for a wave whose VMs are held waits for nothing that comes.
        None if closed && wake.is_none() && busy.vms == 0 => Step::End,
        None => Step::Wait(wake),
    }
}

/// Whether `a` comes before `b`, which stands before it in the file.
fn before(a: &Entry, b: &Entry) -> bool {
    (a.wave, -i64::from(a.priority)) < (b.wave, -i64::from(b.priority))
}

fn at(seconds: Option<i64>) -> Option<Timestamp> {
    seconds.and_then(|s| Timestamp::from_second(s).ok())
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    a.into_iter().chain(b).min()
}

/// How a wave stands.
enum Standing {
    /// Its VMs may start.
    Open,
    /// A wave that it waits for has not ended.
    Closed,
    /// In a wave that it waits for, of this name, a VM did not end well.
    Broken(String),
}

impl Standing {
    fn of(entries: &[Entry], waves: &[Wave], wave: usize) -> Self {
        let Some(this) = waves.get(wave) else { return Standing::Open };
        let mut closed = false;
        for &earlier in &this.after {
            let mut vms = entries.iter().filter(|e| e.wave == earlier);
            let failed = vms.any(|e| e.state.ended() && e.state != VmState::Done);
            if failed && !this.go_on {
                return Standing::Broken(waves.get(earlier).map(|w| w.name.clone()).unwrap_or_default());
            }
            closed |= entries.iter().any(|e| e.wave == earlier && !e.state.ended());
        }
        if closed { Standing::Closed } else { Standing::Open }
    }
}

/// What runs.
#[derive(Default)]
struct Busy<'a> {
    vms: usize,
    sources: HashMap<&'a str, usize>,
    targets: HashMap<&'a str, usize>,
}

impl<'a> Busy<'a> {
    fn of(running: impl Iterator<Item = &'a Entry>) -> Self {
        let mut busy = Self::default();
        for entry in running {
            busy.vms += 1;
            *busy.sources.entry(&entry.source).or_default() += 1;
            *busy.targets.entry(&entry.target).or_default() += 1;
        }
        busy
    }

    fn admits(&self, entry: &Entry, limits: Limits) -> bool {
        let below = |of: &HashMap<&str, usize>, key: &str, limit: usize| {
            of.get(key).copied().unwrap_or_default() < limit
        };
        self.vms < limits.vms
            && below(&self.sources, &entry.source, limits.per_source)
            && below(&self.targets, &entry.target, limits.per_target)
    }
}

#[cfg(test)]
mod tests;
