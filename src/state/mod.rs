//! What h2k remembers of its runs, so that one that was killed goes on: a SQLite file.
//!
//! ```text
//!  runs    one per job: what was asked, by which process, how it ended
//!  stages  one per run and stage: how it ended, and what it left for the next stage
//!  stage_log  every beginning and end of a stage, for history and for counting what was done twice
//!  acts    what was done to results after their runs: refix, accept, undo
//!  batches, batch_vms  a batch, and one per VM of it: which job, how it stands
//! ```
//!
//! Every change is on disk when its call returns: WAL with `synchronous=FULL`. The file is its user's alone. Secrets
//! never come here: a job holds none.

mod acts;
mod batches;
mod error;
pub mod lock;
pub(crate) mod owner;
mod run;
mod runs;
mod schema;
mod stages;

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::error::{Failure, FailureKind};

pub use acts::{Act, ActId, ActKind};
pub use batches::{BatchId, BatchRecord, BatchState, VmRecord, VmState};
pub use error::StateError;
pub use lock::OutputLock;
pub use owner::Process;
pub use run::{NewRun, Run, RunId, RunState, StageState};
pub use stages::StageCount;

/// How long a call waits for another h2k that is writing.
const BUSY: Duration = Duration::from_secs(10);

/// Result of a call to the store.
pub type Result<T> = std::result::Result<T, StateError>;

/// The store. May be used from several threads; several processes may have the same file open.
pub struct Store {
    connection: Mutex<Connection>,
}

impl Store {
    /// Opens the store, and makes it where it is not.
    ///
    /// # Errors
    /// The file cannot be made or opened, is damaged, is no store, or was written by a newer h2k.
    pub fn open(path: &Path) -> std::result::Result<Self, Failure> {
        open(path).map_err(|error| {
            let hint = error.hint(path);
            let failure = Failure::new(FailureKind::Failed, error);
            let failure = failure.context(format!("opening the state file {}", path.display()));
            match hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A thread that panicked left no open transaction: they end when they are dropped.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(path: &Path) -> Result<Store> {
    make_private(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    schema::prepare(&mut connection)?;
    Ok(Store { connection: Mutex::new(connection) })
}

/// Makes the file and its directory, for this user only. SQLite gives its other files the same mode.
fn make_private(path: &Path) -> Result<()> {
    let io = |source: io::Error| StateError::Io { source };
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io)?;
    }
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let mode = file.and_then(|f| f.metadata()).map_err(io)?.permissions().mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(io)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
