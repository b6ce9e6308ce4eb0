//! Stages of a run in the store.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::run::RunId;
use super::runs::{now, one};
use super::{Result, StateError, Store};
use crate::stage::Stage;

/// Runs that the forecast looks at: so many that one slow boot says little, so few that a new machine is soon noticed.
const PASTS: i64 = 20;

/// The seconds of VALIDATE of runs that booted what they made.
const PAST: &str = "
    SELECT (julianday(v.ended) - julianday(v.started)) * 86400.0 AS validate
    FROM runs r JOIN stages v ON v.run_id = r.id AND v.stage = 'validate' AND v.state = 'done'
    WHERE r.state = 'done' AND r.error IS NULL AND json_extract(r.job, '$.boot') AND validate >= 1
    ORDER BY r.id DESC LIMIT ?1";

impl Store {
    /// Notes that a stage began. What it left in an earlier run is forgotten.
    ///
    /// # Errors
    /// As the store reports.
    pub fn stage_started(&self, run: RunId, stage: Stage) -> Result<()> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute(
            "INSERT OR REPLACE INTO stages (run_id, place, stage, state, started) VALUES (?1, ?2, ?3, 'running', ?4)",
            params![run.0, place(stage), stage.name(), now()],
        )?;
        log(&transaction, run, stage, "started")?;
        Ok(transaction.commit()?)
    }

    /// Notes that a stage is done, and keeps what it left.
    ///
    /// # Errors
    /// As the store reports; an output that JSON cannot hold; a stage that had not begun.
    pub fn stage_done(&self, run: RunId, stage: Stage, output: &impl Serialize) -> Result<()> {
        let output = serde_json::to_string(output).map_err(|source| StateError::Output { stage, source })?;
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let changed = transaction.execute(
            "UPDATE stages SET state = 'done', ended = ?3, output = ?4, error = NULL WHERE run_id = ?1 AND stage = ?2",
            params![run.0, stage.name(), now(), output],
        )?;
        one(changed, run)?;
        log(&transaction, run, stage, "done")?;
        Ok(transaction.commit()?)
    }

    /// Notes that a stage failed.
    ///
    /// # Errors
    /// As the store reports; a stage that had not begun.
    pub fn stage_failed(&self, run: RunId, stage: Stage, error: &str) -> Result<()> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let changed = transaction.execute(
            "UPDATE stages SET state = 'failed', ended = ?3, output = NULL, error = ?4 WHERE run_id = ?1 AND stage = ?2",
            params![run.0, stage.name(), now(), error],
        )?;
        one(changed, run)?;
        log(&transaction, run, stage, "failed")?;
        Ok(transaction.commit()?)
    }

    /// How often each stage of a run began and came to its end well, in the order of stages, those of forgotten
    /// attempts too.
    ///
    /// # Errors
    /// As the store reports.
    pub fn stage_counts(&self, run: RunId) -> Result<Vec<StageCount>> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT coalesce(sum(event = 'started'), 0), coalesce(sum(event = 'done'), 0) FROM stage_log
             WHERE run_id = ?1 AND stage = ?2",
        )?;
        let mut count = |stage: Stage| {
            let (started, done) =
                statement.query_row(params![run.0, stage.name()], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(StageCount { stage, started, done })
        };
        Stage::ALL.into_iter().map(&mut count).collect()
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

    /// When a stage that is done began and ended, in whole seconds.
    ///
    /// # Errors
    /// As the store reports; a row that holds no times.
    pub fn stage_times(&self, run: RunId, stage: Stage) -> Result<Option<(Timestamp, Timestamp)>> {
        let found = self.connection().query_row(
            "SELECT started, ended FROM stages WHERE run_id = ?1 AND stage = ?2 AND state = 'done'",
            params![run.0, stage.name()],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
        );
        let time = |text: &str| {
            let wrong = |_| StateError::Row { run, what: format!("the time of its stage {stage} is none") };
            text.parse::<Timestamp>().map_err(wrong)
        };
        found.optional()?.map(|(began, ended)| Ok((time(&began)?, time(&ended)?))).transpose()
    }

    /// Seconds, whole ones, of the boot tests of the last runs that ended well.
    ///
    /// # Errors
    /// As the store reports.
    pub fn past(&self) -> Result<Vec<f64>> {
        let connection = self.connection();
        let mut statement = connection.prepare(PAST)?;
        let rows = statement.query_map([PASTS], |row| row.get(0))?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
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

/// How often a stage of a run was worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StageCount {
    /// Stage.
    pub stage: Stage,
    /// Times that it began.
    pub started: u64,
    /// Times that it came to its end well.
    pub done: u64,
}

fn log(connection: &Connection, run: RunId, stage: Stage, event: &str) -> Result<()> {
    connection.execute(
        "INSERT INTO stage_log (run_id, stage, event, at) VALUES (?1, ?2, ?3, ?4)",
        params![run.0, stage.name(), event, now()],
    )?;
    Ok(())
}

/// Place in the order of stages.
fn place(stage: Stage) -> i64 {
    Stage::ALL.iter().zip(0..).find(|(s, _)| **s == stage).map_or(0, |(_, place)| place)
}
