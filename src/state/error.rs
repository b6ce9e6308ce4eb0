//! What can go wrong with the store.

use std::io;
use std::path::Path;

use rusqlite::ErrorCode;
use thiserror::Error;

use super::batches::BatchId;
use super::run::RunId;
use crate::stage::Stage;

/// The store did not do what it was asked.
#[derive(Debug, Error)]
pub enum StateError {
    /// The file system failed.
    #[error("making the file or its directory")]
    Io {
        /// What the system reported.
        source: io::Error,
    },
    /// SQLite failed.
    #[error("the state store failed")]
    Sqlite(#[source] rusqlite::Error),
    /// The file is no SQLite file, or its pages make no sense.
    #[error("the state file is damaged")]
    Damaged(#[source] rusqlite::Error),
    /// Another program's SQLite file.
    #[error("the file is another program's database")]
    Foreign,
    /// Written by a newer h2k.
    #[error("the state file has schema {found}; this h2k knows schemas up to {known}")]
    Newer {
        /// Schema of the file.
        found: i64,
        /// Newest schema that this h2k knows.
        known: i64,
    },
    /// Another process works on the run.
    #[error("the process {pid} is working on it")]
    Owned {
        /// The process.
        pid: u32,
    },
    /// There is no such run.
    #[error("there is no run {0}")]
    NoRun(RunId),
    /// What was done to a result cannot be read.
    #[error("what was done to a result ({act}) cannot be read: {what}")]
    ActRow {
        /// Its number.
        act: i64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// There is no such batch.
    #[error("there is no batch {0}")]
    NoBatch(BatchId),
    /// A batch's row cannot be read.
    #[error("batch {batch} cannot be read: {what}")]
    BatchRow {
        /// The batch.
        batch: BatchId,
        /// What is wrong with it.
        what: String,
    },
    /// The row of a batch's VM cannot be read.
    #[error("VM {place} of a batch cannot be read: {what}")]
    VmRow {
        /// Its place.
        place: usize,
        /// What is wrong with it.
        what: String,
    },
    /// A stage's output cannot be written or read.
    #[error("the kept output of {stage} cannot be used")]
    Output {
        /// The stage.
        stage: Stage,
        /// Why.
        source: serde_json::Error,
    },
    /// A run's row cannot be read.
    #[error("run {run} cannot be read: {what}")]
    Row {
        /// The run.
        run: RunId,
        /// What is wrong with it.
        what: String,
    },
}

impl StateError {
    /// What the user can do about it.
    pub fn hint(&self, path: &Path) -> Option<String> {
        let path = path.display();
        match self {
            StateError::Damaged(_) => Some(format!(
                "move {path} away: finished results are not in it, only what is needed to go on with unfinished runs"
            )),
            StateError::Newer { .. } => {
                Some("use the newer h2k, or name another file with --state FILE".to_owned())
            }
            StateError::Foreign | StateError::Io { .. } => {
                Some("name another file with --state FILE".to_owned())
            }
            _ => None,
        }
    }
}

impl From<rusqlite::Error> for StateError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => StateError::Damaged(error),
            _ => StateError::Sqlite(error),
        }
    }
}
