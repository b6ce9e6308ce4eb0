//! What is done to results after their runs is noted, so that `h2k history` shows it.

use std::path::Path;

use super::Settled;
use crate::error::Failure;
use crate::state::ActKind;

/// Does something to the result in `dir` and notes how it ended.
///
/// # Errors
/// As `doing`; the state file cannot be written.
pub fn noted<T>(
    settled: &Settled,
    act: ActKind,
    dir: &Path,
    doing: impl FnOnce() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let store = settled.store()?;
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let id = store.begin_act(act, &name, &dir.to_string_lossy())?;
    let done = doing();
    let noted = store.end_act(id, done.as_ref().err().map(Failure::chain).as_deref());
    // Why it failed counts for more than that this could not be noted.
    let done = done?;
    noted?;
    Ok(done)
}
