//! Carries out a batch: starts workers as the schedule says, hands out the machine's memory and cores, keeps in the
//! store how every VM stands.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use h2k_config::batch::HookTime;
use h2k_config::{Secret, SecretPlace};
use jiff::Timestamp;

use super::budget::{Budget, Ledger, available_cores};
use super::place;
use super::schedule::{Entry, Limits, Step, step};
use super::wire::{Done, Order, Said, Told};
use super::worker::Worker;
use super::{Batch, BatchVm};
use crate::error::Failure;
use crate::event::{Event, Reporter};
use crate::exec::check_cancelled;
use crate::keys;
use crate::state::{BatchId, BatchState, Store, VmRecord, VmState};
use crate::warden::Need;

mod ends;
mod hear;
mod hooks;
mod stop;

/// How often the store is asked whether the user wants something to stop.
const LOOK: Duration = Duration::from_millis(500);

/// How often the store is told how far the workers are.
const NOTE: Duration = Duration::from_secs(2);

/// What a batch is carried out with.
pub struct Means<'a> {
    /// Where everything is kept.
    pub store: &'a Store,
    /// The store's file, for the workers.
    pub state: &'a Path,
    /// Takes events of all VMs.
    pub ui: &'a dyn Reporter,
    /// Told of every VM that has ended.
    pub ended: &'a dyn Fn(&VmRecord, Result<&Done, &Told>),
}

/// What a batch came to.
#[derive(Debug)]
pub struct Outcome {
    /// How it stands.
    pub state: BatchState,
    /// Why it is paused.
    pub reason: Option<String>,
    /// How its VMs stand.
    pub vms: Vec<VmRecord>,
}

/// Carries out a batch that this process owns.
///
/// # Errors
/// The store fails, a worker cannot be started, a hook before the first VM fails. A VM's failure is no error.
pub fn run(id: BatchId, means: &Means<'_>) -> Result<Outcome, Failure> {
    let batch = means.store.batch(id)?;
    let vms = means.store.batch_vms(id)?;
    let entries = batch.vms.iter().zip(&vms).map(|(vm, record)| entry(vm, record)).collect();
    let memory = Budget::of(batch.concurrency.memory, batch.concurrency.cores);
    let (tell, news) = mpsc::channel();
    let mut runner = Runner {
        id,
        means,
        stdin_secret: stdin_secret(&batch)?,
        batch: &batch,
        vms,
        entries,
        ledger: Ledger::new(memory),
        memory_limit: Need::guest_memory_within(memory.memory),
        workers: BTreeMap::new(),
        tell,
        news,
        held: HashMap::new(),
        stopping: false,
        hooks: Vec::new(),
    };
    runner.skip_what_is_done()?;
    runner.batch_hooks(&HookTime::BatchStart, None)?;
    runner.work()?;
    runner.close()
}

struct Runner<'a> {
    id: BatchId,
    means: &'a Means<'a>,
    batch: &'a Batch,
    stdin_secret: Option<Secret>,
    vms: Vec<VmRecord>,
    entries: Vec<Entry>,
    ledger: Ledger,
    memory_limit: u64,
    workers: BTreeMap<usize, Worker>,
    tell: Sender<(usize, Said)>,
    news: Receiver<(usize, Said)>,
    /// Targets and sources at which a fault would hit every VM, with the fault.
    held: HashMap<String, String>,
    stopping: bool,
    /// Hooks after the end of VMs, which hold up nobody.
    hooks: Vec<JoinHandle<Vec<Event>>>,
}

impl Runner<'_> {
    /// A VM whose last run of the same job ended well, and whose result is still there, is done.
    fn skip_what_is_done(&mut self) -> Result<(), Failure> {
        for (place, vm) in self.batch.vms.iter().enumerate() {
            let Some(record) = self.vms.get(place).filter(|r| r.state == VmState::Waiting) else { continue };
            let Some(name) = self.means.store.finished(&vm.job)? else { continue };
            if !vm.job.result_dir(&name)?.join("report.json").is_file() {
                continue;
            }
            let record =
                VmRecord { name, state: VmState::Done, ended: Some(Timestamp::now()), ..record.clone() };
            self.means
                .ui
                .event(&Event::Note { vm: record.name.clone(), message: "is migrated already".to_owned() });
            self.note(place, record)?;
        }
        Ok(())
    }

    fn work(&mut self) -> Result<(), Failure> {
        let (mut looked, mut noted) = (Instant::now(), Instant::now());
        let mut progress = HashMap::new();
        loop {
            if !self.stopping && check_cancelled().is_err() {
                self.stop_all();
            }
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.look_for_cancels()?;
            }
            if noted.elapsed() >= NOTE && !progress.is_empty() {
                noted = Instant::now();
                self.means.store.note_progress(self.id, &progress.drain().collect::<Vec<_>>())?;
            }
            let wake = match self.start_what_may()? {
                None if self.workers.is_empty() => return Ok(()),
                None => None,
                Some(wake) => wake,
            };
            for place in self.ledger.grant() {
                if let Some(worker) = self.workers.get(&place) {
                    worker.go();
                }
            }
            match self.news.recv_timeout(pause(wake)) {
                Ok((place, said)) => self.hear(place, said, &mut progress)?,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }

    /// Starts and skips as the schedule says. `None` at the end; else until when there is nothing to do, if that is
    /// known.
    fn start_what_may(&mut self) -> Result<Option<Option<Timestamp>>, Failure> {
        if self.stopping {
            return Ok(None);
        }
        let limits = limits(self.batch);
        loop {
            match step(&self.entries, &self.batch.waves, limits, Timestamp::now()) {
                Step::Start(place) => self.start(place)?,
                Step::Skip(place, why) => self.skip(place, &why)?,
                Step::Wait(until) => return Ok(Some(until)),
                Step::End => return Ok(None),
            }
        }
    }

    fn start(&mut self, place: usize) -> Result<(), Failure> {
        let (Some(vm), Some(record)) = (self.batch.vms.get(place), self.vms.get(place)) else {
            return Ok(());
        };
        let order = Order {
            job: vm.job.clone(),
            copy: vm.job.copy,
            batch: self.batch.name.clone(),
            hooks: self.batch.hooks.iter().chain(&vm.hooks).cloned().collect(),
            memory_limit: self.memory_limit,
            stdin_secret: self.stdin_secret.as_ref().map(Order::pack),
        };
        let now = Timestamp::now();
        let record = VmRecord {
            state: VmState::Running,
            tries: record.tries + 1,
            retry_at: None,
            started: record.started.or(Some(now)),
            ended: None,
            ..record.clone()
        };
        self.note(place, record)?;
        let worker = Worker::start(place, &order, self.means.state, self.tell.clone())?;
        self.workers.insert(place, worker);
        Ok(())
    }

    fn skip(&mut self, place: usize, why: &str) -> Result<(), Failure> {
        let Some(record) = self.vms.get(place) else { return Ok(()) };
        let record = VmRecord { state: VmState::Skipped, error: Some(why.to_owned()), ..record.clone() };
        self.end(place, record, None)
    }

    /// Keeps how a VM stands, in the store first.
    fn note(&mut self, place: usize, record: VmRecord) -> Result<(), Failure> {
        self.means.store.note_vm(self.id, &record)?;
        if let Some(entry) = self.entries.get_mut(place) {
            entry.state = record.state;
            entry.retry_at = record.retry_at;
        }
        let Some(kept) = self.vms.get_mut(place) else { return Ok(()) };
        let moved = kept.state != record.state;
        *kept = VmRecord { cancel: kept.cancel, ..record };
        if moved {
            self.tell_total();
        }
        Ok(())
    }

    fn tell_total(&self) {
        let count = |of: fn(VmState) -> bool| self.vms.iter().filter(|r| of(r.state)).count();
        self.means.ui.event(&Event::Total {
            batch: self.batch.name.clone(),
            done: count(|s| s == VmState::Done),
            failed: count(|s| s.ended() && s != VmState::Done),
            running: count(|s| s == VmState::Running),
            total: self.vms.len(),
        });
    }

    fn close(mut self) -> Result<Outcome, Failure> {
        for hook in std::mem::take(&mut self.hooks) {
            hook.join().unwrap_or_default().iter().for_each(|event| self.means.ui.event(event));
        }
        let bad = self.vms.iter().any(|r| r.state != VmState::Done);
        let unfinished = self.vms.iter().any(|r| !r.state.ended());
        let (state, reason) = match self.held.values().next() {
            _ if self.stopping => (BatchState::Interrupted, None),
            Some(why) if unfinished => (BatchState::Paused, Some(why.clone())),
            _ if bad => (BatchState::Failed, None),
            _ => (BatchState::Done, None),
        };
        self.means.store.finish_batch(self.id, state, reason.as_deref())?;
        if let Err(failure) = self.batch_hooks(&HookTime::BatchEnd, Some(state.name())) {
            self.means.ui.event(&Event::Warning { vm: String::new(), message: failure.chain() });
        }
        Ok(Outcome { state, reason, vms: self.vms })
    }
}

fn entry(vm: &BatchVm, record: &VmRecord) -> Entry {
    Entry {
        state: record.state,
        wave: vm.wave,
        priority: vm.priority,
        not_before: vm.not_before,
        deadline: vm.deadline,
        retry_at: record.retry_at,
        source: place::source(&vm.job),
        target: place::target(&vm.job),
        held: false,
    }
}

/// How many VMs of a batch at once.
pub(super) fn limits(batch: &Batch) -> Limits {
    let given = &batch.concurrency;
    Limits {
        // Twice as many as cores: some copy while others compute. What they take of the machine is counted apart.
        vms: given.vms.unwrap_or(2 * available_cores()).max(1),
        per_source: given.per_source.unwrap_or(usize::MAX).max(1),
        per_target: given.per_target.unwrap_or(usize::MAX).max(1),
    }
}

/// How long news are waited for.
fn pause(wake: Option<Timestamp>) -> Duration {
    let until = wake.map(|at| Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default());
    until.map_or(LOOK, |until| until.min(LOOK))
}

/// What keys read from standard input, which can be read once: it is read here and handed to the workers.
fn stdin_secret(batch: &Batch) -> Result<Option<Secret>, Failure> {
    let mut keys = batch.vms.iter().flat_map(|vm| &vm.job.policy.keys);
    match keys.find(|key| key.secret == SecretPlace::Stdin) {
        None => Ok(None),
        Some(key) => Ok(keys::read(std::slice::from_ref(key))?.into_iter().next().map(|k| k.secret)),
    }
}
