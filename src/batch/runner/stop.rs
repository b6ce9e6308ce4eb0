//! What the user wants to stop, from this terminal or from another.

use super::Runner;
use crate::error::Failure;
use crate::state::{VmRecord, VmState};

impl Runner<'_> {
    pub(super) fn look_for_cancels(&mut self) -> Result<(), Failure> {
        let (whole, places) = self.means.store.cancelled(self.id)?;
        if whole && !self.stopping {
            self.stop_all();
        }
        for place in places {
            let Some(record) = self.vms.get_mut(place) else { continue };
            record.cancel = true;
            match self.workers.get(&place) {
                Some(worker) => worker.stop(),
                None if record.state == VmState::Waiting => {
                    let record = VmRecord {
                        state: VmState::Cancelled,
                        error: Some("cancelled".to_owned()),
                        ..record.clone()
                    };
                    self.end(place, record, None)?;
                }
                None => {}
            }
        }
        Ok(())
    }

    pub(super) fn stop_all(&mut self) {
        self.stopping = true;
        for worker in self.workers.values() {
            worker.stop();
        }
    }
}
