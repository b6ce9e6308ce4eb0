//! Stages of a run in the store.

use rusqlite::{OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::run::RunId;
use super::runs::{now, one};
use super::{Result, StateError, Store};
use crate::stage::Stage;

impl Store {
    /// Notes that a stage began. What it left in an earlier run is forgotten.
    ///
    /// # Errors
    /// As the store reports.
    pub fn stage_started(&self, run: RunId, stage: Stage) -> Result<()> {
        self.connection().execute(
            "INSERT OR REPLACE INTO stages (run_id, place, stage, state, started) VALUES (?1, ?2, ?3, 'running', ?4)",
            params![run.0, place(stage), stage.name(), now()],
        )?;
        Ok(())
    }

    /// Notes that a stage is done, and keeps what it left.
    ///
    /// # Errors
    /// As the store reports; an output that JSON cannot hold; a stage that had not begun.
    pub fn stage_done(&self, run: RunId, stage: Stage, output: &impl Serialize) -> Result<()> {
        let output = serde_json::to_string(output).map_err(|source| StateError::Output { stage, source })?;
        let changed = self.connection().execute(
            "UPDATE stages SET state = 'done', ended = ?3, output = ?4, error = NULL WHERE run_id = ?1 AND stage = ?2",
            params![run.0, stage.name(), now(), output],
        )?;
        one(changed, run)
    }

    /// Notes that a stage failed.
    ///
    /// # Errors
    /// As the store reports; a stage that had not begun.
    pub fn stage_failed(&self, run: RunId, stage: Stage, error: &str) -> Result<()> {
        let changed = self.connection().execute(
            "UPDATE stages SET state = 'failed', ended = ?3, output = NULL, error = ?4 WHERE run_id = ?1 AND stage = ?2",
            params![run.0, stage.name(), now(), error],
        )?;
        one(changed, run)
    }

    /// What a stage left, if it is done.
    ///
    /// # Errors
    /// As the store reports; the output was written in another shape.
    pub fn stage_output<T: DeserializeOwned>(&self, run: RunId, stage: Stage) -> Result<Option<T>> {
        let found = self.connection().query_row(
            "SELECT output FROM stages WHERE run_id = ?1 AND stage = ?2 AND state = 'done'",
            params![run.0, stage.name()],
            |row| row.get::<_, Option<String>>(0),
        );
        match found.optional()?.flatten() {
            None => Ok(None),
            Some(text) => {
                serde_json::from_str(&text).map(Some).map_err(|source| StateError::Output { stage, source })
            }
        }
    }

    /// Whether a stage ever began in this run.
    ///
    /// # Errors
    /// As the store reports.
    pub fn reached(&self, run: RunId, stage: Stage) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM stages WHERE run_id = ?1 AND stage = ?2)";
        Ok(self.connection().query_row(sql, params![run.0, stage.name()], |row| row.get(0))?)
    }

    /// Forgets all stages of a run: it starts over.
    ///
    /// # Errors
    /// As the store reports.
    pub fn forget_stages(&self, run: RunId) -> Result<()> {
        self.connection().execute("DELETE FROM stages WHERE run_id = ?1", [run.0])?;
        Ok(())
    }
}

/// Place in the order of stages.
fn place(stage: Stage) -> i64 {
    Stage::ALL.iter().zip(0..).find(|(s, _)| **s == stage).map_or(0, |(_, place)| place)
}
