//! What workers say.

use std::collections::HashMap;

use super::Runner;
use crate::batch::wire::Said;
use crate::error::Failure;
use crate::event::Event;
use crate::stage::Stage;
use crate::ui::lines::percent;

impl Runner<'_> {
    pub(super) fn hear(
        &mut self,
        place: usize,
        said: Said,
        progress: &mut HashMap<usize, String>,
    ) -> Result<(), Failure> {
        match said {
            Said::Event(event) => {
                self.learn_name(place, &event);
                match &event {
                    Event::Progress { stage, done, total, .. } => {
                        progress.insert(place, format!("{stage} {} %", percent(*done, *total)));
                    }
                    Event::StageStarted { stage, .. } => {
                        progress.insert(place, stage.to_string());
                    }
                    _ => {}
                }
                self.means.ui.event(&event);
                Ok(())
            }
            Said::Want { stage, need } => {
                if let Err((wanted, there_is)) = self.ledger.ask(place, need) {
                    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
                    let message = format!(
                        "{stage} needs {} MiB of memory, and the batch may take {} MiB",
                        mib(wanted),
                        mib(there_is)
                    );
                    return self.refuse(place, &message);
                }
                Ok(())
            }
            Said::Ended { name, result } => {
                progress.remove(&place);
                self.workers.remove(&place);
                self.ledger.release(place);
                self.settle(place, name, &result)
            }
        }
    }

    /// After FETCH, a VM's events carry its own name.
    fn learn_name(&mut self, place: usize, event: &Event) {
        if let (Event::StageDone { vm, stage, .. } | Event::StageStarted { vm, stage }, Some(record)) =
            (event, self.vms.get_mut(place))
            && *stage > Stage::Fetch
        {
            record.name.clone_from(vm);
        }
    }
}
