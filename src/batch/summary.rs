//! A batch that came to its end, or was stopped, as its report tells it.

use std::collections::HashMap;

use super::Batch;
use crate::error::FailureKind;
use crate::report::{self, BatchReport, Report};
use crate::state::{BatchRecord, VmRecord, VmState};

/// Why VMs failed in this call, by their place: the store keeps the words alone.
pub type Kinds = HashMap<usize, FailureKind>;

/// The report of a batch.
pub fn report(batch: &Batch, record: &BatchRecord, vms: &[VmRecord], kinds: &Kinds) -> BatchReport {
    let told = vms.iter().map(|vm| self::vm(batch, vm, kinds.get(&vm.place).copied())).collect();
    BatchReport::new(&batch.name, Some(batch.path.clone()), (record.started, record.ended), told)
}

/// A VM: what its own report says where there is a result, and how the batch saw it.
pub fn vm(batch: &Batch, record: &VmRecord, kind: Option<FailureKind>) -> report::VmSummary {
    let of = batch.vms.get(record.place);
    let dir = of.and_then(|vm| vm.job.result_dir(&record.name).ok());
    let ended = matches!(record.state, VmState::Done | VmState::Failed);
    // A VM that failed before it had a result may bear the name of another's that lies there.
    let own = record.state == VmState::Done || kind == Some(FailureKind::NotValidated);
    let found = dir.filter(|_| ended && own).and_then(|dir| Report::load(&dir).ok());
    let wave = of.and_then(|vm| batch.waves.get(vm.wave)).map(|w| w.name.clone()).filter(|n| !n.is_empty());
    let mut told = match found {
        Some(report) => report::VmSummary::of(&report),
        None => report::VmSummary::new(&record.name, state(record.state, kind)),
    };
    told.wave = wave;
    told.tries = record.tries.max(told.tries);
    told.started = record.started.or(told.started);
    told.ended = record.ended.or(told.ended);
    if record.state != VmState::Done {
        told.error.clone_from(&record.error);
    }
    told
}

fn state(state: VmState, kind: Option<FailureKind>) -> report::VmStanding {
    match (state, kind) {
        (VmState::Waiting, _) => report::VmStanding::Waiting,
        (VmState::Running, _) => report::VmStanding::Running,
        (VmState::Done, _) => report::VmStanding::Done,
        (VmState::Skipped, _) => report::VmStanding::Skipped,
        (VmState::Cancelled, _) => report::VmStanding::Cancelled,
        (VmState::Failed, Some(FailureKind::NotReady)) => report::VmStanding::NotReady,
        (VmState::Failed, Some(FailureKind::NotValidated)) => report::VmStanding::NotValidated,
        (VmState::Failed, _) => report::VmStanding::Failed,
    }
}
