//! `h2k accept`: results that keep their base stand for themselves.

use super::acts::noted;
use super::{Settled, report};
use crate::cli::AcceptArgs;
use crate::error::{Doing, Failure};
use crate::kept;
use crate::plan::text::bytes;
use crate::state::ActKind;
use crate::ui::{Ui, escape};

/// Runs the subcommand.
///
/// # Errors
/// There is no such result, it keeps no base, its guest runs. Those named before it are accepted.
pub fn run(args: &AcceptArgs, settled: &Settled, ui: &Ui) -> Result<(), Failure> {
    for which in &args.which {
        let found = report::find(which, settled)?;
        let dir = std::path::absolute(&found).doing(format!("finding {}", found.display()))?;
        let report = noted(settled, ActKind::Accept, &dir, || kept::accept(&dir, ui))?;
        for disk in &report.disks {
            let file = escape::line(&disk.file.display().to_string()).into_owned();
            ui.answer(&format!("{}: {file} stands for itself ({})\n", report.name, bytes(disk.allocated)))?;
        }
    }
    Ok(())
}
