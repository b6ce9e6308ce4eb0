//! `linux.units`: systemd units that the settings enable, disable or mask.

use h2k_config::Policy;

use super::refused;
use crate::linux::units::Units;
use crate::{Fixer, Guest, GuestFacts, GuestMut, Proposal, Recorder, error::Result};

const ID: &str = "linux.units";

/// Enables, disables and masks units.
pub struct WantedUnits;

impl Fixer for WantedUnits {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "enables, disables and masks the units that customize names"
    }

    fn explanation(&self) -> &'static str {
        "customize.units.enable, disable and mask do what systemctl does: enabling makes the links that the unit's \
         [Install] section asks for (and takes a mask away), disabling removes every link that starts the unit, masking \
         links it to /dev/null. A unit that is not there, or that cannot be enabled, is a critical concern."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        let wanted = &policy.customize.units;
        if !facts.is_linux() || *wanted == h2k_config::customize::Units::default() {
            return Ok(proposal);
        }
        if !facts.init.systemd {
            let message = "the guest's init is not systemd";
            proposal.concerns.push(refused("customize.units", message, "leave the units out for this guest"));
            return Ok(proposal);
        }
        let mut recorder = Recorder::new(guest);
        for unit in wanted.disable.iter().map(h2k_config::customize::UnitName::as_str) {
            let edits = units(&recorder, "customize.units.disable").disable(unit)?;
            edits.iter().try_for_each(|edit| recorder.apply(edit))?;
        }
        for unit in wanted.mask.iter().map(h2k_config::customize::UnitName::as_str) {
            let edits = units(&recorder, "customize.units.mask").mask(unit)?;
            edits.iter().try_for_each(|edit| recorder.apply(edit))?;
        }
        for unit in wanted.enable.iter().map(h2k_config::customize::UnitName::as_str) {
            match units(&recorder, "customize.units.enable").enable(unit)? {
                Some(edits) => edits.iter().try_for_each(|edit| recorder.apply(edit))?,
                None => proposal.concerns.push(refused(
                    unit,
                    "there is no such unit in the guest, or it says nothing of how to start it",
                    "check its name, or copy the unit in with customize.files",
                )),
            }
        }
        proposal.edits = recorder.into_edits();
        Ok(proposal)
    }
}

fn units<'a>(guest: &'a dyn Guest, reason: &'a str) -> Units<'a> {
    Units { guest, fixer: ID, reason }
}
