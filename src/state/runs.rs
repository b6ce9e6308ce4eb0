//! Runs in the store.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::owner::Process;
use super::run::{NewRun, Run, RunId, RunState, StageState};
use super::{Result, StateError, Store};
use crate::job::Job;
use crate::stage::Stage;

/// Version that is noted with a run. Only the same version goes on with it: what stages left is theirs alone.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A run's columns and the stage that it came to, in the order in which [`read`] takes them.
const COLUMNS: &str = "id, vm, job, state, pid, boot_id, process_start, h2k, started, ended, error,
    (SELECT stage || ' ' || state FROM stages WHERE run_id = runs.id ORDER BY place DESC LIMIT 1)";

impl Store {
    /// Notes a run of this process.
    ///
    /// # Errors
    /// As the store reports.
    pub fn begin_run(&self, run: &NewRun) -> Result<RunId> {
        let owner = current()?;
        let connection = self.connection();
        connection.execute(
            "INSERT INTO runs (vm, output, sources, job, state, pid, boot_id, process_start, h2k, started)
             VALUES (?1, ?2, ?3, ?4, 'running', ?5, ?6, ?7, ?8, ?9)",
            params![
                run.vm,
                run.output,
                run.sources,
                run.job,
                owner.pid,
                owner.boot,
                owner.start,
                VERSION,
                now()
            ],
        )?;
        Ok(RunId(connection.last_insert_rowid()))
    }

    /// The last run of an equal job, by this version of h2k, that is not done.
    ///
    /// # Errors
    /// As the store reports; the job cannot be written as JSON.
    pub fn unfinished(&self, job: &Job) -> Result<Option<RunId>> {
        let text = serde_json::to_string(job)
            .map_err(|source| StateError::Output { stage: Stage::Fetch, source })?;
        let found = self.connection().query_row(
            "SELECT id FROM runs WHERE job = ?1 AND h2k = ?2 AND state <> 'done' ORDER BY id DESC LIMIT 1",
            params![text, VERSION],
            |row| row.get(0),
        );
        Ok(found.optional()?.map(RunId))
    }

    /// The name that the last run of an equal job ended well under; `None` where there is none. A run that ended well
    /// with a result that did not prove that it boots is none.
    ///
    /// # Errors
    /// As the store reports; the job cannot be written as JSON.
    pub fn finished(&self, job: &Job) -> Result<Option<String>> {
        let text = serde_json::to_string(job)
            .map_err(|source| StateError::Output { stage: Stage::Fetch, source })?;
        let sql =
            "SELECT vm, state = 'done' AND error IS NULL FROM runs WHERE job = ?1 ORDER BY id DESC LIMIT 1";
        let found =
            self.connection().query_row(sql, [text], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        Ok(found.and_then(|(name, done)| if done { Some(name) } else { None }))
    }

    /// Makes this process the owner of a run that another left.
    ///
    /// # Errors
    /// [`StateError::Owned`] if the other still lives; [`StateError::NoRun`].
    pub fn adopt(&self, run: RunId) -> Result<()> {
        let new = current()?;
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let old = load(&transaction, run)?;
        if old.state == RunState::Running && old.owner != new && old.alive {
            return Err(StateError::Owned { pid: old.owner.pid });
        }
        transaction.execute(
            "UPDATE runs SET state = 'running', pid = ?2, boot_id = ?3, process_start = ?4, ended = NULL, error = NULL
             WHERE id = ?1",
            params![run.0, new.pid, new.boot, new.start],
        )?;
        Ok(transaction.commit()?)
    }

    /// Gives a run the VM's name once it is known.
    ///
    /// # Errors
    /// As the store reports; [`StateError::NoRun`].
    pub fn name_run(&self, run: RunId, vm: &str) -> Result<()> {
        let changed =
            self.connection().execute("UPDATE runs SET vm = ?2 WHERE id = ?1", params![run.0, vm])?;
        one(changed, run)
    }

    /// Notes how a run ended. A run that is done needs its stages' outputs no more: they are removed.
    ///
    /// # Errors
    /// As the store reports; [`StateError::NoRun`].
    pub fn finish_run(&self, run: RunId, state: RunState, error: Option<&str>) -> Result<()> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let changed = transaction.execute(
            "UPDATE runs SET state = ?2, ended = ?3, error = ?4 WHERE id = ?1",
            params![run.0, state.name(), now(), error],
        )?;
        one(changed, run)?;
        if state == RunState::Done {
            transaction.execute("UPDATE stages SET output = NULL WHERE run_id = ?1", [run.0])?;
        }
        Ok(transaction.commit()?)
    }

    /// Forgets a run.
    ///
    /// # Errors
    /// As the store reports; [`StateError::NoRun`].
    pub fn forget_run(&self, run: RunId) -> Result<()> {
        one(self.connection().execute("DELETE FROM runs WHERE id = ?1", [run.0])?, run)
    }

    /// Every run, the last first.
    ///
    /// # Errors
    /// As the store reports; a row that makes no sense.
    pub fn list_runs(&self) -> Result<Vec<Run>> {
        let connection = self.connection();
        let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM runs ORDER BY id DESC"))?;
        let rows = statement.query_map((), |row| Ok(read(row)))?;
        rows.map(|row| row?).collect()
    }

    /// A run.
    ///
    /// # Errors
    /// As the store reports; [`StateError::NoRun`].
    pub fn run(&self, run: RunId) -> Result<Run> {
        load(&self.connection(), run)
    }
}

fn load(connection: &Connection, run: RunId) -> Result<Run> {
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE id = ?1");
    connection.query_row(&sql, [run.0], |row| Ok(read(row))).optional()?.ok_or(StateError::NoRun(run))?
}

fn read(row: &Row<'_>) -> Result<Run> {
    let id = RunId(row.get(0)?);
    let wrong = |what: &str| StateError::Row { run: id, what: what.to_owned() };
    let text = |column: usize| row.get::<_, String>(column);
    let ended: Option<String> = row.get(9)?;
    let stage: Option<String> = row.get(11)?;
    let owner = Process { pid: row.get(4)?, boot: text(5)?, start: row.get(6)? };
    Ok(Run {
        id,
        name: text(1)?,
        job: serde_json::from_str(&text(2)?).map_err(|e| wrong(&format!("its job: {e}")))?,
        state: RunState::parse(&text(3)?).ok_or_else(|| wrong("its state is unknown"))?,
        alive: owner.alive(),
        stage: stage.map(|s| stage_of(&s).ok_or_else(|| wrong("its stage is unknown"))).transpose()?,
        owner,
        h2k: text(7)?,
        started: text(8)?.parse().map_err(|_| wrong("its start is no time"))?,
        ended: ended.map(|t| t.parse().map_err(|_| wrong("its end is no time"))).transpose()?,
        error: row.get(10)?,
    })
}

fn stage_of(text: &str) -> Option<(Stage, StageState)> {
    let (stage, state) = text.split_once(' ')?;
    Some((Stage::ALL.into_iter().find(|s| s.name() == stage)?, StageState::parse(state)?))
}

pub(super) fn current() -> Result<Process> {
    Process::current().map_err(|source| StateError::Io { source })
}

pub(super) fn one(changed: usize, run: RunId) -> Result<()> {
    if changed == 1 { Ok(()) } else { Err(StateError::NoRun(run)) }
}

/// The time as text that sorts: RFC 3339 with whole seconds, UTC.
pub(super) fn now() -> String {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default().to_string()
}
