//! What a worker's end means for its VM, and for those that share its source or target.

use jiff::{SignedDuration, Timestamp};

use super::Runner;
use crate::batch::wire::{Done, Told};
use crate::error::{Failure, FailureKind};
use crate::event::Event;
use crate::fault::Fault;
use crate::state::{VmRecord, VmState};

/// Tries that a VM gets where the user says nothing.
const TRIES: u32 = 3;

/// Pause before the second try; each further one is twice as long.
const BACKOFF: SignedDuration = SignedDuration::from_secs(15);

/// Longest pause before another try.
const LONGEST_BACKOFF: SignedDuration = SignedDuration::from_mins(15);

impl Runner<'_> {
    /// A stage that can never be granted: its worker is stopped, and the reason stands with the VM.
    pub(super) fn refuse(&mut self, place: usize, message: &str) -> Result<(), Failure> {
        if let Some(worker) = self.workers.remove(&place) {
            worker.stop();
        }
        let told = Told {
            kind: FailureKind::Failed,
            fault: Fault::Own,
            chain: message.to_owned(),
            hints: vec!["give the batch more with concurrency: {memory: …}".to_owned()],
        };
        let Some(name) = self.vms.get(place).map(|r| r.name.clone()) else { return Ok(()) };
        self.settle(place, name, &Err(told))
    }

    /// What a worker's end means for its VM.
    pub(super) fn settle(
        &mut self,
        place: usize,
        name: String,
        result: &Result<Done, Told>,
    ) -> Result<(), Failure> {
        // One that was refused has been settled already.
        let Some(record) = self.vms.get(place).filter(|r| r.state == VmState::Running) else { return Ok(()) };
        let cancelled = record.cancel;
        let record = VmRecord { progress: None, ended: Some(Timestamp::now()), ..record.clone() };
        match result {
            Ok(done) => {
                let record = VmRecord { name, state: VmState::Done, error: None, ..record };
                self.end(place, record, Some(Ok(done)))
            }
            Err(told) => {
                let record = VmRecord { error: Some(told.chain.clone()), ..record };
                let waiting = VmRecord { state: VmState::Waiting, ended: None, ..record.clone() };
                if told.kind == FailureKind::Interrupted && cancelled {
                    return self.end(
                        place,
                        VmRecord { state: VmState::Cancelled, ..record },
                        Some(Err(told)),
                    );
                }
                if self.stopping {
                    return self.note(place, waiting);
                }
                match told.fault {
                    Fault::Target | Fault::Source => self.hold(place, told, waiting),
                    Fault::Transient if record.tries < self.tries() => self.again(place, told, waiting),
                    _ => self.end(place, VmRecord { state: VmState::Failed, ..record }, Some(Err(told))),
                }
            }
        }
    }

    fn tries(&self) -> u32 {
        self.batch.concurrency.tries.unwrap_or(TRIES)
    }

    /// A fault that would hit every VM of the same target or source: none of them is started any more.
    fn hold(&mut self, place: usize, told: &Told, record: VmRecord) -> Result<(), Failure> {
        let Some(entry) = self.entries.get(place) else { return Ok(()) };
        let of_target = told.fault == Fault::Target;
        let key = if of_target { entry.target.clone() } else { entry.source.clone() };
        for other in &mut self.entries {
            other.held |= if of_target { other.target == key } else { other.source == key };
        }
        let message = format!("nothing more is started there: {}", told.chain);
        self.means.ui.event(&Event::Warning { vm: record.name.clone(), message });
        self.held.entry(key).or_insert_with(|| told.chain.clone());
        self.note(place, record)
    }

    /// A fault that may pass by: the VM has another try, later and later.
    fn again(&mut self, place: usize, told: &Told, record: VmRecord) -> Result<(), Failure> {
        let pause = backoff(record.tries, place);
        let message =
            format!("try {} failed, another in {} s: {}", record.tries, pause.as_secs(), told.chain);
        self.means.ui.event(&Event::Warning { vm: record.name.clone(), message });
        let at = Timestamp::now().checked_add(pause).unwrap_or_default();
        self.note(place, VmRecord { retry_at: Some(at), ..record })
    }

    pub(super) fn end(
        &mut self,
        place: usize,
        record: VmRecord,
        result: Option<Result<&Done, &Told>>,
    ) -> Result<(), Failure> {
        self.note(place, record)?;
        let (Some(record), Some(vm)) = (self.vms.get(place), self.batch.vms.get(place)) else {
            return Ok(());
        };
        if let Some(result) = result {
            (self.means.ended)(record, result);
        } else if let Some(why) = &record.error {
            let message = format!("{}: {why}", record.state.name());
            self.means.ui.event(&Event::Warning { vm: record.name.clone(), message });
        }
        self.vm_end_hooks(vm, record.clone());
        Ok(())
    }
}

/// Pause before the next try: doubled with each, and spread, so that VMs that failed together do not come together.
fn backoff(tries: u32, place: usize) -> SignedDuration {
    let doubled = BACKOFF.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(LONGEST_BACKOFF);
    let spread = i32::try_from(place % 5).unwrap_or_default();
    doubled.saturating_add(doubled.checked_div(20).unwrap_or_default().saturating_mul(spread))
}
