//! How Windows was left.

use crate::error::Result;
use crate::facts::windows::Shutdown;
use crate::guest::Guest;
use crate::hive::Hive;
use crate::windows::{SYSTEM_VOLUME, path};

/// Bytes of the hibernation file that are looked at.
const SIGNATURE: usize = 4;

/// Looks at the hibernation file. `known` is what the file system says of itself.
pub(super) fn shutdown(guest: &dyn Guest, system: &Hive, set: &str, known: Shutdown) -> Result<Shutdown> {
    let Some(file) = path::find(guest, SYSTEM_VOLUME, "hiberfil.sys")? else { return Ok(known) };
    let head = guest.read_at(&file, 0, SIGNATURE)?;
    // `HIBR` (before Windows 8 `hibr`) while an image waits to be loaded; `RSTR`, `wake` or zeros once it was.
    if !head.eq_ignore_ascii_case(b"hibr") {
        return Ok(known);
    }
    let fast = system.value(&format!("{set}\\Control\\Session Manager\\Power"), "HiberbootEnabled")?;
    let fast = fast.and_then(|data| data.number()) == Some(1);
    Ok(if fast { Shutdown::FastStartup } else { Shutdown::Hibernated })
}
