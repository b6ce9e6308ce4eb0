//! The user's programs around the batch and after each VM.

use std::sync::Mutex;
use std::thread;

use h2k_config::batch::HookTime;

use super::Runner;
use crate::batch::BatchVm;
use crate::batch::hooks::{self, Given};
use crate::error::Failure;
use crate::event::{Event, Reporter};
use crate::state::VmRecord;

impl Runner<'_> {
    /// Runs those after a VM's end beside the batch: they hold up nobody.
    pub(super) fn vm_end_hooks(&mut self, vm: &BatchVm, record: VmRecord) {
        let hooks: Vec<_> = self.batch.hooks.iter().chain(&vm.hooks).cloned().collect();
        if !hooks.iter().any(|h| h.when == HookTime::VmEnd) {
            return;
        }
        let (job, batch) = (vm.job.clone(), self.batch.name.clone());
        let run = move || {
            let heard = Heard::default();
            let dir = job.result_dir(&record.name).ok().filter(|dir| dir.exists());
            let given = Given {
                version: hooks::VERSION,
                hook: "",
                when: String::new(),
                batch: &batch,
                vm: Some(&record.name),
                sources: job.sources.iter().map(AsRef::as_ref).collect(),
                result: dir.as_deref(),
                state: Some(record.state.name()),
                error: record.error.as_deref(),
            };
            if let Err(failure) = hooks::run(&hooks, &HookTime::VmEnd, &given, &heard) {
                heard.event(&Event::Warning { vm: record.name.clone(), message: failure.chain() });
            }
            heard.0.into_inner().unwrap_or_default()
        };
        if let Ok(thread) = thread::Builder::new().name("hook".to_owned()).spawn(run) {
            self.hooks.push(thread);
        }
    }

    /// Runs those of the batch.
    ///
    /// # Errors
    /// One failed whose failure counts.
    pub(super) fn batch_hooks(&self, when: &HookTime, state: Option<&str>) -> Result<(), Failure> {
        let given = Given {
            version: hooks::VERSION,
            hook: "",
            when: String::new(),
            batch: &self.batch.name,
            vm: None,
            sources: Vec::new(),
            result: None,
            state,
            error: None,
        };
        hooks::run(&self.batch.hooks, when, &given, self.means.ui)
    }
}

/// Keeps events until they can be told.
#[derive(Default)]
struct Heard(Mutex<Vec<Event>>);

impl Reporter for Heard {
    fn event(&self, event: &Event) {
        if let Ok(mut events) = self.0.lock() {
            events.push(event.clone());
        }
    }
}
